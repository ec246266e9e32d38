"""Whether the whole video could be decoded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yivideo_ray.types import ChunkReport, ChunkSpan, VideoInfo

__all__ = ["Completeness", "completeness"]

# Containers round their durations, and count the sound's end as the picture's.
TOLERANCE_S = 1.0
TOLERANCE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Completeness:
    """decoded_s of expected_s seconds (None: the container doesn't say); reasons is empty for a whole video."""

    decoded_s: float
    expected_s: float | None
    reasons: tuple[str, ...]


def completeness(info: VideoInfo, spans: Sequence[ChunkSpan], reports: Sequence[ChunkReport]) -> Completeness:
    """Returns how much of the video the chunks decoded; reports belong to spans, same order."""
    decoded_s = _covered_s(info, reports)
    expected_s = info.duration_s
    reasons = []
    corrupt = sum(report.corrupt_packets for report in reports)
    if corrupt:
        reasons.append(f"{corrupt} packets are damaged")
    if _ends_early(spans, reports):
        reasons.append("the file ends before its headers say")
    if expected_s is not None:
        missing_s = expected_s - decoded_s
        if missing_s > TOLERANCE_S and missing_s > expected_s * TOLERANCE_SHARE:
            reasons.append(f"{missing_s:.1f} s of {expected_s:.1f} s could not be decoded")
    return Completeness(round(decoded_s, 3), expected_s, tuple(reasons))


def _ends_early(spans: Sequence[ChunkSpan], reports: Sequence[ChunkReport]) -> bool:
    """Returns whether the file came to its end before the last chunk's start.

    A chunk of its own without frames proves nothing: with key frames far apart, the one before has them.
    """
    last = spans[-1].start_pts
    ends = [report.end_pts for report in reports if report.end_pts is not None]
    return last is not None and any(report.reached_end for report in reports) and max(ends, default=last - 1) < last


def _covered_s(info: VideoInfo, reports: Sequence[ChunkReport]) -> float:
    """Returns the length in seconds of the union of what the chunks decoded."""
    stretches = sorted(
        (report.first_pts, report.end_pts)
        for report in reports
        if report.first_pts is not None and report.end_pts is not None
    )
    ticks, reached = 0, None
    for first, end in stretches:
        start = first if reached is None else max(first, reached)
        ticks += max(0, end - start)
        reached = end if reached is None else max(reached, end)
    return float(ticks * info.time_base)
