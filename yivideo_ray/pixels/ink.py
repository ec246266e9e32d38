"""The ink of a line: its connected pieces, and glyphs made of pieces above each other. Pixels in, boxes out.

Which level parts the ink from what lies behind it is not known beforehand; who knows what the line reads chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.pixels.strokes import stroke_mask
from yivideo_ray.types import Luma

__all__ = ["Glyph", "Ink", "find_glyphs", "find_ink", "group_pieces"]

_LEVELS = (0.5, 0.6, 0.7, 0.78, 0.85, 0.91)
_MIN_PIECE_PX = 3
# Pieces above each other are one glyph when they share this much of the narrower one's width.
_SAME_COLUMN = 0.4
_OWN_GLYPH = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """What may be the ink of a line: its pieces in line pixels, from left to right, and the pixels of each column."""

    pieces: tuple[Box, ...]
    columns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Glyph:
    """The ink of one character, in line pixels; pieces from the top (the dot of an i is one)."""

    box: Box
    pieces: tuple[Box, ...]


def find_ink(image: Luma) -> tuple[Ink, ...]:
    """Returns what may be the ink of a line: light on dark and dark on light, at each of some levels."""
    return tuple(_ink(mask) for picture in (image, np.asarray(255 - image, np.uint8)) for mask in _masks(picture))


def find_glyphs(inks: Sequence[Ink], places: NDArray[np.float64]) -> tuple[Glyph, ...]:
    """Returns the glyphs of a line from left to right, in the ink that fits best what was read there: as many glyphs as
    characters, and one of its own where each is. places are the x of the characters' middles, in line pixels."""
    found = [group_pieces(ink.pieces) for ink in inks]
    return min(found, key=lambda glyphs: _misfit(glyphs, places), default=())


def _misfit(glyphs: Sequence[Glyph], places: NDArray[np.float64]) -> float:
    """Returns how many glyphs there are too few or too many, and how many characters have none of their own, which
    counts for more: where a mark was left out, letters that run into each other are as many as were read."""
    if not glyphs:
        return _OWN_GLYPH * len(places)
    x0, x1 = (np.array([getattr(glyph.box, side) for glyph in glyphs], float) for side in ("x0", "x1"))
    nearest = np.abs(places[:, None] - np.clip(places[:, None], x0, x1)).argmin(axis=1)
    return abs(len(glyphs) - len(places)) + _OWN_GLYPH * (len(places) - len(np.unique(nearest)))


def group_pieces(pieces: Sequence[Box]) -> tuple[Glyph, ...]:
    """Returns glyphs from left to right: pieces (from left to right) above each other are one."""
    groups: list[list[Box]] = []
    boxes: list[Box] = []
    for piece in pieces:
        nearest = range(max(0, len(groups) - 3), len(groups))
        at = next((at for at in nearest if _share_columns(piece, boxes[at])), None)
        if at is None:
            groups.append([piece])
            boxes.append(piece)
        else:
            groups[at].append(piece)
            boxes[at] = bounding_box([boxes[at], piece])
    glyphs = [Glyph(box, tuple(sorted(group, key=lambda b: b.y0))) for group, box in zip(groups, boxes, strict=True)]
    return tuple(sorted(glyphs, key=lambda glyph: glyph.box.center[0]))


def _masks(image: Luma) -> Iterator[NDArray[np.uint8]]:
    """Yields what is brighter than each of some levels: a background may be nearly as bright as the letters."""
    strokes = image[stroke_mask(image, 1.0) > 0]
    if not strokes.size:
        return
    top, edge = float(np.percentile(strokes, 98)), float(np.percentile(image, 5))
    for share in _LEVELS:
        yield (image > edge + share * (top - edge)).astype(np.uint8)


def _ink(mask: NDArray[np.uint8]) -> Ink:
    height, width = mask.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    corner, size, area = stats[:, :2], stats[:, 2:4], stats[:, 4]
    boxes = np.concatenate((corner, corner + size), axis=1)
    found = (area >= _MIN_PIECE_PX) & ~_is_background(boxes, width, height)
    found[0] = False
    # What shows through an outlined o is background.
    found[found] = ~_is_inside_another(boxes[found])
    columns = found[labels].sum(axis=0, dtype=np.int64)
    return Ink(tuple(sorted(Box(*box) for box in boxes[found].tolist())), columns)


def _is_background(boxes: NDArray[np.int32], width: int, height: int) -> NDArray[np.bool_]:
    """Returns which pieces go on beyond the line: an outline parts letters from a background as bright."""
    x0, y0, x1, y1 = boxes.T
    return np.asarray((x0 <= 0) | (x1 >= width) | ((y0 <= 0) & (y1 >= height)) | (x1 - x0 > 2 * height))


def _is_inside_another(boxes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Returns which boxes lie within a larger one."""
    x0, y0, x1, y1 = boxes.T[:, :, None]
    within = (x0 >= x0.T) & (y0 >= y0.T) & (x1 <= x1.T) & (y1 <= y1.T)
    # Boxes that are equal lie within each other.
    return np.asarray(np.any(within & ~within.T, axis=1))


def _share_columns(piece: Box, group: Box) -> bool:
    shared = min(piece.x1, group.x1) - max(piece.x0, group.x0)
    apart = piece.y0 >= group.y1 or piece.y1 <= group.y0
    return apart and shared >= _SAME_COLUMN * min(piece.width, group.width)
