"""Pictures of one place that shakes: how far one lies from the other, by their strokes. Pixels only; no time."""

from __future__ import annotations

import math

import cv2
import numpy as np

from yivideo_ray.pixels.strokes import ANALYSIS_LINE_PX, Mask
from yivideo_ray.types import Luma

__all__ = ["displacement", "shifted"]

# Fewer strokes are no text to go by.
_MIN_STROKE_PX = 200
# Text that stays covers itself by this share and more, and so does what shakes, once it is put back. It shakes by less
# than a line.
_STEADY_SHARE = 0.85
# Correlating at half the size takes a quarter of the time.
_SHRINK = 0.5


def displacement(before: Mask, before_near: Mask, now: Mask) -> tuple[float, float] | None:
    """Returns how far (dx, dy) the strokes of a picture moved as a whole, in pixels of the analysis; None where they
    stayed, or are others. before_near: those before, dilated."""
    least, most = sorted((cv2.countNonZero(before), cv2.countNonZero(now)))
    if least < _STEADY_SHARE * most or least < _MIN_STROKE_PX or _covered(now, before_near) >= _STEADY_SHARE * most:
        return None
    small = [
        cv2.resize(mask.astype(np.float32), None, fx=_SHRINK, fy=_SHRINK, interpolation=cv2.INTER_AREA)
        for mask in (before, now)
    ]
    (dx, dy), _ = cv2.phaseCorrelate(*small)
    dx, dy = dx / _SHRINK, dy / _SHRINK
    if math.hypot(dx, dy) > ANALYSIS_LINE_PX:
        return None
    put_back = shifted(now, -round(dx), -round(dy))
    return (dx, dy) if _covered(put_back, before_near) >= _STEADY_SHARE * most else None


def shifted(picture: Luma, dx: int, dy: int) -> Luma:
    """Returns a picture (h, w) moved by whole pixels; its edges go on where nothing is known."""
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return cv2.warpAffine(picture, move, picture.shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _covered(mask: Mask, near: Mask) -> int:
    return cv2.countNonZero(cv2.bitwise_and(mask, near))
