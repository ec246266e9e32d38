"""The GPU actor's memory over calls with pictures of many sizes."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from yivideo_ray.geometry import Box
from yivideo_ray.runtime.gpu.calls import CallKind
from yivideo_ray.runtime.session import Session
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.types import Crop, CropMeta, Luma, Sheet

if TYPE_CHECKING:
    from yivideo_ray.runtime.gpu.link import Begin

__all__ = ["LIMIT", "measure"]

LIMIT = 1.05
"""What the memory at the end may be, as a ratio to that after each size has come once."""

EVERY = 100
WIDTHS, HEIGHTS = (80, 1400), (32, 160)
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "nobody", "looks", "at", "it")


def drawn_crop(width: int, height: int, rng: random.Random) -> Crop:
    """Returns a crop with a line or two of text over noise."""
    noise = np.random.default_rng(rng.randrange(2**32)).integers(20, 90, (height, width), np.uint8)
    picture = Image.fromarray(noise)
    pen = ImageDraw.Draw(picture)
    size = max(14, min(40, height // 3))
    font = ImageFont.load_default(size=size)
    for row in range(max(1, height // (2 * size))):
        words = " ".join(rng.sample(WORDS, rng.randint(2, 9)))
        pen.text((10, 8 + row * 1.6 * size), words, 235, font, stroke_width=2, stroke_fill=5)
    image: Luma = np.asarray(picture)
    meta = CropMeta("c", 0, Box(0, 0, width, height), 1.0, 0, 0, 10, 10, 10, 500)
    return Crop(meta, image)


def _reading(sheets: Sequence[Sheet]) -> Begin:
    """Returns how the reading of sheets begins."""
    # Imported here: Ray's environment must be set first.
    from benchmarks.throughput.serialized import read_sheets

    return lambda actor, ticket: read_sheets.remote(actor, ticket, sheets)


async def measure(opened: Session, calls: int, sizes: int, seed: int) -> dict[str, Any]:
    """Returns the actor's resident memory after the first `sizes` calls, at the end, and between."""
    rng = random.Random(seed)
    shapes: set[tuple[int, int]] = set()
    while len(shapes) < sizes:
        shapes.add((rng.randint(*WIDTHS), rng.randint(*HEIGHTS)))
    order = sorted(shapes)
    rng.shuffle(order)
    tools = await opened.tools()
    await tools.gpu.ready(lambda *_: None)
    samples: list[tuple[int, int]] = []
    began = time.monotonic()
    for number in range(1, calls + 1):
        width, height = order[number - 1] if number <= sizes else rng.choice(order)
        sheets = create_stitched_images([drawn_crop(width, height, rng)])
        await tools.gpu.call(CallKind.PERFORM_OCR, "memory", str(number), _reading(sheets), on_retry=lambda *_: None)
        if number % EVERY == 0 or number in (sizes, calls):
            (actor,) = (await opened.status_async())["gpu_actors"]
            samples.append((number, actor["memory"]["rss_bytes"]))
            print(f"{number:6} calls  {samples[-1][1] / 2**20:7.0f} MiB", file=sys.stderr, flush=True)
    first = next(rss for number, rss in samples if number == sizes)
    return {
        "calls": calls,
        "sizes": sizes,
        "seconds": round(time.monotonic() - began, 1),
        "restarts": actor["restarts"]["count"],
        "after_first_bytes": first,
        "at_end_bytes": samples[-1][1],
        "highest_bytes": max(rss for number, rss in samples if number >= sizes),
        "ratio": samples[-1][1] / first,
        "samples": samples,
    }
