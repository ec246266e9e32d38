"""What the picture of a text line tells of its script, as numbers: which way its strokes run at which height, what lies
beside what, how much ink each row has, how large its pieces are, how regularly they come. Pixels in, numbers out.

Orientations side by side are those of CoHOG (Watanabe et al., 2009), a descriptor for shapes of which parts vary.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.types import Luma

__all__ = ["LINE_SHAPE_SIZE", "line_shape"]

Floats = NDArray[np.float32]

# What the line's letters, from the highest to the lowest, are scaled to, and how much of a longer line is looked at.
_HEIGHT, _WIDEST = 32, 512
_ORIENTATIONS = 8
_FLAT = _ORIENTATIONS
_LABELS = _ORIENTATIONS + 1
_ZONES = 8
# (dx, dy) in pixels: strokes of one letter, letters beside each other, marks above and below letters.
_OFFSETS = ((3, 0), (6, 0), (10, 0), (0, 4), (0, 8), (4, 4), (-4, 4))
_LAGS = range(8, 49, 2)
_STROKE = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 9))
# The rows between which this share of a line's edges lies hold its letters.
_EDGES_BEYOND = 0.03
_MIN_ROWS = 12
_MIN_PIECE_PX, _MARK_PX = 4, 10
# Pieces are counted by their height and width, in steps of pixels.
_HEIGHT_STEP, _HEIGHTS, _WIDTH_STEP, _WIDTHS = 7, 5, 6, 6
_MARK_ROWS = 8

LINE_SHAPE_SIZE = (
    _ZONES * _LABELS
    + len(_OFFSETS) * _LABELS**2
    + _HEIGHT
    + _HEIGHT // 2
    + _HEIGHTS * _WIDTHS
    + _MARK_ROWS
    + 1
    + len(_LAGS)
)
"""How many numbers line_shape gives."""


def line_shape(picture: Luma) -> Floats:
    """Returns LINE_SHAPE_SIZE numbers on the shapes in a line's picture (h, w), whatever its size, and whether its
    letters are light or dark."""
    line = _letters(picture)
    bright, dark = (cv2.morphologyEx(line, how, _STROKE) for how in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    middle = slice(_HEIGHT // 8, -_HEIGHT // 8)
    if cv2.norm(dark[middle]) > cv2.norm(bright[middle]):
        line, bright = np.bitwise_not(line), dark
    labels = _orientations(line)
    ink = (bright > max(_MIN_INK, float(bright.max()) / 3)).astype(np.uint8)
    parts = [
        _zones(labels),
        *(_beside(labels, dx, dy) for dx, dy in _OFFSETS),
        *_rows(ink),
        *_pieces(ink),
        _rhythm(ink),
    ]
    return np.concatenate(parts, dtype=np.float32)


_MIN_INK = 20


def _letters(picture: Luma) -> Luma:
    """Returns the rows of a line that hold its letters, at the height that all lines are compared at."""
    height, width = picture.shape
    shrunk = max(_MIN_ROWS, min(2 * _WIDEST, round(width * _HEIGHT / height)))
    line = cv2.resize(
        picture, (shrunk, _HEIGHT), interpolation=cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    )
    edges = cv2.reduce(cv2.absdiff(line[:, 1:], line[:, :-1]), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    above = np.cumsum(edges - edges.min())
    y0, y1 = np.searchsorted(above, (_EDGES_BEYOND * above[-1], (1 - _EDGES_BEYOND) * above[-1]))
    y0, y1 = max(0, int(y0) - 1), min(_HEIGHT, int(y1) + 2)
    if y1 - y0 < _MIN_ROWS:
        y0, y1 = 0, _HEIGHT
    size = (max(_MIN_ROWS, round(shrunk * _HEIGHT / (y1 - y0))), _HEIGHT)
    found = cv2.resize(line[y0:y1], size, interpolation=cv2.INTER_LINEAR)
    beyond = max(0, size[0] - _WIDEST) // 2
    return np.ascontiguousarray(found[:, beyond : beyond + _WIDEST], dtype=np.uint8)


def _orientations(line: Luma) -> NDArray[np.uint8]:
    """Returns which way the edge at each pixel runs, or _FLAT where there is none to speak of."""
    x, y = cv2.Sobel(line, cv2.CV_32F, 1, 0), cv2.Sobel(line, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(x, y)
    labels = (angle * np.float32(_ORIENTATIONS / np.pi) + np.float32(0.5)).astype(np.uint8) % _ORIENTATIONS
    labels[(strength < strength.mean()) | (strength == 0)] = _FLAT
    return labels


def _shares(codes: NDArray[np.uint8], size: int) -> Floats:
    """Returns the roots of the shares of each code: differences between seldom codes count as well (Hellinger)."""
    counts = cv2.calcHist([np.ascontiguousarray(codes)], [0], None, [size], [0, size])[:, 0]
    return np.asarray(np.sqrt(counts / max(1.0, float(counts.sum()))), np.float32)


def _zones(labels: NDArray[np.uint8]) -> Floats:
    zones = np.repeat(np.arange(_ZONES, dtype=np.uint8), _HEIGHT // _ZONES)[:, None]
    return _shares(zones * np.uint8(_LABELS) + labels, _ZONES * _LABELS)


def _beside(labels: NDArray[np.uint8], dx: int, dy: int) -> Floats:
    height, width = labels.shape
    if width <= abs(dx):
        return np.zeros(_LABELS**2, np.float32)
    one = labels[: height - dy, max(0, -dx) : width - max(0, dx)]
    other = labels[dy:, max(0, dx) : width + min(0, dx)]
    return _shares(one * np.uint8(_LABELS) + other, _LABELS**2)


def _rows(ink: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Returns the share of the ink in each row, and how often strokes begin in each two rows, for a line's height."""
    rows = ink.sum(axis=1, dtype=np.float32)
    begins = (ink[:, 1:] > ink[:, :-1]).sum(axis=1, dtype=np.float32)
    return (
        np.sqrt(rows / max(1.0, float(rows.sum()))),
        np.sqrt(begins.reshape(-1, 2).sum(axis=1) * (_HEIGHT / ink.shape[1]) / 2),
    )


