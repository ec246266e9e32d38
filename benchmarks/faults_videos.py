"""Short videos with patterns in place of text, which the scripted engine reads without a model."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from yivideo_ray.ocr.testing.pattern import draw_pattern

__all__ = ["pattern_videos"]

WIDTH, HEIGHT, RATE = 640, 360, 25
SHOWN, APART, FIRST = 25, 50, 10
WORDS = ("fox", "lion", "grey cat", "owls", "big dog", "mouse", "elephants", "a hen", "apes", "wolf", "seal", "crow")


def pattern_videos(directory: Path, count: int, seed: int) -> list[Path]:
    """Writes videos of 12 to 24 s, each with texts of its own, one every two seconds; those that exist are kept."""
    rng = random.Random(seed)
    paths = []
    for number in range(count):
        texts = [f"{word} {number}" for word in rng.sample(WORDS, rng.randint(6, 12))]
        path = directory / f"pattern-{seed}-{number}.mp4"
        if not path.exists():
            _write(path, texts)
        paths.append(path)
    return paths


def _write(path: Path, texts: list[str]) -> None:
    patterns = [draw_pattern(text, column_px=3) for text in texts]
    aside = path.with_suffix(".part")
    with av.open(str(aside), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = RATE
        for number in range(FIRST + APART * len(texts)):
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            index, since = divmod(number - FIRST, APART)
            if 0 <= index < len(patterns) and since < SHOWN:
                rows, columns = patterns[index].shape
                x0, y0 = (WIDTH - columns) // 2, HEIGHT - rows - 30
                picture[y0 : y0 + rows, x0 : x0 + columns] = patterns[index][:, :, None]
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    aside.rename(path)
