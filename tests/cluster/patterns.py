"""Videos whose subtitles the scripted engine can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.videos import Rgb, make_video
from yivideo_ray.ocr.testing.pattern import draw_pattern

SIZE = (640, 360)
RATE = 25
SHOWN, APART = 25, 50


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
