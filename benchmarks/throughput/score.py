"""The arithmetic of the throughput benchmark. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Batch", "Ratios", "Row", "busy_share", "fallen", "percentile", "ratios", "rows"]

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Batch:
    """Workflows that began together. Times are seconds since that moment; the batch ended with its last workflow.

    device: when calls held the device, as intervals. waited_s: per workflow, what it waited for its turns: at the lock
    and in the actor's mailbox. cpu_s: CPU time of the whole process tree meanwhile; others_s: of all other processes.
    gpu_busy: the share of the time in which kernels ran on the GPU; None without one.
    """

    engine: str
    mode: str
    completions_s: tuple[float, ...]
    device: tuple[Interval, ...]
    waited_s: tuple[float, ...]
    cpu_s: float
    others_s: float = 0.0
    gpu_busy: float | None = None

    @property
    def wall_s(self) -> float:
        return max(self.completions_s)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of batches with the same engine, mode and number of workflows: the median of each over them."""

    engine: str
    mode: str
    workflows: int
    batches: int
    videos_per_minute: float
    mean_completion_s: float
    p95_completion_s: float
    device_busy: float
    cpu: float
    others: float
    mean_wait_s: float
    gpu_busy: float | None = None


@dataclass(frozen=True, slots=True)
class Ratios:
    """The concurrent mode against another: how many times its throughput, and by what share the mean completion is
    shorter."""

    engine: str
    against: str
    workflows: int
    throughput: float
    shorter: float


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that at least `share` of all values do not exceed (nearest rank), so one of them.

    Below 20 values the 95th percentile is the largest. Errors: ValueError without values, or share not in (0, 1].
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values, and a share over 0 and up to 1")
    # The tolerance keeps 0.95 * 20 = 19.000000000000004 from being the 20th.
    return sorted(values)[math.ceil(share * len(values) - 1e-9) - 1]


def busy_share(intervals: Iterable[Interval], start: float, end: float) -> float:
    """Returns the share of the time from start to end that the intervals cover; what they share counts once."""
    if end <= start:
        raise ValueError("the time must end after it starts")
    covered, reached = 0.0, start
    for first, last in sorted(intervals):
        until = min(last, end)
        covered += max(0.0, until - max(first, reached))
        reached = max(reached, until)
    return covered / (end - start)


def rows(batches: Iterable[Batch], cores: int) -> list[Row]:
    """Returns a row for each engine, mode and number of workflows, in the order of their first batches."""
    groups: dict[tuple[str, str, int], list[Batch]] = {}
    for batch in batches:
        groups.setdefault((batch.engine, batch.mode, len(batch.completions_s)), []).append(batch)
    return [_row(*key, group, cores) for key, group in groups.items()]


def _row(engine: str, mode: str, workflows: int, group: Sequence[Batch], cores: int) -> Row:
    gpu = [batch.gpu_busy for batch in group if batch.gpu_busy is not None]
    return Row(
        engine,
        mode,
        workflows,
        len(group),
        videos_per_minute=statistics.median(workflows * 60 / batch.wall_s for batch in group),
        mean_completion_s=statistics.median(statistics.fmean(batch.completions_s) for batch in group),
        p95_completion_s=statistics.median(percentile(batch.completions_s, 0.95) for batch in group),
        device_busy=statistics.median(busy_share(batch.device, 0.0, batch.wall_s) for batch in group),
        cpu=statistics.median(batch.cpu_s / (batch.wall_s * cores) for batch in group),
        others=statistics.median(batch.others_s / (batch.wall_s * cores) for batch in group),
        mean_wait_s=statistics.median(statistics.fmean(batch.waited_s) for batch in group),
        gpu_busy=statistics.median(gpu) if gpu else None,
    )


def ratios(table: Sequence[Row], concurrent: str) -> list[Ratios]:
    """Returns the mode `concurrent` against each other mode with the same engine and number of workflows."""
    ours = {(row.engine, row.workflows): row for row in table if row.mode == concurrent}
    others = [row for row in table if row.mode != concurrent and (row.engine, row.workflows) in ours]
    return [_against(ours[other.engine, other.workflows], other) for other in others]


def _against(ours: Row, other: Row) -> Ratios:
    return Ratios(
        other.engine,
        other.mode,
        other.workflows,
        ours.videos_per_minute / other.videos_per_minute,
        1 - ours.mean_completion_s / other.mean_completion_s,
    )


def fallen(found: Mapping[str, float], kept: Mapping[str, float], tolerance: float) -> list[str]:
    """Returns a sentence for each ratio that is kept and not found, or found more than `tolerance` of it smaller."""
    sentences = []
    for name, ratio in kept.items():
        if name not in found:
            sentences.append(f"{name}: not measured, {ratio:.2f} is kept")
        elif found[name] < ratio * (1 - tolerance):
            sentences.append(f"{name}: {found[name]:.2f}, more than {tolerance:.0%} below the {ratio:.2f} kept")
    return sentences
