"""Stroke masks: which pixels of a band look like the strokes of subtitle text. Pixels in, pixels out; no time.

Subtitle strokes are thin, brighter than what lies around them, and have a dark edge close by (outline, shadow, box,
or, for dark text on a light box, the letters themselves). That holds for every common style, and for little else.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.types import Luma

__all__ = [
    "ANALYSIS_LINE_PX",
    "LETTER",
    "MIN_CONTRAST",
    "MIN_EXCHANGED_PX",
    "MIN_LETTER_PX",
    "MIN_MARK_PX",
    "Mask",
    "analysis_scale",
    "count_changed",
    "count_exchanged",
    "dilate",
    "shrink",
    "stroke_mask",
]

Mask = NDArray[np.uint8]
"""A picture of shape (H, W), dtype uint8, that holds only 0 and 1."""

ANALYSIS_LINE_PX = 32
"""Height of a text line's box at which strokes are analysed: large enough for one-pixel strokes to survive."""

LETTER = (20, 32)
"""Width and height of the window that a Latin letter fills, in analysis pixels."""

MIN_EXCHANGED_PX = 20
"""So many pixels by count_exchanged are another text. "Go!" that becomes "Oh!" has 31, and all 60 other texts that took
a text's place on two videos 66 or more; of 580 frames on 15 videos in which only the background changed, 3 had 20."""

MIN_LETTER_PX = 60
"""So many stroke pixels hold a letter: "No." has 250, and a slow fade brings 60 to 80 of them at a time."""

MIN_MARK_PX = 40
"""So many stroke pixels hold a mark or the thinnest letter: a lone "I" has 50."""

MIN_CONTRAST = 40
"""Strokes are brighter than what lies around them by so much, and what stays differs by less from frame to frame, also
when it is badly compressed."""

# Widest stroke that counts as thin, at ANALYSIS_LINE_PX: bold type has strokes of about a fifth of the line.
_WIDEST_STROKE = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 9))
_EDGE_REACH = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))
_NEIGHBOURS = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
_MIN_EDGE = 60
# About the size of a glyph: a changed letter fills such a window, compression noise never does.
_WINDOW = (ANALYSIS_LINE_PX, ANALYSIS_LINE_PX)
_MIN_EXCHANGED_SHARE = 0.3
# At a corner of the mask, where it is mirrored, a window counts a pixel so many times.
_MOST_COUNTED = 4


def analysis_scale(line_height_px: float) -> float:
    """Returns the factor from frame pixels to analysis pixels for text of a line height; never above 1."""
    return min(1.0, ANALYSIS_LINE_PX / max(line_height_px, 1.0))


def shrink(band: Luma, scale: float) -> Luma:
    """Returns a band (h, w) at `scale` times its size; the band itself where scale is 1.

    It is halved as often as that goes, then resized linearly: each pixel counts, for a tenth of the time that an area
    at a fraction of a pixel takes.
    """
    if scale >= 1.0:
        return band
    while scale <= 0.5 and min(band.shape) > 1:
        width, height = band.shape[1] // 2, band.shape[0] // 2
        # Only a whole number of pixels for each is fast.
        band = cv2.resize(band[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        scale *= 2
    return cv2.resize(band, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def stroke_mask(band: Luma, scale: float = 1.0) -> Mask:
    """Returns the stroke mask of a band (h, w) at `scale` times its size."""
    band = shrink(band, scale)
    opened = cv2.morphologyEx(band, cv2.MORPH_OPEN, _WIDEST_STROKE)
    thin = cv2.threshold(cv2.subtract(band, opened), MIN_CONTRAST, 1, cv2.THRESH_BINARY)[1]
    darkest = cv2.erode(band, _EDGE_REACH)
    edged = cv2.threshold(cv2.subtract(band, darkest), _MIN_EDGE, 1, cv2.THRESH_BINARY)[1]
    return cv2.bitwise_and(thin, edged)  # type: ignore[return-value]


def dilate(mask: Mask) -> Mask:
    """Returns the mask grown by one pixel, so that a stroke's jitter under compression is no change."""
    return cv2.dilate(mask, _NEIGHBOURS)  # type: ignore[return-value]


def count_changed(
    changed: Mask,
    union: Mask,
    min_share: float,
    window: tuple[int, int] = _WINDOW,
    *,
    least: int = 1,
) -> int:
    """Returns how many stroke pixels changed within the glyph-sized window (width, height) where most did, or 0 where
    those are fewer than `least`.

    changed marks the strokes that came or went, union all strokes before and after. Windows in which less than
    min_share of the strokes changed do not count, so that the edges of letters that stay put never add up to a change.
    """
    if _MOST_COUNTED * cv2.countNonZero(changed) < least:
        return 0
    in_window = _count(changed, window)
    enough = in_window >= least
    if not enough.any():
        return 0
    counts = in_window[enough]
    mostly = counts > min_share * _count(union, window)[enough]
    return int(counts[mostly].max(initial=0))


def count_exchanged(came: Mask, went: Mask, union: Mask, *, least: int = 1) -> int:
    """Returns how many stroke pixels both came and went, the fewer of the two, in the letter's window with the most, or
    0 where those are fewer than `least`.

    union marks all strokes before and after; windows in which a small share of them came or went do not count. A
    letter that takes another's place brings strokes and takes some; a background that moves behind a letter adds
    strokes beside it or takes them, seldom both at once in so small a place.
    """
    if _MOST_COUNTED * min(cv2.countNonZero(came), cv2.countNonZero(went)) < least:
        return 0
    came_px, went_px = _count(came, LETTER), _count(went, LETTER)
    fewer = np.minimum(came_px, went_px)
    enough = fewer >= least
    if not enough.any():
        return 0
    mostly = came_px[enough] + went_px[enough] > _MIN_EXCHANGED_SHARE * _count(union, LETTER)[enough]
    return int(fewer[enough][mostly].max(initial=0))


def _count(mask: Mask, window: tuple[int, int]) -> NDArray[np.int16]:
    """Returns how many pixels are set in the window around each pixel; beyond its edge the mask is mirrored."""
    return cv2.boxFilter(mask, cv2.CV_16S, window, normalize=False)  # type: ignore[return-value]
