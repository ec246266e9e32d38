"""How probable a space is between two characters of a line: a logistic model of what the recogniser saw of one, and of
how wide the gap between their ink is beside the line's other gaps.

A recogniser loses spaces where outlines close the gaps between words, and sees some inside words of thin letters; a gap
alone is wrong where ink runs together. How much either says depends on what the line shows elsewhere: spaces that are
seen clearly, or hardly, and gaps that are narrow or wide. The weights of all this were fitted to drawn lines
(training/spaces.py) and lie in word_gaps.json.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from statistics import median

from yivideo_ray.text.scripts import is_unspaced
from yivideo_ray.types import CharReading

__all__ = ["places", "space_probabilities"]

Features = Mapping[str, float]

# What the recogniser gives a space is looked at on a logarithmic scale from here to 1, with a weight of its own beyond
# each of these; so is the gap, in shares of the capitals' height beyond the line's median.
_LEAST_SEEN = 1e-5
_SEEN_FROM = (-4, -3, -2, -1)
_WIDER_BY = (0.0, 0.1, 0.2, 0.3)
_NARROWEST, _WIDEST = -0.3, 0.6
# What a line's gaps are beside if it has none that is known.
_USUAL_GAP = 0.15
# Of ten places in a line of words about two have a space: how clearly the line's spaces are seen at best. A short line
# may have none, so that its best counts for as many places as it has beside so many that are seen well.
_CLEAREST = 0.9
_SEEN_WELL, _AS_PLACES = -0.1, 8

_DASHES, _APOSTROPHES = frozenset("-–—"), frozenset("'’‘`")
_MARKS = frozenset(".,!?…-")
_OPENING, _POINTS, _IN_NUMBERS = frozenset("([{¿¡“«„"), frozenset(".,"), frozenset(".,:")
# By the left side of a letter, where it decides how far it keeps from the one before.
_LEFT_SIDES = {
    "straight": frozenset("bhiklmnprBDEFHIKLMNPRU1|[!uf"),
    "round": frozenset("cdegoqOCGQsS0689a"),
    "arm": frozenset("tTxXzZ257341J"),
    "slanted": frozenset("AVWYvwy"),
    "under": frozenset("j"),
}


def space_probabilities(chars: Sequence[CharReading]) -> tuple[float, ...]:
    """Returns how probable a space is before each character but the first; 0 between two of a script without spaces."""
    weights = _weights()
    return tuple(
        0.0 if features is None else _logistic(sum(weights.get(name, 0.0) * value for name, value in features.items()))
        for features in places(chars)
    )


def places(chars: Sequence[CharReading]) -> Iterator[Features | None]:
    """Yields the model's features, by name, for each place between two characters of a line; None where both belong to
    a script without spaces."""
    spaced = [not (is_unspaced(first.text) and is_unspaced(second.text)) for first, second in pairwise(chars)]
    seen = [math.log10(char.space_before + _LEAST_SEEN) for char in chars[1:]]
    clearest = _clearest([value for value, holds in zip(seen, spaced, strict=True) if holds])
    usual = _usual_gap(chars)
    texts = _with_sides([char.text for char in chars])
    for at, (value, holds) in enumerate(zip(seen, spaced, strict=True)):
        kind = _kind(texts[at], texts[at + 1])
        yield dict(_features(kind, chars[at + 1], value, clearest, usual)) if holds else None


def _with_sides(texts: Sequence[str]) -> list[str]:
    """Returns characters with opening and closing quotes in place of straight ones: every other one opens, unless a
    mark stands before it."""
    opened = False
    told = []
    for before, text in zip(("", *texts), texts, strict=False):
        opened = not opened and before not in _MARKS if text == '"' else opened
        told.append(("“" if opened else "”") if text == '"' else text)
    return told


def _features(
    kind: str, second: CharReading, seen: float, clearest: float, usual: float
) -> Iterator[tuple[str, float]]:
    yield "constant", 1.0
    yield f"kind {kind}", 1.0
    yield from _pieces("seen", seen, _SEEN_FROM)
    yield "line", clearest
    yield "line x seen", clearest * seen
    if second.gap_before is None:
        yield "no gap", 1.0
        yield "line x no gap", clearest
        return
    wider = min(max(second.gap_before - usual, _NARROWEST), _WIDEST)
    yield from _pieces("gap", wider, _WIDER_BY)
    yield "line x gap", clearest * wider
    side = _left_side(second.text)
    if side is not None:
        yield f"before {side}", 1.0


def _pieces(name: str, value: float, borders: Iterable[float]) -> Iterator[tuple[str, float]]:
    """Yields what makes a weighted sum a line that bends at each of the borders."""
    yield name, value
    for border in borders:
        yield f"{name} over {border:g}", max(value - border, 0.0)


def _kind(first: str, second: str) -> str:
    # The first that holds.
    kinds = (
        ("before apostrophe", second in _APOSTROPHES),
        ("after apostrophe", first in _APOSTROPHES),
        ("between scripts", is_unspaced(first) != is_unspaced(second)),
        ("after dash", first in _DASHES),
        ("before dash", second in _DASHES),
        ("after opening mark", first in _OPENING),
        ("before opening mark", second in _OPENING),
        ("before point", second in _POINTS),
        ("before closing quote", second == "”"),
        ("after closing quote", first == "”"),
        ("inside number", second.isdigit() and (first.isdigit() or first in _IN_NUMBERS)),
        ("between letters", first.isalnum() and second.isalnum()),
        ("before mark", not second.isalnum()),
    )
    return next((name for name, holds in kinds if holds), "after mark")


@lru_cache(maxsize=1024)
def _left_side(char: str) -> str | None:
    plain = unicodedata.normalize("NFD", char)[0]
    return next((name for name, chars in _LEFT_SIDES.items() if plain in chars), None)


def _usual_gap(chars: Sequence[CharReading]) -> float:
    """Returns the median of the line's gaps, beside full-width characters left out: most lie inside words."""
    gaps = [
        second.gap_before
        for first, second in pairwise(chars)
        if second.gap_before is not None and not is_unspaced(first.text) and not is_unspaced(second.text)
    ]
    return median(gaps) if gaps else _USUAL_GAP


def _clearest(seen: Sequence[float]) -> float:
    """Returns how clearly the line's spaces are seen at best, by what was seen at all its places."""
    if not seen:
        return _SEEN_WELL
    ordered = sorted(seen)
    at = _CLEAREST * (len(ordered) - 1)
    below = ordered[int(at)]
    best = below + (at - int(at)) * (ordered[min(int(at) + 1, len(ordered) - 1)] - below)
    return (len(seen) * best + _AS_PLACES * _SEEN_WELL) / (len(seen) + _AS_PLACES)


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(score, 60.0))))


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, float]:
    data = json.loads(files("yivideo_ray.text").joinpath("word_gaps.json").read_text(encoding="utf-8"))
    weights: dict[str, float] = data["weights"]
    return weights
