"""Pictures with text that tests of stages and of the scripted engine look at: bands, sheets, and videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.support.fonts import latin_font
from tests.support.videos import Rgb, make_video
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.types import Crop, CropMeta, Luma, Sheet

__all__ = [
    "APART",
    "HEIGHT",
    "LINE_PX",
    "RATE",
    "SHOWN",
    "SIZE",
    "TEXTS",
    "WIDTH",
    "background",
    "pattern_video",
    "sheets",
    "write",
]

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


def sheets(*texts: str) -> tuple[Sheet, ...]:
    """Returns sheets with a crop for each text, one after the other in time."""
    crops = []
    for number, text in enumerate(texts):
        image = draw_pattern(text, margin_px=12)
        height, width = image.shape
        meta = CropMeta(
            crop_id=f"c{number}",
            band=0,
            box=Box(0, 0, width, height),
            scale=1.0,
            start_pts=number * 10,
            stable_pts=number * 10,
            end_pts=number * 10 + 10,
            frames=10,
            averaged_frames=10,
            stroke_px=500,
        )
        crops.append(Crop(meta, image))
    return create_stitched_images(crops)


SIZE = (640, 360)
RATE = 25
SHOWN, APART = 25, 50
# What it shows where a test needs no texts of its own.
TEXTS = ("red fox", "lion", "grey cat", "owls", "big dog", "mouse")


def pattern_video(path: Path, texts: tuple[str, ...], **recipe: Any) -> Path:
    """Writes a video that shows each text for SHOWN frames, one every APART frames, after ten empty ones.

    The texts should differ in length: what hardly changes is taken for a logo. recipe goes to make_video.
    """
    width, height = SIZE
    patterns = [draw_pattern(text) for text in texts]

    def background(number: int) -> Rgb:
        frame = np.full((height, width, 3), 40, np.uint8)
        index, since = divmod(number - 10, APART)
        if 0 <= index < len(patterns) and since < SHOWN:
            rows, columns = patterns[index].shape
            x0, y0 = (width - columns) // 2, height - rows - 30
            frame[y0 : y0 + rows, x0 : x0 + columns] = patterns[index][:, :, None]
        return frame

    return make_video(path, frames=10 + APART * len(texts), size=SIZE, rate=RATE, background=background, **recipe)
