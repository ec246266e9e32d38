"""Lines that pass through the band while a subtitle stands there: a sign on a car, a name on a shop. Pure.

A subtitle that is there before and after shows the same text all the time; what is read beside it only in between, and
only briefly, is none of its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.text.likeness import folded

__all__ = ["without_passing_lines"]


def without_passing_lines(observations: Sequence[Observation], brief_ticks: int, gap_ticks: int) -> list[Observation]:
    """Returns the observations, which are in order of time, without the lines that pass through for up to brief_ticks.

    Observations with at most gap_ticks between follow each other; where more lies between, nothing passes through.
    """
    found: list[Observation] = []
    for at, observation in enumerate(observations):
        before = found[-1] if found else None
        kept: tuple[ReadLine, ...] | None = None
        if before is not None and before.lines and observation.start_pts - before.end_pts <= gap_ticks:
            kept = _shared(before.lines, observation.lines)
            if kept is not None and not _returns(before, observations[at:], brief_ticks, gap_ticks):
                kept = None
        found.append(observation if kept is None else replace(observation, lines=kept))
    return found


def _returns(before: Observation, ahead: Sequence[Observation], brief_ticks: int, gap_ticks: int) -> bool:
    """Returns whether the lines of before stand alone again soon after the first of those ahead began, and were there
    all the time."""
    start_pts, end_pts = ahead[0].start_pts, before.end_pts
    for observation in ahead:
        if observation.start_pts - start_pts > brief_ticks or observation.start_pts - end_pts > gap_ticks:
            return False
        kept = _shared(before.lines, observation.lines)
        if kept is None:
            return False
        if len(kept) == len(observation.lines):
            return True
        end_pts = observation.end_pts
    return False


def _shared(lines: Sequence[ReadLine], among: Sequence[ReadLine]) -> tuple[ReadLine, ...] | None:
    """Returns those lines of `among` that say what `lines` say, in their order; None if some are missing there."""
    wanted = [folded(line.text) for line in lines]
    shared: list[ReadLine] = []
    for line in among:
        if len(shared) < len(wanted) and folded(line.text) == wanted[len(shared)]:
            shared.append(line)
    return tuple(shared) if len(shared) == len(wanted) else None
