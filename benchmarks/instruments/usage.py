"""What runs use while they run: CPU time, the GPU, and memory."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import psutil

from yivideo_ray.runtime.gpu.device import nvml

__all__ = ["CpuUse", "GpuUse", "Peak", "cpu_use", "gpu_use", "medians", "tree_bytes"]


@dataclass(slots=True)
class CpuUse:
    """Seconds. own_s: CPU time of this process and its descendants; others_s: of all other processes of the machine,
    where much of it spoils wall times."""

    wall_s: float = 0.0
    own_s: float = 0.0
    others_s: float = 0.0

    def others(self, cores: int) -> float:
        """Returns the share of so many cores that other processes used."""
        return self.others_s / (self.wall_s * cores)


@contextmanager
def cpu_use(every_s: float | None = None) -> Iterator[CpuUse]:
    """Yields what is filled in when the block ends. What a descendant that ends within the block has done since the
    last look counts as another's. every_s: how often to look (None: at the beginning and at the end, for a look takes
    some milliseconds of CPU)."""
    use = CpuUse()
    before, machine = _own_times(), _machine_s()
    latest = dict(before)
    began = time.perf_counter()
    try:
        with _repeatedly(lambda: latest.update(_own_times()), every_s):
            yield use
    finally:
        use.wall_s = time.perf_counter() - began
        latest.update(_own_times())
        use.own_s = sum(seconds - before.get(process, 0.0) for process, seconds in latest.items())
        use.others_s = max(0.0, _machine_s() - machine - use.own_s)


@contextmanager
def _repeatedly(look: Callable[[], None], every_s: float | None) -> Iterator[None]:
    """Calls look every so many seconds in a thread of its own while the block runs (None: never)."""
    if every_s is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(every_s):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def medians(uses: Sequence[CpuUse]) -> dict[str, float]:
    """Returns the medians of several uses: wall_s and cpu_s in seconds, others as a share of the cores."""
    cores = len(os.sched_getaffinity(0))
    return {
        "wall_s": statistics.median(use.wall_s for use in uses),
        "cpu_s": statistics.median(use.own_s for use in uses),
        "others": statistics.median(use.others(cores) for use in uses),
    }


def _own_times() -> dict[tuple[int, float], float]:
    """Returns the CPU seconds of this process and its descendants so far, each known by its pid and its start."""
    found = {}
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
            found[process.pid, process.create_time()] = times.user + times.system
        except psutil.Error:  # it ended meanwhile
            continue
    return found


def _machine_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


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


class Peak:
    """The highest that measure gave, in bytes, looked at every interval_s seconds and at the end.

    samples: what each look gave, after so many seconds from the start of watch.
    """

    def __init__(self, measure: Callable[[], int], interval_s: float) -> None:
        self.peak_bytes = 0
        self.samples: list[tuple[float, int]] = []
        self._began = time.monotonic()
        self._measure = measure
        self._interval_s = interval_s

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keeps the peak of what runs inside. Looking costs time: keep it out of what is timed."""
        self._began = time.monotonic()
        try:
            with _repeatedly(self._look, self._interval_s):
                yield
        finally:
            self._look()

    def _look(self) -> None:
        found = self._measure()
        self.samples.append((round(time.monotonic() - self._began, 1), found))
        self.peak_bytes = max(self.peak_bytes, found)


def tree_bytes() -> int:
    """Returns the proportional set size of this process and its descendants."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile
            continue
    return total
