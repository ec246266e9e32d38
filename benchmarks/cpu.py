"""The CPU time of this process and all that it started, and of everybody else meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

__all__ = ["CpuUse", "cpu_use", "medians"]


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
def cpu_use() -> Iterator[CpuUse]:
    """Yields what is filled in when the block ends. A descendant that ended within the block counts as another's."""
    use = CpuUse()
    before, machine = _own_times(), _machine_s()
    began = time.perf_counter()
    try:
        yield use
    finally:
        use.wall_s = time.perf_counter() - began
        use.own_s = sum(seconds - before.get(process, 0.0) for process, seconds in _own_times().items())
        use.others_s = max(0.0, _machine_s() - machine - use.own_s)


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
