"""What this process holds of the machine: its memory and the GPU's, and how the GPU fares, by NVML; which GPU it sees;
and its end where native code hangs.

Code that keeps Python's lock can't be ended by anything that needs Python to run: a C thread does that.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

__all__ = [
    "HangGuard",
    "XidWatch",
    "first_gpu",
    "gpu_health",
    "gpu_memory",
    "nvml",
    "order_gpus",
    "process_memory",
    "take_gpu",
]


XIDS_KEPT = 20
# How often the watch looks whether it is to end.
WAIT_MS = 5000


def order_gpus() -> None:
    """Has CUDA count GPUs as NVML and Ray do. To be called before CUDA starts here; by itself it begins with the
    fastest, so that on a machine with different ones a number means another GPU."""
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"


def take_gpu(visible: str) -> None:
    """Has this process see the GPU that another one was given. To be called before CUDA starts here. visible: what
    CUDA_VISIBLE_DEVICES is there."""
    order_gpus()
    os.environ["CUDA_VISIBLE_DEVICES"] = visible


def process_memory() -> dict[str, int]:
    """Returns this process's resident memory in bytes, now and at its highest."""
    return {
        "rss_bytes": psutil.Process().memory_info().rss,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


@contextmanager
def nvml() -> Iterator[Any]:
    """Yields NVML's Python module, ready for use; None where nvidia-ml-py is not installed or no driver is there."""
    try:
        module: Any = importlib.import_module("pynvml")
        module.nvmlInit()
    except Exception:
        # NVML has an exception class for each reason.
        module = None
    try:
        yield module
    finally:
        if module is not None:
            module.nvmlShutdown()


def first_gpu(module: Any) -> Any:
    """Returns NVML's handle of the first GPU that this process sees; None where there is none. module: as nvml yields
    it, None included."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if module is None or not visible or visible == "-1":
        return None
    try:
        if visible.isdigit():
            return module.nvmlDeviceGetHandleByIndex(int(visible))
        return module.nvmlDeviceGetHandleByUUID(visible)
    except module.NVMLError:
        return None


def gpu_memory() -> dict[str, Any] | None:
    """Returns the name and the memory in bytes of the first GPU that this process sees; None where there is none, or
    nvidia-ml-py is not installed.

    process_bytes is this process's share; None where the driver doesn't tell, as in containers with a PID namespace.
    """
    with nvml() as module:
        handle = first_gpu(module)
        if handle is None:
            return None
        try:
            memory = module.nvmlDeviceGetMemoryInfo(handle)
            processes = module.nvmlDeviceGetComputeRunningProcesses(handle)
            mine = [process for process in processes if process.pid == os.getpid()]
            return {
                "name": str(module.nvmlDeviceGetName(handle)),
                "used_bytes": int(memory.used),
                "total_bytes": int(memory.total),
                "process_bytes": int(mine[0].usedGpuMemory) if mine and mine[0].usedGpuMemory is not None else None,
            }
        except module.NVMLError:
            return None


def gpu_health() -> dict[str, Any] | None:
    """Returns what is wrong with the memory of the first GPU that this process sees; None where NVML is not there.

    uncorrected_ecc: errors since the driver was loaded; remapped_rows: of its memory, for good; remap_pending: a reset
    of the GPU is to repair it; remap_failed: nothing can. None: this GPU doesn't tell.
    """
    with nvml() as module:
        handle = first_gpu(module)
        if handle is None:
            return None
        rows = _asked(module, lambda: module.nvmlDeviceGetRemappedRows(handle))
        return {
            "uncorrected_ecc": _asked(
                module,
                lambda: module.nvmlDeviceGetTotalEccErrors(
                    handle, module.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, module.NVML_VOLATILE_ECC
                ),
            ),
            "remapped_rows": None if rows is None else int(rows[0] + rows[1]),
            "remap_pending": None if rows is None else bool(rows[2]),
            "remap_failed": None if rows is None else bool(rows[3]),
        }


def _asked(module: Any, ask: Any) -> Any:
    try:
        return ask()
    except module.NVMLError:
        return None


class XidWatch:
    """The errors that the driver has reported of the first GPU that this process sees since `start`, of whichever
    process; none where NVML is not there. NVIDIA's table says what each number means."""

    def __init__(self) -> None:
        self._seen: deque[dict[str, Any]] = deque(maxlen=XIDS_KEPT)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Returns the last ones, each with its Unix time and its number."""
        return list(self._seen)

    def start(self) -> None:
        """Begins to watch, if that has not begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="xid", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the watch, within WAIT_MS."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with nvml() as module:
            handle = first_gpu(module)
            if handle is None:
                return
            try:
                events = module.nvmlEventSetCreate()
                module.nvmlDeviceRegisterEvents(handle, module.nvmlEventTypeXidCriticalError, events)
                while not self._ended.is_set():
                    self._wait(module, events)
                module.nvmlEventSetFree(events)
            except module.NVMLError:
                # Not every GPU tells, and a driver that is unloaded tells nothing more.
                return

    def _wait(self, module: Any, events: Any) -> None:
        try:
            event = module.nvmlEventSetWait_v2(events, WAIT_MS)
        except module.NVMLError_Timeout:
            return
        self._seen.append({"time": time.time(), "xid": int(event.eventData)})


class HangGuard:
    """After `limit_s` in one block of `watch`, tracebacks go to standard error and the process exits with code 1.

    A C thread does that, which needs no GIL. Blocks of several threads may overlap.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._ends: dict[int, float] = {}

    @contextmanager
    def watch(self) -> Iterator[None]:
        me = threading.get_ident()
        with self._lock:
            self._ends[me] = time.monotonic() + self._limit_s
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                del self._ends[me]
                self._arm()

    def _arm(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        if self._ends:
            left_s = max(0.01, min(self._ends.values()) - time.monotonic())
            faulthandler.dump_traceback_later(left_s, exit=True, file=sys.__stderr__ or 2)
