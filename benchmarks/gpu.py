"""How busy the GPUs are while something runs, as NVML tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from yivideo_ray.runtime.gpu.device import nvml

__all__ = ["GpuUse", "gpu_use"]

EVERY_S = 0.1


@dataclass(slots=True)
class GpuUse:
    """busy: the share of the time in which kernels ran on the GPU that had most of it; None without GPU or NVML."""

    busy: float | None = None


@contextmanager
def gpu_use(every_s: float = EVERY_S) -> Iterator[GpuUse]:
    """Yields what is filled in when the block ends. NVML looks back over a sixth of a second to a second."""
    use = GpuUse()
    with nvml() as module:
        if module is None:
            yield use
            return
        ended = threading.Event()
        handles = [module.nvmlDeviceGetHandleByIndex(index) for index in range(module.nvmlDeviceGetCount())]
        seen: list[list[float]] = [[] for _ in handles]
        watcher = threading.Thread(target=_watch, args=(module, handles, seen, ended, every_s), daemon=True)
        watcher.start()
        try:
            yield use
        finally:
            ended.set()
            watcher.join()
            use.busy = max((fmean(shares) for shares in seen if shares), default=None)


def _watch(module: Any, handles: list[Any], seen: list[list[float]], ended: threading.Event, every_s: float) -> None:
    while not ended.wait(every_s):
        for handle, shares in zip(handles, seen, strict=True):
            try:
                shares.append(module.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
            except module.NVMLError:
                # A driver may not tell, as with GPUs that are divided.
                continue
