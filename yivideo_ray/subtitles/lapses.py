"""Lapses: crops in which a text that stands there before and after was read in part only, or not at all. Pure.

Its strokes were in every frame between, so the text was there all the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yivideo_ray.subtitles.observations import Observation, ReadLine, folded

__all__ = ["without_lapses"]

_SAME_PLACE_SHARE = 0.5


def without_lapses(observations: Sequence[Observation], brief_ticks: int) -> list[Observation]:
    """Returns the observations, which are in order of time, with the lines of the text around them in those that lapse
    for up to brief_ticks."""
    found = list(observations)
    for at, before in enumerate(found):
        end = _back_again(before, found[at + 1 :], brief_ticks)
        for index in range(at + 1, at + 1 + end):
            found[index] = replace(found[index], lines=before.lines)
    return found


def _back_again(before: Observation, ahead: Sequence[Observation], brief_ticks: int) -> int:
    """Returns how many of the observations ahead show a part of before's lines until one shows all of them again; 0 if
    none does."""
    last = before
    for passed, observation in enumerate(ahead):
        if observation.joined_to_pts != last.stable_end_pts or observation.start_pts - before.end_pts > brief_ticks:
            return 0
        if _texts(observation.lines) == _texts(before.lines):
            return passed
        if not _is_part(observation.lines, before.lines):
            return 0
        last = observation
    return 0


def _texts(lines: Sequence[ReadLine]) -> list[str]:
    return [folded(line.text) for line in lines]


def _is_part(lines: Sequence[ReadLine], whole: Sequence[ReadLine]) -> bool:
    """Returns whether each of the lines is a piece of one of the whole ones, in its place."""
    return all(any(_is_piece(line, of) for of in whole) for line in lines)


def _is_piece(line: ReadLine, whole: ReadLine) -> bool:
    shared = line.box.intersect(whole.box)
    return (
        shared is not None
        and shared.area >= _SAME_PLACE_SHARE * line.box.area
        and folded(line.text) in folded(whole.text)
    )
