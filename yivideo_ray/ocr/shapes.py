"""Fits pictures into the few fixed shapes that the models are run with, and groups them by shape.

Memory grows with every new input shape, in onnxruntime and paddle alike, so shapes come from short lists. What to do
with the pictures is the backend's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from yivideo_ray.geometry import Box
from yivideo_ray.types import Luma

__all__ = ["LINE_HEIGHT_PX", "Fitted", "fit_image", "fit_line", "groups"]

Key = TypeVar("Key")

DETECTION_WIDTHS = (320, 640, 960)
DETECTION_HEIGHTS = (64, 128, 256, 384, 544, 736, 960)
"""The detection shapes, multiples of 32 as the network needs them: any width with any height."""

LINE_HEIGHT_PX = 48
LINE_WIDTHS = (*range(320, 1600, 64), *range(1600, 3201, 320))
"""The widths of a line image. PaddleOCR pads to 320 at least and squeezes what is wider than 3200; so do we."""

_LINE_PADDING = 127
"""The uint8 nearest to what PaddleOCR pads a line with: 0 after its normalisation (x / 127.5 - 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A picture in one of the fixed shapes: (H, W, 3), dtype uint8, three equal channels, content at the top left.

    width and height are of the content, scale_x and scale_y are canvas pixels for one pixel of the original.
    """

    canvas: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
    width: int
    height: int
    scale_x: float
    scale_y: float
    original: Box

    @property
    def size(self) -> tuple[int, int]:
        """The canvas' width and height."""
        return self.canvas.shape[1], self.canvas.shape[0]

    @property
    def share(self) -> float:
        """The content's share of the canvas' width."""
        return self.width / self.canvas.shape[1]

    def to_original(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Returns the smallest whole box around canvas coordinates, in the original's pixels and clipped to it."""
        return Box(
            math.floor(x0 / self.scale_x),
            math.floor(y0 / self.scale_y),
            math.ceil(x1 / self.scale_x),
            math.ceil(y1 / self.scale_y),
        ).clip(self.original)


def fit_image(image: Luma) -> Fitted:
    """Returns an image (H, W) for detection, never enlarged, and scaled down only if no shape holds it."""
    height, width = image.shape
    scale = min(1.0, DETECTION_WIDTHS[-1] / width, DETECTION_HEIGHTS[-1] / height)
    content = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = (
        next(w for w in DETECTION_WIDTHS if w >= content[0]),
        next(h for h in DETECTION_HEIGHTS if h >= content[1]),
    )
    return _place(image, content, canvas, padding=round(float(image.mean())), interpolation=cv2.INTER_AREA)


def fit_line(line: Luma) -> Fitted:
    """Returns a line image (h, w) for recognition: 48 high, in proportion, padded on the right."""
    height, width = line.shape
    content = min(LINE_WIDTHS[-1], math.ceil(LINE_HEIGHT_PX * width / height)), LINE_HEIGHT_PX
    canvas = next(w for w in LINE_WIDTHS if w >= content[0]), LINE_HEIGHT_PX
    # As PaddleOCR scales them, but for lines so large that it would skip pixels.
    interpolation = cv2.INTER_AREA if height > 2 * LINE_HEIGHT_PX else cv2.INTER_LINEAR
    return _place(line, content, canvas, padding=_LINE_PADDING, interpolation=interpolation)


def _place(
    image: Luma, content: tuple[int, int], canvas: tuple[int, int], *, padding: int, interpolation: int
) -> Fitted:
    original = Box(0, 0, image.shape[1], image.shape[0])
    if content != (original.width, original.height):
        image = cv2.resize(image, content, interpolation=interpolation).astype(np.uint8, copy=False)
    pixels = np.full((canvas[1], canvas[0], 3), padding, np.uint8)
    pixels[: content[1], : content[0]] = image[:, :, None]
    return Fitted(pixels, *content, content[0] / original.width, content[1] / original.height, original)


def groups(keys: Iterable[Key]) -> Iterator[tuple[Key, list[int]]]:
    """Yields each distinct key with the indexes that have it, in the order of the first ones."""
    found: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, []).append(index)
    yield from found.items()
