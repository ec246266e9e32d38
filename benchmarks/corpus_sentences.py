"""What the cues say and when: seeded choices from the sentences in benchmarks/texts, and a seeded timetable.

The sentences are written for this project. Nothing in yivideo_ray may be tuned to them.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["LANGUAGES", "PlannedCue", "is_chinese", "load_sentences", "plan_cues", "scripted_cues"]

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "zh", "zh_en")

SHORTEST_S, LONGEST_S = 0.8, 5.0
LEAD_IN_S, LEAD_OUT_S = 0.6, 0.5
# A repeated text with less than this between would look like one cue that flickers.
REPEAT_GAP_S = (0.4, 1.5)

Wrap = Callable[[str, bool], tuple[str, ...]]
"""Breaks a sentence into one or two lines; the flag asks for two where the sentence is long enough."""


@dataclass(frozen=True, slots=True)
class PlannedCue:
    """Text shown in the frames first_frame <= index < end_frame."""

    first_frame: int
    end_frame: int
    lines: tuple[str, ...]


@lru_cache
def load_sentences(language: str) -> tuple[tuple[str, ...], ...]:
    """Returns the entries of a language; an entry of a bilingual one has two parts, of any other one."""
    rows = (TEXTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(row.split("\t")) for row in rows if row)


def plan_cues(rng: random.Random, language: str, times_s: Sequence[float], wrap: Wrap) -> tuple[PlannedCue, ...]:
    """Returns cues in order, without overlap, for frames that start at times_s."""
    texts = _Texts(rng, load_sentences(language), wrap)
    end_of_video = times_s[-1]
    cues: list[PlannedCue] = []
    now = LEAD_IN_S + rng.uniform(0, 1.2)
    repeated = False
    while True:
        lines = cues[-1].lines if repeated else next(texts)
        end = now + _reading_time(rng, lines)
        first_frame, end_frame = bisect.bisect_left(times_s, now), bisect.bisect_left(times_s, end)
        if end > end_of_video - LEAD_OUT_S:
            return tuple(cues)
        cues.append(PlannedCue(first_frame, end_frame, lines))
        repeated = not repeated and rng.random() < 0.08
        pause = rng.uniform(*REPEAT_GAP_S) if repeated else _pause(rng, times_s, end_frame)
        now = times_s[end_frame] + pause


def scripted_cues(
    script: Sequence[tuple[float, float, tuple[str, ...]]], times_s: Sequence[float]
) -> tuple[PlannedCue, ...]:
    """Returns cues set by hand: from the first frame at or after their start to the first at or after their end."""
    # The times of frames are sums of fractions: a cue at 0.8 s means the frame at 0.8000000000000001 s.
    frames = [[bisect.bisect_left(times_s, at - 1e-6) for at in (start, end)] for start, end, _ in script]
    return tuple(PlannedCue(first, end, lines) for (first, end), (_, _, lines) in zip(frames, script, strict=True))


def is_chinese(line: str) -> bool:
    """Returns whether a line holds Chinese or Japanese characters."""
    return any(ord(c) > 0x2E80 for c in line)


def _pause(rng: random.Random, times_s: Sequence[float], end_frame: int) -> float:
    kind = rng.choices(("none", "two_frames", "short", "long"), weights=(30, 20, 30, 20))[0]
    if kind == "none":
        return 0.0
    if kind == "two_frames":
        return times_s[min(end_frame + 2, len(times_s) - 1)] - times_s[end_frame]
    return rng.uniform(0.15, 1.0) if kind == "short" else rng.uniform(1.0, 3.0)


def _reading_time(rng: random.Random, lines: tuple[str, ...]) -> float:
    # A Chinese character takes about as long to read as three Latin letters.
    longest_part = max(sum(3 if ord(c) > 0x2E80 else 1 for c in line) for line in lines)
    letters = sum(3 if ord(c) > 0x2E80 else 1 for line in lines for c in line)
    needed = 0.4 + 0.042 * max(longest_part, 0.8 * letters)
    return min(max(needed * rng.uniform(0.75, 1.35), SHORTEST_S), LONGEST_S)


class _Texts:
    """An endless, shuffled supply of cue texts in which no text follows itself."""

    def __init__(self, rng: random.Random, entries: tuple[tuple[str, ...], ...], wrap: Wrap) -> None:
        self._rng, self._entries, self._wrap = rng, entries, wrap
        self._queue: list[tuple[str, ...]] = []

    def __next__(self) -> tuple[str, ...]:
        entry = self._take()
        if len(entry) > 1:
            return entry
        if self._rng.random() < 0.10:
            other = self._take()
            if len(entry[0]) <= 28 and len(other[0]) <= 28:
                return f"- {entry[0]}", f"- {other[0]}"
            self._queue.append(other)
        return self._wrap(entry[0], self._rng.random() < 0.3)

    def _take(self) -> tuple[str, ...]:
        if not self._queue:
            self._queue = self._rng.sample(self._entries, len(self._entries))
        return self._queue.pop()
