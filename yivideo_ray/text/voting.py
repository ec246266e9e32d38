"""Readings of one line: which are alike to a model, and what several of them say together.

They vote character by character, each reading's say weighted by its confidence.

After ROVER (Fiscus, 1997): every reading is aligned with the most confident one, and at each place the character with
the most weight wins, "no character" among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz.distance import Levenshtein

from yivideo_ray.types import CharReading, Reading

__all__ = ["bare", "folded", "vote", "without_look_alikes"]

# What a reading that has no character at a place says for that, in place of a character's own confidence.
_ABSENCE = 0.6
_CONFUSABLE = str.maketrans({"l": "I", "|": "I", "1": "I", "0": "O", "o": "O", "’": "'", "‘": "'", "`": "'"})


def bare(text: str) -> str:
    """Returns the text without white space."""
    return "".join(text.split())


def without_look_alikes(text: str) -> str:
    """Returns the text, of the same length, with one character for all that look like it."""
    return text.translate(_CONFUSABLE)


def folded(text: str) -> str:
    """Returns the text without what a model confuses at no cost: look-alikes, marks, spaces and case."""
    return "".join(char for char in without_look_alikes(text) if char.isalnum()).casefold() or bare(text)


@dataclass(slots=True)
class _Place:
    """What the readings say at one character of the best reading, and right before it; "" stands for no character.

    space is the weighted sum of their probabilities of a space before the character. inserted holds the characters of
    each text that may stand before it, as the most confident reading with that text has them.
    """

    says: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    space: float = 0.0
    before: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    inserted: dict[str, tuple[CharReading, ...]] = field(default_factory=dict)


def vote(readings: Sequence[Reading], weights: Sequence[float]) -> Reading:
    """Returns the reading on which most weight agrees; places and gaps are those of the most confident reading.

    weights are those of the readings (frames seen, say), at least one of each. A single reading comes back as it is.
    """
    voters = sorted(zip(readings, weights, strict=True), key=lambda voter: -voter[1] * voter[0].confidence ** 4)
    best = voters[0][0]
    if len({reading.text for reading in readings}) == 1 or not best.chars:
        return best
    # The last one is for what may follow the best reading's end.
    places = [_Place() for _ in range(len(best.chars) + 1)]
    for reading, weight in voters:
        if reading.chars:
            _count(places, best.chars, reading.chars, weight)
    chars = _elect(places, best.chars, sum(weights))
    if not chars:
        return best
    return Reading("".join(char.text for char in chars), sum(c.confidence for c in chars) / len(chars), tuple(chars))


def _count(
    places: Sequence[_Place], best: Sequence[CharReading], chars: tuple[CharReading, ...], weight: float
) -> None:
    """Adds one reading's say to every place."""
    silent = set(range(len(places)))
    for op in Levenshtein.opcodes(_texts(best), _texts(chars)):
        at, there = places[op.src_start : op.src_end], chars[op.dest_start : op.dest_end]
        if op.tag == "insert":
            _count_inserted(places[op.src_start], there, weight)
            silent.discard(op.src_start)
        elif op.tag == "delete":
            for place in at:
                place.says[""] += weight * _ABSENCE
        else:
            # One character for one: rapidfuzz replaces by as many as there were.
            for place, char in zip(at, there, strict=True):
                place.says[char.text] += weight * char.confidence
                place.space += weight * char.space_before
    for index in silent:
        places[index].before[""] += weight * _ABSENCE


def _count_inserted(place: _Place, chars: tuple[CharReading, ...], weight: float) -> None:
    text = "".join(_texts(chars))
    place.before[text] += weight * min(char.confidence for char in chars)
    place.inserted.setdefault(text, chars)


def _elect(places: Sequence[_Place], best: Sequence[CharReading], total: float) -> list[CharReading]:
    """Returns the characters that won; total is the weight of all readings."""
    chars: list[CharReading] = []
    for place, char in zip(places, (*best, None), strict=True):
        chars += place.inserted.get(_winner(place.before), ())
        text = "" if char is None else _winner(place.says)
        if char is not None and text:
            confidence = min(1.0, place.says[text] / total)
            chars.append(replace(char, text=text, confidence=confidence, space_before=place.space / total))
    if chars:
        chars[0] = replace(chars[0], space_before=0.0)
    return chars


def _winner(says: Mapping[str, float]) -> str:
    return max(says, key=lambda text: says[text])


def _texts(chars: Sequence[CharReading]) -> list[str]:
    return [char.text for char in chars]
