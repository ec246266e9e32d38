"""NVML in place of a driver."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

__all__ = ["Nvml"]


class Nvml(SimpleNamespace):
    """What we use of nvidia-ml-py, with two devices. xids are what the driver will report; broken: nothing answers."""

    NVML_VOLATILE_ECC = 0
    NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
    nvmlEventTypeXidCriticalError = 8  # noqa: N815 - NVML's own names

    class NVMLError(Exception): ...

    class NVMLError_Timeout(NVMLError): ...  # noqa: N801, N818

    def __init__(self, processes: Sequence[Any] = (), broken: bool = False, xids: Sequence[int] = ()) -> None:
        super().__init__(processes=processes, broken=broken, open=0, xids=list(xids))
        self.watched: str | None = None

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own names
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"device {index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return f"device {uuid}"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        if self.broken:
            raise self.NVMLError("lost")
        return SimpleNamespace(used=3 * 2**30, total=80 * 2**30)

    def nvmlDeviceGetName(self, handle: str) -> str:  # noqa: N802
        return handle

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:  # noqa: N802
        return list(self.processes)

    def nvmlDeviceGetTotalEccErrors(self, handle: str, kind: int, counter: int) -> int:  # noqa: N802
        assert (kind, counter) == (1, 0)
        if self.broken:
            raise self.NVMLError("lost")
        return 3

    def nvmlDeviceGetRemappedRows(self, handle: str) -> tuple[int, int, int, int]:  # noqa: N802
        # Before Ampere no GPU remaps any.
        if self.broken or handle == "device 1":
            raise self.NVMLError("not supported")
        return 1, 2, 1, 0

    def nvmlEventSetCreate(self) -> str:  # noqa: N802
        return "set"

    def nvmlEventSetFree(self, events: str) -> None:  # noqa: N802
        self.watched = None

    def nvmlDeviceRegisterEvents(self, handle: str, kinds: int, events: str) -> None:  # noqa: N802
        assert kinds == 8
        self.watched = handle

    def nvmlEventSetWait_v2(self, events: str, wait_ms: int) -> Any:  # noqa: N802
        if self.broken:
            raise self.NVMLError("lost")
        if not self.xids:
            time.sleep(0.01)
            raise self.NVMLError_Timeout
        return SimpleNamespace(eventData=self.xids.pop(0))
