"""Marks that a model has no class for, ¡ and „, which it leaves out or reads as letters, and œ, which it reads as two.
Their glyphs show them.

What is known of languages is that these marks come in pairs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.pixels.ink import Glyph
from yivideo_ray.types import CharReading

__all__ = ["Rows", "wanted_marks", "with_ligatures", "with_marks"]

_BELOW = 0.1
"""What ends so far below the baseline, as a share of the capitals' height, hangs below it."""
_LOW = 0.45
_NARROW = 0.5
_TWIN_GAP = 0.4
_BEFORE = 0.4
_SURE_OF_SPACE = 0.3
_PARTNERS = {"¡": "!", "„": '“”"'}
# What begins like an inverted exclamation mark before a capital, and is none.
_CAMEL = re.compile(r"(Phone|Pad|Pod|OS|Mac|Tunes|Cloud|Message|Movie|Book|Watch)\b")
_OPENERS = frozenset("¡¿(\"'“‘«-–—")
_MARK_CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Rows:
    """Where letters stand: y of the baseline, and the height of capitals, in pixels."""

    baseline: float
    capital_px: float


def wanted_marks(cue_text: str) -> dict[str, int]:
    """Returns the marks whose partners the text has, each with how many."""
    counts = {mark: sum(map(cue_text.count, partners)) for mark, partners in _PARTNERS.items()}
    return {mark: count for mark, count in counts.items() if count}


def with_marks(
    chars: Sequence[CharReading],
    glyphs: Sequence[Glyph],
    owners: Sequence[int | None],
    rows: Rows,
    *,
    width: int,
    wanted: Mapping[str, int],
) -> tuple[CharReading, ...]:
    """Returns the characters with those of the wanted marks that begin words and that glyphs show, the first of them
    where there are more than wanted: what lies between letters may look like one.

    owners are the indices of the characters' glyphs, width is the line image's in pixels.
    """
    found: list[CharReading] = []
    left = dict(wanted)
    last = -1
    for index, (char, owner) in enumerate(zip(chars, owners, strict=True)):
        begins = index == 0 or char.space_before > _SURE_OF_SPACE or found[-1].text in _OPENERS
        loose: list[Glyph] = []
        if owner is not None:
            # CTC places a character within its glyph: what lies well before it is not a part of it.
            limit = (char.x0 + char.x1) / 2 * width - _BEFORE * rows.capital_px
            loose = [glyph for glyph in glyphs[last + 1 : owner] if glyph.box.center[0] < limit]
            last = owner
        if not begins:
            found.append(char)
            continue
        marks = _taken(_marks_before(loose, rows, width), left)
        if marks:
            # The space, if there is one, stands before the mark.
            found += [replace(marks[0], space_before=char.space_before), *marks[1:]]
            found.append(replace(char, space_before=0.0, gap_before=None))
        elif left.get("¡") and _is_misread_mark(chars[index:]):
            left["¡"] -= 1
            found.append(replace(char, text="¡"))
        else:
            found.append(char)
    return tuple(found)


def _taken(marks: Sequence[CharReading], left: dict[str, int]) -> list[CharReading]:
    """Returns the marks as far as some of their kind are left, and takes them off."""
    taken = []
    for mark in marks:
        if left.get(mark.text):
            left[mark.text] -= 1
            taken.append(mark)
    return taken


def _is_misread_mark(chars: Sequence[CharReading]) -> bool:
    """Returns whether an i at the beginning of a word was an inverted exclamation mark: a capital follows."""
    text = "".join(char.text for char in chars)
    return re.match(r"[i!]+[A-ZÀ-Þ¿]", text) is not None and _CAMEL.match(text.lstrip("i!")) is None


def _marks_before(loose: Sequence[Glyph], rows: Rows, width: int) -> list[CharReading]:
    marks: list[CharReading] = []
    for glyph, following in zip_longest(loose, loose[1:]):
        box = glyph.box
        if _is_inverted_exclamation(glyph, rows):
            marks.append(_mark("¡", box, width))
        elif _is_low(glyph, rows):
            # Two commas, unless blur has made one of them.
            twin = following.box if following is not None and _is_low(following, rows) else None
            if twin is not None and twin.x0 - box.x1 < _TWIN_GAP * rows.capital_px:
                marks.append(_mark("„", bounding_box([box, twin]), width))
            elif box.width >= _TWIN_GAP * rows.capital_px:
                marks.append(_mark("„", box, width))
    return marks


def _mark(text: str, box: Box, width: int) -> CharReading:
    return CharReading(text, _MARK_CONFIDENCE, box.x0 / width, min(1.0, box.x1 / width), 0.0)


def _is_inverted_exclamation(glyph: Glyph, rows: Rows) -> bool:
    """Returns whether a glyph is a dot over a bar; where blur has joined them, one that hangs as low as such a mark."""
    box = glyph.box
    if box.width > _NARROW * rows.capital_px or box.height < 0.6 * rows.capital_px:
        return False
    if len(glyph.pieces) == 1:
        hangs = box.y1 >= rows.baseline + _BELOW * rows.capital_px
        return hangs and box.y0 >= rows.baseline - (1 - _BELOW) * rows.capital_px
    dot, bar = glyph.pieces[0], glyph.pieces[-1]
    return (
        len(glyph.pieces) == 2
        and dot.height <= 0.5 * bar.height
        and dot.y1 <= bar.y0
        and bar.height >= 0.35 * rows.capital_px
    )


def _is_low(glyph: Glyph, rows: Rows) -> bool:
    top, bottom = glyph.box.y0, glyph.box.y1
    small = glyph.box.width <= 2 * _TWIN_GAP * rows.capital_px
    return small and top >= rows.baseline - _LOW * rows.capital_px and bottom >= rows.baseline


# French has no oeu and no oeil but with œ; other languages have such letters, as two glyphs. Œ looks like C and E.
_READ_AS_TWO = re.compile(r"(?:[oœ]e|[OŒ][eE]|CE)(?=[uU]|[iI][lL])")


def with_ligatures(chars: Sequence[CharReading], glyphs: Sequence[Glyph], width: int) -> tuple[CharReading, ...]:
    """Returns the characters with œ in place of two, where one glyph holds both and no other character. width is the
    line image's, in pixels."""
    text = "".join(char.text for char in chars)
    if len(text) != len(chars):
        return tuple(chars)
    middles = [(char.x0 + char.x1) / 2 * width for char in chars]
    joined = list(chars)
    for match in reversed(list(_READ_AS_TWO.finditer(text))):
        first, second = match.start(), match.start() + 1
        holder = next((glyph for glyph in glyphs if glyph.box.x0 <= middles[first] < glyph.box.x1), None)
        if holder is None or {
            index for index, middle in enumerate(middles) if holder.box.x0 <= middle < holder.box.x1
        } != {first, second}:
            continue
        o, e = chars[first], chars[second]
        letter = "œ" if o.text.islower() else "Œ"
        ligature = replace(o, text=letter, confidence=min(o.confidence, e.confidence), x1=e.x1)
        joined[first : second + 1] = [ligature]
    return tuple(joined)
