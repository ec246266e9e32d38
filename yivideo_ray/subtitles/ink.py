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
from yivideo_ray.subtitles.strokes import stroke_mask
from yivideo_ray.types import Luma

__all__ = ["Glyph", "Ink", "find_glyphs", "find_ink", "group_pieces"]

_LEVELS = (0.5, 0.6, 0.7, 0.78, 0.85, 0.91)
_MIN_PIECE_PX = 3
# Pieces above each other are one glyph when they share this much of the narrower one's width.
_SAME_COLUMN = 0.4


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


def find_glyphs(inks: Sequence[Ink], expected: int) -> tuple[Glyph, ...]:
    """Returns the glyphs of a line from left to right, in the ink that comes closest to the expected number."""
    found = [group_pieces(ink.pieces) for ink in inks]
    return min(found, key=lambda glyphs: abs(len(glyphs) - expected), default=())


def group_pieces(pieces: Sequence[Box]) -> tuple[Glyph, ...]:
    """Returns glyphs from left to right: pieces (from left to right) above each other are one."""
    groups: list[list[Box]] = []
    for piece in pieces:
        group = next((g for g in groups[-3:] if _share_columns(piece, bounding_box(g))), None)
        if group is None:
            groups.append([piece])
        else:
            group.append(piece)
    glyphs = [Glyph(bounding_box(group), tuple(sorted(group, key=lambda b: b.y0))) for group in groups]
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
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    within = Box(0, 0, mask.shape[1], mask.shape[0])
    found = {
        label: Box(int(x), int(y), int(x + w), int(y + h))
        for label, (x, y, w, h, area) in enumerate(stats[:count])
        if label > 0 and area >= _MIN_PIECE_PX
    }
    found = {label: box for label, box in found.items() if not _is_background(box, within)}
    # What shows through an outlined o is background.
    kept = {label: box for label, box in found.items() if not any(_is_inside(box, o) for o in found.values())}
    columns = np.isin(labels, list(kept)).sum(axis=0, dtype=np.int64)
    return Ink(tuple(sorted(kept.values())), columns)


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
