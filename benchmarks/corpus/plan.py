"""When the cues are shown: a seeded timetable of the texts that sentences supplies, in one of several rhythms.

normal       as in films: read comfortably, pauses of every kind, now and then a text that comes again
rapid        short texts, 0.4 to 0.9 s each, no pause at all
short_words  single words, 0.3 to 1.5 s each, many of them several times in a row, among sentences

Some cues may stand at the top, beside or in place of those at the bottom; some may grow word by word.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from benchmarks.corpus.sentences import Texts, Wrap, load_sentences, word_ends

__all__ = ["RHYTHMS", "PlannedCue", "grow", "plan_cues", "scripted_cues", "with_top_cues"]

SHORTEST_S, LONGEST_S = 0.8, 5.0
LEAD_IN_S, LEAD_OUT_S = 0.6, 0.5
# A repeated text with less than this between would look like one cue that flickers.
REPEAT_GAP_S = (0.4, 1.5)
RAPID_S = (0.4, 0.9)
# Nobody could read more in the time of a rapid cue.
RAPID_LETTERS = 26
WORD_S = (0.3, 1.5)
WORD_GAP_S = (0.2, 1.0)
# The longest time from one word of a growing cue to the next.
GROWTH_S = 0.35


@dataclass(frozen=True, slots=True)
class PlannedCue:
    """Text shown in the frames first_frame <= index < end_frame, at the "bottom" or the "top".

    words_from holds, for a cue that grows, the frame from which each of its words is shown; the first is first_frame.
    """

    first_frame: int
    end_frame: int
    lines: tuple[str, ...]
    band: str = "bottom"
    words_from: tuple[int, ...] = ()


class _Rhythm(Protocol):
    """What comes next. text_and_length is asked once per cue, then pause with the frame after it."""

    def text_and_length(self) -> tuple[tuple[str, ...], float]: ...

    def pause(self, times_s: Sequence[float], end_frame: int) -> float: ...


def plan_cues(
    rng: random.Random, texts: str, times_s: Sequence[float], wrap: Wrap, rhythm: str = "normal"
) -> tuple[PlannedCue, ...]:
    """Returns cues in order, without overlap, for frames that start at times_s, of the sentences in the file of that
    name. No cues for "none"."""
    if not load_sentences(texts):
        return ()
    beat = RHYTHMS[rhythm](rng, texts, wrap)
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


def with_top_cues(
    rng: random.Random,
    cues: Sequence[PlannedCue],
    share: float,
    *,
    texts: str,
    times_s: Sequence[float],
    wrap: Wrap,
) -> tuple[PlannedCue, ...]:
    """Returns the cues and others, in order of their starts, about that share of all at the top.

    Half of those are cues moved there, half come beside one at the bottom, and start and end at other times than it.
    """
    half = max(1, round(share * len(cues) / (2 - share)))
    moved = set(rng.sample(range(len(cues)), half))
    top = [replace(cue, band="top") for i, cue in enumerate(cues) if i in moved]
    bottom = [cue for i, cue in enumerate(cues) if i not in moved]
    edges = [edge for cue in cues for edge in (cue.first_frame, cue.end_frame)]
    supply = Texts(rng, load_sentences(texts), wrap)
    for cue in rng.sample(bottom, len(bottom)):
        lines = next(supply)
        length_s = times_s[cue.end_frame] - times_s[cue.first_frame]
        start_s = times_s[cue.first_frame] + rng.uniform(0.25, 0.75) * length_s
        end_s = start_s + _reading_time(rng, lines)
        first, end = bisect.bisect_left(times_s, start_s), bisect.bisect_left(times_s, end_s)
        free = all(end < other.first_frame or other.end_frame < first for other in top)
        apart = all(abs(edge - other) > 2 for edge in (first, end) for other in edges)
        if free and apart and end_s <= times_s[-1] - LEAD_OUT_S:
            top.append(PlannedCue(first, end, lines, "top"))
        if len(top) == 2 * half:
            break
    return tuple(sorted([*bottom, *top], key=lambda cue: cue.first_frame))


def grow(
    rng: random.Random, cues: Sequence[PlannedCue], share: float, times_s: Sequence[float]
) -> tuple[PlannedCue, ...]:
    """Returns the cues, that share of those with several words growing word by word, whole well before their end."""
    several = [i for i, cue in enumerate(cues) if len(word_ends(cue.lines)) > 1]
    growing = set(rng.sample(several, round(share * len(several))))
    return tuple(_grow(rng, cue, times_s) if i in growing else cue for i, cue in enumerate(cues))


def _grow(rng: random.Random, cue: PlannedCue, times_s: Sequence[float]) -> PlannedCue:
    start_s, end_s = times_s[cue.first_frame], times_s[cue.end_frame]
    count = len(word_ends(cue.lines))
    step_s = min(GROWTH_S, 0.65 * (end_s - start_s) / (count - 1))
    at_s = [start_s + step_s * (n + rng.uniform(-0.3, 0.3)) for n in range(1, count)]
    return replace(cue, words_from=(cue.first_frame, *(bisect.bisect_left(times_s, at) for at in at_s)))


class _Normal:
    def __init__(self, rng: random.Random, texts: str, wrap: Wrap) -> None:
        self._rng = rng
        self._texts = Texts(rng, load_sentences(texts), wrap)
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
    def __init__(self, rng: random.Random, texts: str, wrap: Wrap) -> None:
        self._rng = rng
        short = tuple(entry for entry in load_sentences(texts) if sum(map(_letters, entry)) <= RAPID_LETTERS)
        self._texts = Texts(rng, short, wrap, dialogues=0.0)

    def text_and_length(self) -> tuple[tuple[str, ...], float]:
        return next(self._texts), self._rng.uniform(*RAPID_S)

    def pause(self, times_s: Sequence[float], end_frame: int) -> float:
        return 0.0


class _ShortWords:
    def __init__(self, rng: random.Random, texts: str, wrap: Wrap) -> None:
        self._rng = rng
        self._words = Texts(rng, load_sentences(f"{texts}_words"), wrap, dialogues=0.0)
        self._sentences = Texts(rng, load_sentences(texts), wrap)
        self._lines: tuple[str, ...] = ()
        self._more = 0

    def text_and_length(self) -> tuple[tuple[str, ...], float]:
        if self._more:
            self._more -= 1
            return self._lines, self._rng.uniform(*WORD_S)
        sentence = self._rng.random() < 0.2
        before = self._lines
        # Some words are sentences too, and nobody could tell two cues of the same text without a gap from one.
        while self._lines == before:
            self._lines = next(self._sentences if sentence else self._words)
        if sentence:
            return self._lines, _reading_time(self._rng, self._lines)
        self._more = self._rng.choices((0, 1, 2), weights=(5, 3, 2))[0]
        return self._lines, self._rng.uniform(*WORD_S)

    def pause(self, times_s: Sequence[float], end_frame: int) -> float:
        return self._rng.uniform(*WORD_GAP_S) if self._more else _pause(self._rng, times_s, end_frame)


RHYTHMS: dict[str, Callable[[random.Random, str, Wrap], _Rhythm]] = {
    "normal": _Normal,
    "rapid": _Rapid,
    "short_words": _ShortWords,
}


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
