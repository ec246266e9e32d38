"""What NVML tells of a GPU's health: errors of its memory, and those that the driver reports while we run (Xid)."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from yivideo_ray.runtime.gpu.device import first_gpu, nvml

__all__ = ["XidWatch", "gpu_health"]

XIDS_KEPT = 20
# How often the watch looks whether it is to end.
WAIT_MS = 5000


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
