"""Bands with subtitles before a moving background, drawn frame by frame, for tests of what finds text in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.fonts import latin_font
from yivideo_ray.types import Luma

__all__ = ["HEIGHT", "LINE_PX", "WIDTH", "background", "write"]

WIDTH, HEIGHT, LINE_PX = 640, 96, 32


def background(number: int, speed: int = 7) -> Luma:
    """Returns the picture behind the text in frame `number`: soft shapes that move by `speed` pixels a frame."""
    x = np.arange(WIDTH)[None, :] + speed * number
    y = np.arange(HEIGHT)[:, None]
    wave: NDArray[np.float64] = 90 + 40 * np.sin(x / 11) * np.cos(y / 9) + 25 * np.sin(x / 3.1)
    return wave.astype(np.uint8)


def write(
    band: Luma, text: str, *, alpha: float = 1.0, middle: tuple[float, float] = (WIDTH / 2, 60), size_px: int = 26
) -> Luma:
    """Returns the band with a line of white, outlined text around `middle`, alpha its opacity."""
    layer = Image.new("LA", (band.shape[1], band.shape[0]))
    draw = ImageDraw.Draw(layer)
    font = latin_font(size_px)
    draw.text(middle, text, font=font, anchor="mm", fill=(235, 255), stroke_width=2, stroke_fill=(16, 255))
    luma, opacity = np.moveaxis(np.asarray(layer, np.float64), 2, 0)
    share = alpha * opacity / 255
    mixed: NDArray[np.float64] = band * (1 - share) + luma * share
    return np.rint(mixed).astype(np.uint8)
