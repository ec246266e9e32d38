"""How many dots an ellipsis has: counted in the ink, for a CTC model sees one long mark and guesses.

A full-width … is three dots in one em and is set twice (……); elsewhere dots are full stops, in any number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from yivideo_ray.geometry import Box
from yivideo_ray.pixels.ink import Ink, group_pieces
from yivideo_ray.types import CharReading

__all__ = ["Span", "with_dots"]

Span = tuple[float, float]
"""From where to where ink goes in a line, in its pixels."""

_DOTS = frozenset("….")
_PER_ELLIPSIS = 3
# Shares of the capitals' height: how large a dot is at most, how far dots lie from one row, and from each other.
_DOT, _ROW, _APART = 0.35, 0.12, 0.8
_REACH = 0.5
# Distances between dots of a row are the same within this share of their median.
_EVEN = 0.3
# So many inks have to show as many dots. The most that they do counts: dots are lost in ink that isn't the text's, or
# that runs together, and an even row of them comes from nothing else.
_AGREE = 3


def with_dots(
    chars: tuple[CharReading, ...], spans: Sequence[Span | None], inks: Sequence[Ink], capital_px: float, width: int
) -> tuple[CharReading, ...]:
    """Returns the characters with as many dots as the inks show in a row, wherever two or more, or …, were read.

    spans say where the ink of each character is (None: unknown), width is the line's. Where dots can't be told, or
    what the ink shows isn't a number of the marks that were read, they stay.
    """
    found: list[CharReading] = []
    index = 0
    while index < len(chars):
        end = index
        while end < len(chars) and chars[end].text in _DOTS:
            end += 1
        if end == index:
            found.append(chars[index])
            index += 1
            continue
        read = chars[index:end]
        if read[0].text == "." and len(read) == 1:
            found += read
        else:
            # Where the ink of the characters beside isn't known, their middles are.
            left = 0.0 if index == 0 else (spans[index - 1] or _middle(chars[index - 1], width))[1]
            right = width if end == len(chars) else (spans[end] or _middle(chars[end], width))[0]
            found += _as_many(read, _count(inks, (left, right), capital_px))
        index = end
    return tuple(found)


def _as_many(read: tuple[CharReading, ...], dots: int) -> tuple[CharReading, ...]:
    if dots == sum(_PER_ELLIPSIS if char.text == "…" else 1 for char in read):
        return read
    each = _PER_ELLIPSIS if all(char.text == "…" for char in read) else 1
    if dots < 2 or dots % each:
        return read
    x0, step = read[0].x0, (read[-1].x1 - read[0].x0) / (dots // each)
    text = "…" if each > 1 else "."
    marks = [
        replace(read[0], text=text, x0=x0 + k * step, x1=x0 + (k + 1) * step, space_before=0.0, gap_before=None)
        for k in range(dots // each)
    ]
    return (replace(marks[0], space_before=read[0].space_before, gap_before=read[0].gap_before), *marks[1:])


def _middle(char: CharReading, width: int) -> Span:
    middle = (char.x0 + char.x1) / 2 * width
    return middle, middle


def _count(inks: Sequence[Ink], within: Span, capital_px: float) -> int:
    """Returns how many dots the inks show between two places; 0 where too few show any."""
    # A letter before dots that weren't all read may have been given the first of them.
    x0, x1 = within[0] - _REACH * capital_px, within[1] + _REACH * capital_px
    counts = Counter(
        _count_row([glyph.box for glyph in group_pieces(ink.pieces) if x0 < glyph.box.center[0] < x1], capital_px)
        for ink in inks
    )
    return max((dots for dots, agree in counts.items() if agree >= _AGREE), default=0)


def _count_row(boxes: Sequence[Box], capital_px: float) -> int:
    """Returns how many dots are in the longest even row between other glyphs; 0 if there is none."""
    rows = [
        list(group)
        for small, group in groupby(boxes, lambda box: max(box.width, box.height) <= _DOT * capital_px)
        if small
    ]
    row = max(rows, key=len, default=[])
    if len(row) < 2:
        return 0
    x, y = np.array([box.center for box in row]).T
    apart = np.diff(x)
    step = float(np.median(apart))
    uneven = np.ptp(y) > _ROW * capital_px or np.abs(apart - step).max() > _EVEN * step
    return 0 if uneven or step > _APART * capital_px else len(row)
