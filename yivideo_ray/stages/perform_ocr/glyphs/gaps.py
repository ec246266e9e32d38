"""What the ink of a recognised line tells beyond its reading: gaps, marks that were left out, how many dots there are.

A CTC model says what a line reads and only roughly where. The ink says where exactly: how wide the gap before a
character is, and whether a glyph has no character at all. Pixels and a reading in, a reading out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np

from yivideo_ray.pixels.ink import Glyph, find_glyphs, find_ink, group_pieces
from yivideo_ray.stages.perform_ocr.glyphs.cells import Cells, find_cells
from yivideo_ray.stages.perform_ocr.glyphs.dots import Span, with_dots
from yivideo_ray.stages.perform_ocr.glyphs.marks import Rows, wanted_marks, with_ligatures, with_marks
from yivideo_ray.text.scripts import is_unspaced
from yivideo_ray.types import CharReading, Luma, Reading

__all__ = ["with_glyphs"]

_DESCENDERS = frozenset("gjpqyçQJ,;()[]{}ß/|@_¿ƒ-–—~\"'“”‘’*^`´.·…«»°")
# The height of capitals in full-width type, in ems.
_CAPITAL_EM = 0.73

# From where to where each character's ink goes (None: unknown), and the middles of ink that is no character's.
_Spans = tuple[list[Span | None], list[float]]


def with_glyphs(reading: Reading, image: Luma, cue_text: str) -> Reading:
    """Returns the reading with each character's gap before it, with as many dots as there are, and with inverted
    exclamation marks and low quotation marks, for which PP-OCR has no class: it leaves them out, or reads them as
    letters. French œ that was read as two letters is one.

    image is the line (h, w) that was recognised. cue_text is what was read in all lines of the picture: a mark is only
    looked for where its partner was read. Where the ink can't be told from the picture, the reading is as it was.
    """
    if not reading.chars:
        return reading
    inks, width = find_ink(image), image.shape[1]
    cells = find_cells(reading.chars, inks, width)
    if cells is not None:
        spans, loose = _ink_beside_cells(reading.chars, cells, width)
        capital_px = _CAPITAL_EM * cells.em
        chars = _with_gaps(reading.chars, spans, loose, capital_px)
        chars = with_dots(chars, spans, inks, capital_px, width)
    else:
        glyphs = find_glyphs(inks, np.array([(char.x0 + char.x1) / 2 * width for char in reading.chars]))
        joined = with_ligatures(reading.chars, glyphs, width)
        owners = _owners(joined, glyphs, width)
        rows = _rows(joined, glyphs, owners)
        if rows is None:
            return reading
        spans, loose = _ink_of(glyphs, owners)
        chars = _with_gaps(joined, spans, loose, rows.capital_px)
        # Between two full-width characters only their cells tell: a comma leaves half of its own blank.
        chars = _without_gaps_in_full_width(chars)
        wanted = wanted_marks(cue_text)
        if wanted:
            chars = with_marks(chars, glyphs, owners, rows, width=width, wanted=wanted)
        else:
            chars = with_dots(chars, spans, inks, rows.capital_px, width)
    return reading if chars == reading.chars else replace(reading, chars=chars)


def _ink_of(glyphs: Sequence[Glyph], owners: Sequence[int | None]) -> _Spans:
    spans: list[Span | None] = [
        None if owner is None else (glyphs[owner].box.x0, glyphs[owner].box.x1) for owner in owners
    ]
    return spans, [glyph.box.center[0] for index, glyph in enumerate(glyphs) if index not in owners]


def _ink_beside_cells(chars: Sequence[CharReading], cells: Cells, width: int) -> _Spans:
    """Returns the same where each full-width character's cell is taken for its ink."""
    others = [index for index in range(len(chars)) if index not in cells.at]
    outside = [
        piece for piece in cells.ink.pieces if not any(x0 <= piece.center[0] < x1 for x0, x1 in cells.at.values())
    ]
    glyphs = group_pieces(outside)
    found, loose = _ink_of(glyphs, _owners([chars[index] for index in others], glyphs, width, cells.em))
    at = dict(zip(others, found, strict=True))
    return [cells.at.get(index, at.get(index)) for index in range(len(chars))], loose


def _owners(
    chars: Sequence[CharReading], glyphs: Sequence[Glyph], width: int, line_px: float = 0.0
) -> list[int | None]:
    """Returns for each character its glyph's index: the nearest one, in order, none twice.

    line_px is the height of the line's letters, should the glyphs be only some of them.
    """
    owners: list[int | None] = [None] * len(chars)
    if not glyphs:
        return owners
    # Least total distance, monotone; leaving a character without a glyph costs as much as one line height.
    height = max(line_px, max(glyph.box.y1 for glyph in glyphs) - min(glyph.box.y0 for glyph in glyphs))
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


def _rows(chars: Sequence[CharReading], glyphs: Sequence[Glyph], owners: Sequence[int | None]) -> Rows | None:
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
    return Rows(baseline, max(1.0, heights[round(0.85 * (len(heights) - 1))]))


def _without_gaps_in_full_width(chars: Sequence[CharReading]) -> tuple[CharReading, ...]:
    inside = [is_unspaced(first.text) and is_unspaced(second.text) for first, second in pairwise(chars)]
    return tuple(
        replace(char, gap_before=None) if within else char for char, within in zip(chars, [False, *inside], strict=True)
    )


def _with_gaps(
    chars: Sequence[CharReading], spans: Sequence[Span | None], loose: Sequence[float], capital_px: float
) -> tuple[CharReading, ...]:
    """Returns the characters with the gaps between the spans of their ink; loose are the middles of what isn't
    theirs: where it lies in between, the gap is unknown."""
    spaced = [chars[0]]
    for (_, before), (char, after) in pairwise(zip(chars, spans, strict=True)):
        if before is not None and after is not None and not any(before[1] <= x < after[0] for x in loose):
            spaced.append(replace(char, gap_before=round((after[0] - before[1]) / capital_px, 3)))
        else:
            spaced.append(char)
    return tuple(spaced)
