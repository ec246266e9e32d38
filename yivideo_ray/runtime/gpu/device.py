"""What this process holds of the machine, its memory and the GPU's by NVML, which GPUs it sees, and its end where
native code hangs.

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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

__all__ = ["HangGuard", "first_gpu", "gpu_memory", "nvml", "order_gpus", "process_memory", "take_gpu"]


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
