"""What is wrong with a result, cue by cue: missed, made up, not the same text, too early or too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from yivideo_ray.subtitles.scoring import Matching, Score, TimedText, same_lines

__all__ = ["WHAT", "Kind", "Miss", "find_misses", "quotas"]


class Kind(StrEnum):
    """What may be wrong with a cue. MERGED is missed text inside another cue, SPLIT a false cue inside another."""

    MISSED = "missed"
    MERGED = "merged"
    FALSE = "false"
    SPLIT = "split"
    TEXT = "text"
    START = "start"
    END = "end"


WHAT = {
    Kind.MISSED: "missed",
    Kind.MERGED: "missed: merged into another cue",
    Kind.FALSE: "false: nothing is shown there",
    Kind.SPLIT: "false: a piece or a copy of another cue",
    Kind.TEXT: "text not exact",
    Kind.START: "start off",
    Kind.END: "end off",
}
"""The kinds as people read them."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One cue that is not right, and all that is wrong with it. reference and result are indices into the cues that
    were compared (None: there is no counterpart); errors in frames are result minus reference."""

    kinds: tuple[Kind, ...]
    at_s: float
    reference: int | None = None
    result: int | None = None
    start_frames: int = 0
    end_frames: int = 0


def find_misses(
    reference: Sequence[TimedText],
    result: Sequence[TimedText],
    figures: Score,
    matching: Matching,
    *,
    frames: int | None = 1,
) -> list[Miss]:
    """Returns every cue that is missed, made up, not exact, or off by more than so many frames (None: times don't
    count), in order of time. figures and matching are those of reference and result."""
    found: list[Miss] = []
    for index, (i, j) in enumerate(matching.pairs):
        start, end = round(figures.starts.frames[index]), round(figures.ends.frames[index])
        wrong = {
            Kind.TEXT: not same_lines(reference[i].lines, result[j].lines),
            Kind.START: frames is not None and abs(start) > frames,
            Kind.END: frames is not None and abs(end) > frames,
        }
        if any(wrong.values()):
            kinds = tuple(kind for kind, so in wrong.items() if so)
            found.append(Miss(kinds, reference[i].start_s, i, j, start, end))
    for i in matching.missed:
        found.append(Miss((Kind.MERGED if i in matching.merges else Kind.MISSED,), reference[i].start_s, i))
    for j in matching.false_positives:
        found.append(Miss((Kind.SPLIT if j in matching.splits else Kind.FALSE,), result[j].start_s, result=j))
    return sorted(found, key=lambda miss: miss.at_s)


def quotas(counts: Sequence[int], most: int) -> list[int]:
    """Returns how many of each video's misses get pictures, so that all together are at most so many and a video with
    hundreds leaves none without."""
    given = [0] * len(counts)
    for place, index in enumerate(order := sorted(range(len(counts)), key=lambda i: counts[i])):
        given[index] = min(counts[index], most // (len(order) - place))
        most -= given[index]
    return given
