"""What the cues say: seeded choices from the sentences in the folder texts. When they say it is the plan's.

There is a file for each language. Those that end in "_thin" are short words of thin letters, on which models lose
spaces first.

The sentences are written for this project. Nothing in yivideo_ray may be tuned to them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

__all__ = ["LANGUAGES", "Texts", "Wrap", "is_cjk", "load_sentences", "word_ends"]

TEXTS = Path(__file__).with_name("texts")
LANGUAGES = ("en", "zh", "zh_en", "fr", "es", "de", "ja")

Wrap = Callable[[str, bool], tuple[str, ...]]
"""Breaks a sentence into one or two lines; the flag asks for two where the sentence is long enough."""


@lru_cache
def load_sentences(name: str) -> tuple[tuple[str, ...], ...]:
    """Returns the entries of a file in texts, most of which are named by their language. Those of bilingual ones have
    two parts, others one; "none" has no entries."""
    if name == "none":
        return ()
    rows = (TEXTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(row.split("\t")) for row in rows if row)


def is_cjk(text: str) -> bool:
    """Returns whether a text holds Chinese or Japanese characters."""
    return any(ord(c) > 0x2E80 for c in text)


def word_ends(lines: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Returns the line of every word, and the index in it of the word's end. A dialogue's dash belongs to the word
    after it."""
    return tuple(
        (number, end)
        for number, line in enumerate(lines)
        for end in [*(i for i, c in enumerate(line) if c == " " and line[:i] != "-"), len(line)]
    )


class Texts:
    """An endless, shuffled supply of cue texts in which no text follows itself, some of them dialogues of two."""

    def __init__(
        self, rng: random.Random, entries: tuple[tuple[str, ...], ...], wrap: Wrap, dialogues: float = 0.10
    ) -> None:
        self._rng, self._entries, self._wrap, self._dialogues = rng, entries, wrap, dialogues
        self._queue: list[tuple[str, ...]] = []
        self._last: tuple[str, ...] = ()

    def __next__(self) -> tuple[str, ...]:
        entry = self._take()
        if len(entry) > 1:
            return entry
        if self._rng.random() < self._dialogues:
            other = self._take()
            if len(entry[0]) <= 28 and len(other[0]) <= 28:
                return f"- {entry[0]}", f"- {other[0]}"
            self._queue.append(other)
            self._last = entry
        return self._wrap(entry[0], self._rng.random() < 0.3)

    def _take(self) -> tuple[str, ...]:
        if not self._queue:
            self._queue = self._rng.sample(self._entries, len(self._entries))
            if self._queue[-1] == self._last:
                self._queue.insert(0, self._queue.pop())
        self._last = self._queue.pop()
        return self._last