def _pieces(ink: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """Returns how many connected pieces there are by their size, how many small ones by their height in the line, and
    how many holes, all for as much of the line as it is high, in the root."""
    stats = cv2.connectedComponentsWithStats(ink, connectivity=8)[2][1:]
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= _MIN_PIECE_PX]
    heights = np.minimum(stats[:, cv2.CC_STAT_HEIGHT] // _HEIGHT_STEP, _HEIGHTS - 1)
    widths = np.minimum(stats[:, cv2.CC_STAT_WIDTH] // _WIDTH_STEP, _WIDTHS - 1)
    small = stats[stats[:, cv2.CC_STAT_HEIGHT] <= _MARK_PX]
    rows = (2 * small[:, cv2.CC_STAT_TOP] + small[:, cv2.CC_STAT_HEIGHT]) * _MARK_ROWS // (2 * _HEIGHT + 1)
    ground = cv2.connectedComponentsWithStats(1 - ink, connectivity=4)[2][1:, cv2.CC_STAT_AREA]
    holes = np.array([((ground >= _MIN_PIECE_PX) & (ground < _HEIGHT**2 // 4)).sum()])
    share = _HEIGHT / ink.shape[1]
    return tuple(
        np.sqrt(counts * share).astype(np.float32)
        for counts in (
            np.bincount(heights * _WIDTHS + widths, minlength=_HEIGHTS * _WIDTHS),
            np.bincount(rows, minlength=_MARK_ROWS),
            holes,
        )
    )


def _rhythm(ink: NDArray[np.uint8]) -> Floats:
    """Returns how like the ink of a line's columns is to that some columns on: square characters come regularly."""
    columns = ink.mean(axis=0)
    columns -= columns.mean()
    power = float(columns @ columns)
    if power <= 0:
        return np.zeros(len(_LAGS), np.float32)
    return np.array(
        [columns[:-lag] @ columns[lag:] / power if lag < len(columns) else 0.0 for lag in _LAGS], np.float32
    )
