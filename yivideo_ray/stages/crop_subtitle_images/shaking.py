"""A picture that shakes, put back in place: where text that stands jumps to and fro with all the rest of its band.

What goes one way (text that slides or scrolls, a sign that the camera passes) stays as it moves.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.pixels.strokes import ANALYSIS_LINE_PX, MIN_LETTER_PX, Mask, dilate, shrink, stroke_mask
from yivideo_ray.types import Luma

__all__ = ["STABLE_FRAMES", "BandFrame", "Steadier", "band_frame"]

STABLE_FRAMES = 3
"""A stroke counts once it stays in place for so many frames: what moves behind the text does not. Whether a picture
goes to and fro shows in so many frames before and after a frame."""

# Strokes that stand lie on those of the frame before, and those that jumped do so when they are put back.
_STANDS_SHARE, _PUT_BACK_SHARE = 0.97, 0.9
# A jump goes no farther than a line is high.
_REACH = ANALYSIS_LINE_PX


@dataclass(slots=True, eq=False)
class BandFrame:
    """A band (luma, frame pixels) in one frame, its strokes at the scale of the analysis, and how far its picture lies
    beside that of other frames (x, y), in frame pixels: only differences between frames count."""

    pts: int
    end_pts: int
    luma: Luma
    small: Luma
    mask: Mask
    near: Mask
    scale: float
    offset: tuple[float, float] = (0.0, 0.0)
    _moved: BandFrame | None = field(default=None, repr=False)

    def moved_to(self, offset: tuple[float, float]) -> BandFrame:
        """Returns the frame with its picture where that of a frame with an offset lies."""
        if self.offset == offset:
            return self
        if self._moved is None or self._moved.offset != offset:
            x, y = offset[0] - self.offset[0], offset[1] - self.offset[1]
            luma = _shifted(self.luma, x, y)
            self._moved = replace(band_frame(self.pts, self.end_pts, luma, self.scale), offset=offset)
        return self._moved


def band_frame(pts: int, end_pts: int, luma: Luma, scale: float) -> BandFrame:
    """Returns a band (h, w), shown from pts to end_pts, with its strokes; scale is strokes.analysis_scale of its
    lines."""
    small = shrink(luma, scale)
    mask = stroke_mask(small)
    return BandFrame(pts, end_pts, luma, small, mask, dilate(mask), scale)


class Steadier:
    """Takes the frames of a band in order, and gives them out with their offsets, STABLE_FRAMES later."""

    def __init__(self) -> None:
        self._frames: deque[BandFrame] = deque(maxlen=2 * STABLE_FRAMES + 1)
        # How far each frame jumped from the one before, in analysis pixels.
        self._jumps: deque[tuple[int, int]] = deque(maxlen=2 * STABLE_FRAMES + 1)
        self._waiting = 0
        self._offset = (0.0, 0.0)

    def push(self, frame: BandFrame) -> Iterator[BandFrame]:
        """Takes the next frame."""
        self._jumps.append(_jump(self._frames[-1], frame) if self._frames else (0, 0))
        self._frames.append(frame)
        self._waiting += 1
        if self._waiting > STABLE_FRAMES:
            yield self._next()

    def finish(self) -> Iterator[BandFrame]:
        """Gives out the frames that still wait."""
        while self._waiting:
            yield self._next()

    def _next(self) -> BandFrame:
        at = len(self._frames) - self._waiting
        self._waiting -= 1
        frame, jump = self._frames[at], self._jumps[at]
        if jump != (0, 0) and _to_and_fro([*self._jumps][max(0, at - STABLE_FRAMES) : at + STABLE_FRAMES + 1]):
            x, y = _exact_jump(self._frames[at - 1], frame, *jump)
            self._offset = self._offset[0] + x, self._offset[1] + y
        frame.offset = self._offset
        return frame


def _to_and_fro(jumps: list[tuple[int, int]]) -> bool:
    """Returns whether jumps take a picture back for at least as far as they take it on."""
    way = sum(math.hypot(x, y) for x, y in jumps)
    gone = math.hypot(sum(x for x, _ in jumps), sum(y for _, y in jumps))
    return gone <= way - gone


def _jump(before: BandFrame, frame: BandFrame) -> tuple[int, int]:
    """Returns how far the strokes of a frame jumped as one, in analysis pixels: (0, 0) where they stand, or did not."""
    strokes = min(cv2.countNonZero(before.mask), cv2.countNonZero(frame.mask))
    stand = _shared(before.near, frame.mask)
    if strokes < MIN_LETTER_PX or stand >= _STANDS_SHARE * strokes:
        return 0, 0
    x, y = (_lag(before.mask, frame.mask, axis) for axis in (0, 1))
    if (x, y) == (0, 0) or _shared(_shifted(before.near, x, y), frame.mask) <= max(stand, _PUT_BACK_SHARE * strokes):
        return 0, 0
    return x, y


def _exact_jump(before: BandFrame, frame: BandFrame, x: int, y: int) -> tuple[float, float]:
    """Returns how far a frame jumped, in frame pixels; x and y are its jump in whole analysis pixels."""
    moved = _shifted(before.mask, x, y).astype(np.float32)
    (more_x, more_y), _ = cv2.phaseCorrelate(moved, frame.mask.astype(np.float32))
    if max(abs(more_x), abs(more_y)) > 1:
        more_x = more_y = 0.0
    return _exactly((x + more_x) / frame.scale), _exactly((y + more_y) / frame.scale)


def _exactly(px: float) -> float:
    # Sums of such numbers are exact: how far two frames lie apart is the same wherever one began.
    return round(px * 16) / 16


def _lag(before: Mask, now: Mask, axis: int) -> int:
    """Returns by how many pixels the strokes of one frame, summed over an axis, are most like those of another."""
    one, other = (cv2.reduce(mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() for mask in (before, now))
    reach = min(_REACH, len(one) - 1)
    alike = np.correlate(np.pad(other - other.mean(), reach), one - one.mean(), "valid")
    return int(alike.argmax()) - reach


def _shared(one: Mask, other: Mask) -> int:
    return cv2.countNonZero(cv2.bitwise_and(one, other))


def _shifted(picture: NDArray[np.uint8], x: float, y: float) -> NDArray[np.uint8]:
    """Returns a picture moved by x and y pixels; what comes in is as its edge was."""
    height, width = picture.shape
    how = cv2.INTER_LINEAR if isinstance(x, float) else cv2.INTER_NEAREST
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return cv2.warpAffine(picture, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]
