"""A machine-readable pattern in place of written text, so that the scripted engine can read without a model.

A pattern looks to the stages like a line of bright text: thin upright strokes. It is a row of columns in three bands:

    top      data: a bright column is 1, a dark one 0
    middle   bright throughout, which holds the pattern together
    bottom   a clock: bright and dark in turn, so that columns are found at any scale

The bits are the text in UTF-8, its CRC-16 and a closing 1. It survives scaling and lossy compression down to about
two pixels a column.
"""

from __future__ import annotations

import binascii

import numpy as np
from numpy.typing import NDArray

from yivideo_ray.types import Luma

__all__ = ["draw_pattern", "read_pattern"]

_CRC_BYTES = 2
_MIN_CONTRAST = 40


def draw_pattern(
    text: str, *, column_px: int = 4, height_px: int = 36, margin_px: int = 0, bright: int = 235, dark: int = 16
) -> Luma:
    """Returns the pattern of a text, shape (height_px + 2 · margin_px, …), one byte of UTF-8 taking 8 columns."""
    data = text.encode()
    data += binascii.crc_hqx(data, 0).to_bytes(_CRC_BYTES)
    bits = np.append(np.unpackbits(np.frombuffer(data, np.uint8)), 1).astype(bool)
    columns = np.ones((height_px, len(bits)), bool)
    third = height_px // 3
    columns[:third] = bits
    columns[-third:] = np.arange(len(bits)) % 2 == 0
    image = np.where(np.repeat(columns, column_px, axis=1), bright, dark).astype(np.uint8)
    return np.pad(image, margin_px, constant_values=dark)


def read_pattern(image: Luma) -> str | None:
    """Returns the text of the one pattern in an image, whatever margin is around it; None if there is none."""
    low, high = int(image.min()), int(image.max())
    if high - low < _MIN_CONTRAST:
        return None
    mask = image > (low + high) / 2
    # Two pixels: a lone bright one is noise.
    rows, columns = np.flatnonzero(mask.sum(axis=1) > 1), np.flatnonzero(mask.sum(axis=0) > 1)
    if len(rows) < 6 or len(columns) < 8 * _CRC_BYTES:
        return None
    inside = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    clock = _band(inside, 10 / 12)
    edges = np.flatnonzero(np.diff(clock)) + 1
    starts, ends = np.concatenate(([0], edges)), np.append(edges, len(clock))
    if len(starts) % 8 != 1 or len(starts) <= 8 * _CRC_BYTES:
        return None
    bits = _band(inside, 2 / 12)[(starts + ends) // 2]
    data = np.packbits(bits[:-1]).tobytes()
    text, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if binascii.crc_hqx(text, 0).to_bytes(_CRC_BYTES) != crc:
        return None
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def _band(image: Luma, middle: float) -> NDArray[np.bool_]:
    """Returns which columns are bright around a height, given as a share of the image's."""
    height = image.shape[0]
    first = int(height * (middle - 1 / 12))
    profile = image[first : max(first + 1, int(height * (middle + 1 / 12)))].mean(axis=0)
    bright: NDArray[np.bool_] = profile > (profile.min() + profile.max()) / 2
    return bright
