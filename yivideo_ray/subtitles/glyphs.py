"""The glyphs of a recognised line: where the ink of each character is, and marks that a model has no class for.

A CTC model says what a line reads and only roughly where. The ink says where exactly: how wide the gap before a
character is, and whether a glyph has no character at all. Pixels and a reading in, a reading out. What is known of
languages is that some marks come in pairs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.subtitles.strokes import stroke_mask
from yivideo_ray.types import CharReading, Luma, Reading

__all__ = ["Glyph", "find_glyphs", "with_glyphs"]

_LEVELS = (0.5, 0.6, 0.7, 0.78, 0.85, 0.91)
_MIN_PIECE_PX = 3
# Pieces above each other are one glyph when they share this much of the narrower one's width.
_SAME_COLUMN = 0.4
_DESCENDERS = frozenset("gjpqyçQJ,;()[]{}ß/|@_¿ƒ-–—~\"'“”‘’*^`´.·…«»°")
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
class Glyph:
    """The ink of one character, in line pixels; pieces from the top (the dot of an i is one)."""

    box: Box
    pieces: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where letters stand: y of the baseline, and the height of capitals, in pixels."""

    baseline: float
    capital_px: float


def with_glyphs(reading: Reading, image: Luma, cue_text: str) -> Reading:
    """Returns the reading with each character's gap before it, and with inverted exclamation marks and low quotation
    marks, for which PP-OCR has no class: it leaves them out, or reads them as letters.

    image is the line (h, w) that was recognised. cue_text is what was read in all lines of the picture: a mark is only
    looked for where its partner was read. Where the ink can't be told from the picture, the reading is as it was.
    """
    if not reading.chars:
        return reading
    glyphs = find_glyphs(image, len(reading.chars))
    owners = _owners(reading.chars, glyphs, image.shape[1])
    rows = _rows(reading.chars, glyphs, owners)
    if rows is None:
        return reading
    chars = _with_gaps(reading.chars, glyphs, owners, rows)
    wanted = frozenset(mark for mark, partners in _PARTNERS.items() if any(p in cue_text for p in partners))
    marked = _with_marks(chars, glyphs, owners, rows, width=image.shape[1], wanted=wanted) if wanted else chars
    return reading if marked == reading.chars else replace(reading, chars=marked)


def find_glyphs(image: Luma, expected: int) -> tuple[Glyph, ...]:
    """Returns the glyphs of a line from left to right: light on dark or dark on light, cut out at the level that comes
    closest to the expected number."""
    found = [_glyphs(ink) for picture in (image, np.asarray(255 - image, np.uint8)) for ink in _inks(picture)]
    return min(found, key=lambda glyphs: abs(len(glyphs) - expected), default=())


def _inks(image: Luma) -> Iterator[NDArray[np.uint8]]:
    """Yields what is brighter than each of some levels: a background may be nearly as bright as the letters."""
    strokes = image[stroke_mask(image, 1.0) > 0]
    if not strokes.size:
        return
    top, edge = float(np.percentile(strokes, 98)), float(np.percentile(image, 5))
    for share in _LEVELS:
        yield (image > edge + share * (top - edge)).astype(np.uint8)


