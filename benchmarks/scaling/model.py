"""A simulation of chunks on many nodes, from times that were measured on one. Pure; nothing here runs on a cluster."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import accumulate, cycle, islice

__all__ = ["Times", "cpu_stages_s", "repeated", "workflow_s"]


@dataclass(frozen=True, slots=True)
class Times:
    """What was measured. chunks_s: the seconds that each chunk's cropping took on one core; crops: how many crops each
    gave; stitch_s and device_s: of one group of crops; handover_s: between two tasks on one core."""

    chunks_s: tuple[float, ...]
    crops: tuple[int, ...]
    stitch_s: float
    device_s: float
    handover_s: float


def repeated(times: Times, chunks: int) -> Times:
    """Returns the times of a longer video: the measured chunks over and over, until there are so many."""
    return Times(
        tuple(islice(cycle(times.chunks_s), chunks)),
        tuple(islice(cycle(times.crops), chunks)),
        times.stitch_s,
        times.device_s,
        times.handover_s,
    )


def cpu_stages_s(times: Times, nodes: int, group: int) -> float:
    """Returns the seconds until every chunk is cropped and every group of so many crops is stitched, with one core on
    each node: whichever is free takes the next chunk."""
    return max(_stitched(times, nodes, group))


def workflow_s(times: Times, nodes: int, group: int) -> float:
    """Returns the seconds until all groups are read as well, one after the other on one device beside the nodes."""
    free = 0.0
    for ready in _stitched(times, nodes, group):
        free = max(free, ready) + times.device_s
    return free


def _stitched(times: Times, nodes: int, group: int) -> list[float]:
    """Returns when each group of crops is stitched, in order. Reports are taken in order, groups reach over chunks."""
    cores = [0.0] * nodes
    done = []
    for seconds in times.chunks_s:
        ended = heapq.heappop(cores) + times.handover_s + seconds
        heapq.heappush(cores, ended)
        done.append(ended)
    in_order = list(accumulate(done, max))
    crops = list(accumulate(times.crops))
    full = range(group, crops[-1] + 1, group)
    ready = [next(when for when, seen in zip(in_order, crops, strict=True) if seen >= wanted) for wanted in full]
    if crops[-1] % group or not crops[-1]:
        ready.append(in_order[-1])
    # Stitching takes a hundredth of what cropping does: that a core is free for it at once changes nothing.
    return [when + times.handover_s + times.stitch_s for when in ready]
