"""When the cues are shown: a seeded timetable of the texts that corpus_sentences supplies, in one of several rhythms.

normal       as in films: read comfortably, pauses of every kind, now and then a text that comes again
rapid        short texts, 0.4 to 0.9 s each, no pause at all
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.corpus_sentences import Texts, Wrap, load_sentences

__all__ = ["RHYTHMS", "PlannedCue", "plan_cues", "scripted_cues"]

SHORTEST_S, LONGEST_S = 0.8, 5.0
LEAD_IN_S, LEAD_OUT_S = 0.6, 0.5
# A repeated text with less than this between would look like one cue that flickers.
REPEAT_GAP_S = (0.4, 1.5)
RAPID_S = (0.4, 0.9)
# Nobody could read more in the time of a rapid cue.
RAPID_LETTERS = 26


@dataclass(frozen=True, slots=True)
class PlannedCue:
    """Text shown in the frames first_frame <= index < end_frame."""

    first_frame: int
    end_frame: int
    lines: tuple[str, ...]


class _Rhythm(Protocol):
    """What comes next. text_and_length is asked once per cue, then pause with the frame after it."""

    def text_and_length(self) -> tuple[tuple[str, ...], float]: ...

    def pause(self, times_s: Sequence[float], end_frame: int) -> float: ...


def plan_cues(
    rng: random.Random, language: str, times_s: Sequence[float], wrap: Wrap, rhythm: str = "normal"
) -> tuple[PlannedCue, ...]:
    """Returns cues in order, without overlap, for frames that start at times_s. None for the language "none"."""
    if not load_sentences(language):
        return ()
    beat = RHYTHMS[rhythm](rng, language, wrap)
    end_of_video = times_s[-1]
    cues: list[PlannedCue] = []
    now = LEAD_IN_S + rng.uniform(0, 1.2)
    while True:
        lines, length_s = beat.text_and_length()
        end = now + length_s
        first_frame, end_frame = bisect.bisect_left(times_s, now), bisect.bisect_left(times_s, end)
        if end > end_of_video - LEAD_OUT_S:
            return tuple(cues)
        cues.append(PlannedCue(first_frame, end_frame, lines))
        now = times_s[end_frame] + beat.pause(times_s, end_frame)


def scripted_cues(
    script: Sequence[tuple[float, float, tuple[str, ...]]], times_s: Sequence[float]
) -> tuple[PlannedCue, ...]:
    """Returns cues set by hand: from the first frame at or after their start to the first at or after their end."""
    # The times of frames are sums of fractions: a cue at 0.8 s means the frame at 0.8000000000000001 s.
    frames = [[bisect.bisect_left(times_s, at - 1e-6) for at in (start, end)] for start, end, _ in script]
    return tuple(PlannedCue(first, end, lines) for (first, end), (_, _, lines) in zip(frames, script, strict=True))


class _Normal:
    def __init__(self, rng: random.Random, language: str, wrap: Wrap) -> None:
        self._rng = rng
        self._texts = Texts(rng, load_sentences(language), wrap)
        self._lines: tuple[str, ...] = ()
        self._repeated = False

    def text_and_length(self) -> tuple[tuple[str, ...], float]:
        if not self._repeated:
            self._lines = next(self._texts)
        return self._lines, _reading_time(self._rng, self._lines)

    def pause(self, times_s: Sequence[float], end_frame: int) -> float:
        self._repeated = not self._repeated and self._rng.random() < 0.08
        return self._rng.uniform(*REPEAT_GAP_S) if self._repeated else _pause(self._rng, times_s, end_frame)


class _Rapid:
    def __init__(self, rng: random.Random, language: str, wrap: Wrap) -> None:
        self._rng = rng
        short = tuple(entry for entry in load_sentences(language) if sum(map(_letters, entry)) <= RAPID_LETTERS)
        self._texts = Texts(rng, short, wrap, dialogues=0.0)

    def text_and_length(self) -> tuple[tuple[str, ...], float]:
        return next(self._texts), self._rng.uniform(*RAPID_S)

    def pause(self, times_s: Sequence[float], end_frame: int) -> float:
        return 0.0


RHYTHMS: dict[str, Callable[[random.Random, str, Wrap], _Rhythm]] = {"normal": _Normal, "rapid": _Rapid}


def _pause(rng: random.Random, times_s: Sequence[float], end_frame: int) -> float:
    kind = rng.choices(("none", "two_frames", "short", "long"), weights=(30, 20, 30, 20))[0]
    if kind == "none":
        return 0.0
    if kind == "two_frames":
        return times_s[min(end_frame + 2, len(times_s) - 1)] - times_s[end_frame]
    return rng.uniform(0.15, 1.0) if kind == "short" else rng.uniform(1.0, 3.0)


def _letters(line: str) -> int:
    # A Chinese character takes about as long to read as three Latin letters.
    return sum(3 if ord(c) > 0x2E80 else 1 for c in line)


def _reading_time(rng: random.Random, lines: tuple[str, ...]) -> float:
    letters = [_letters(line) for line in lines]
    needed = 0.4 + 0.042 * max(*letters, 0.8 * sum(letters))
    return min(max(needed * rng.uniform(0.75, 1.35), SHORTEST_S), LONGEST_S)