def _glyphs(ink: NDArray[np.uint8]) -> tuple[Glyph, ...]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    within = Box(0, 0, ink.shape[1], ink.shape[0])
    boxes = [
        Box(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, area in stats[1:count] if area >= _MIN_PIECE_PX
    ]
    pieces = [box for box in boxes if not _is_background(box, within)]
    # What shows through an outlined o is background.
    pieces = [piece for piece in pieces if not any(_is_inside(piece, other) for other in pieces)]
    groups: list[list[Box]] = []
    for piece in sorted(pieces):
        group = next((g for g in groups[-3:] if _share_columns(piece, bounding_box(g))), None)
        if group is None:
            groups.append([piece])
        else:
            group.append(piece)
    glyphs = [Glyph(bounding_box(group), tuple(sorted(group, key=lambda b: b.y0))) for group in groups]
    return tuple(sorted(glyphs, key=lambda glyph: glyph.box.center[0]))


def _is_background(piece: Box, line: Box) -> bool:
    """Returns whether ink goes on beyond the line: an outline parts letters from a background as bright."""
    beside = piece.x0 <= line.x0 or piece.x1 >= line.x1
    return beside or (piece.y0 <= line.y0 and piece.y1 >= line.y1) or piece.width > 2 * line.height


def _is_inside(piece: Box, other: Box) -> bool:
    return piece != other and piece.clip(other) == piece


def _share_columns(piece: Box, group: Box) -> bool:
    shared = min(piece.x1, group.x1) - max(piece.x0, group.x0)
    apart = piece.y0 >= group.y1 or piece.y1 <= group.y0
    return apart and shared >= _SAME_COLUMN * min(piece.width, group.width)


def _owners(chars: Sequence[CharReading], glyphs: Sequence[Glyph], width: int) -> list[int | None]:
    """Returns for each character its glyph's index: the nearest one, in order, none twice."""
    owners: list[int | None] = [None] * len(chars)
    if not glyphs:
        return owners
    # Least total distance, monotone; leaving a character without a glyph costs as much as one line height.
    height = max(glyph.box.y1 for glyph in glyphs) - min(glyph.box.y0 for glyph in glyphs)
    at = np.array([(char.x0 + char.x1) / 2 * width for char in chars])
    x0 = np.array([glyph.box.x0 for glyph in glyphs], float)
    x1 = np.array([glyph.box.x1 for glyph in glyphs], float)
    distance = np.abs(at[:, None] - (x0 + x1) / 2) - (x1 - x0) / 4
    skip = 0.6 * height
    cost = np.zeros((len(chars) + 1, len(glyphs) + 1))
    cost[:, 0] = skip * np.arange(len(chars) + 1)
    for i in range(1, len(chars) + 1):
        for j in range(1, len(glyphs) + 1):
            pair = cost[i - 1, j - 1] + max(0.0, distance[i - 1, j - 1])
            cost[i, j] = min(pair, cost[i, j - 1] + 1e-3, cost[i - 1, j] + skip)
    i, j = len(chars), len(glyphs)
    while i and j:
        if cost[i, j] == cost[i, j - 1] + 1e-3:
            j -= 1
        elif cost[i, j] == cost[i - 1, j] + skip:
            i -= 1
        else:
            i, j = i - 1, j - 1
            owners[i] = j
    return owners


def _rows(chars: Sequence[CharReading], glyphs: Sequence[Glyph], owners: Sequence[int | None]) -> _Rows | None:
    standing = [
        glyphs[owner].box
        for char, owner in zip(chars, owners, strict=True)
        if owner is not None and char.text not in _DESCENDERS
    ]
    if not standing:
        return None
    baseline = median(box.y1 for box in standing)
    heights = sorted(baseline - box.y0 for box in standing)
    # Nearly every line has a capital, a digit or a letter with an ascender; an accent on top is taller still.
    return _Rows(baseline, max(1.0, heights[round(0.85 * (len(heights) - 1))]))


def _with_gaps(
    chars: Sequence[CharReading], glyphs: Sequence[Glyph], owners: Sequence[int | None], rows: _Rows
) -> tuple[CharReading, ...]:
    spaced = [chars[0]]
    for (_, before), (char, after) in pairwise(zip(chars, owners, strict=True)):
        if before is not None and after is not None and after == before + 1:
            gap = (glyphs[after].box.x0 - glyphs[before].box.x1) / rows.capital_px
            spaced.append(replace(char, gap_before=round(gap, 3)))
        else:
            spaced.append(char)
    return tuple(spaced)


def _with_marks(
    chars: Sequence[CharReading],
    glyphs: Sequence[Glyph],
    owners: Sequence[int | None],
    rows: _Rows,
    *,
    width: int,
    wanted: frozenset[str],
) -> tuple[CharReading, ...]:
    found: list[CharReading] = []
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
        marks = [mark for mark in _marks_before(loose, rows, width) if mark.text in wanted]
        if marks:
            # The space, if there is one, stands before the mark.
            found += [replace(marks[0], space_before=char.space_before), *marks[1:]]
            found.append(replace(char, space_before=0.0, gap_before=None))
        elif "¡" in wanted and _is_misread_mark(chars[index:]):
            found.append(replace(char, text="¡"))
        else:
            found.append(char)
    return tuple(found)


def _is_misread_mark(chars: Sequence[CharReading]) -> bool:
    """Returns whether an i at the beginning of a word was an inverted exclamation mark: a capital follows."""
    text = "".join(char.text for char in chars)
    return re.match(r"[i!]+[A-ZÀ-Þ¿]", text) is not None and _CAMEL.match(text.lstrip("i!")) is None


def _marks_before(loose: Sequence[Glyph], rows: _Rows, width: int) -> list[CharReading]:
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


def _is_inverted_exclamation(glyph: Glyph, rows: _Rows) -> bool:
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


def _is_low(glyph: Glyph, rows: _Rows) -> bool:
    top, bottom = glyph.box.y0, glyph.box.y1
    small = glyph.box.width <= 2 * _TWIN_GAP * rows.capital_px
    return small and top >= rows.baseline - _LOW * rows.capital_px and bottom >= rows.baseline
