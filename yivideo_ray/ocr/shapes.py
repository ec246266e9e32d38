"""Fits pictures into the few fixed shapes that the models are run with, and groups them by shape.

Memory grows with every new input shape, in onnxruntime and paddle alike, so shapes come from short lists. What to do
with the pictures is the backend's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.geometry import Box
from yivideo_ray.types import Luma

__all__ = [
    "FEW_LINE_WIDTHS",
    "LINE_HEIGHT_PX",
    "LINE_PADDING",
    "LINE_WIDTHS",
    "Fitted",
    "batches",
    "fit_image",
    "fit_line",
    "full_batch",
    "groups",
    "image_canvas",
    "line_canvas",
]

Key = TypeVar("Key")
Size = tuple[int, int]

DETECTION_WIDTHS = (320, 640, 960)
DETECTION_HEIGHTS = (64, 128, 256, 384, 544, 736, 960)
"""The detection shapes, multiples of 32 as the network needs them: any width with any height."""

LINE_HEIGHT_PX = 48
LINE_WIDTHS = (*range(320, 1600, 64), *range(1600, 3201, 320))
"""The widths of a line image. PaddleOCR pads to 320 at least and squeezes what is wider than 3200; so do we."""

FEW_LINE_WIDTHS = (320, 448, 640, 960, 1280, 1920, 3200)
"""The widths for a device that plans anew for each shape, and runs full batches: more of them would pad lines less and
batches more. Chosen by the lines of real videos: docs/decisions/088-full-batches-of-few-shapes.md."""

LINE_PADDING = 127
"""The uint8 nearest to what PaddleOCR pads a line with: 0 after its normalisation (x / 127.5 - 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A picture in one of the fixed shapes: canvas is (H, W), dtype uint8, with the content at the top left.

    width and height are of the content, scale_x and scale_y are canvas pixels for one pixel of the original.
    """

    canvas: Luma
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
    def colour(self) -> NDArray[np.uint8]:
        """The canvas as PaddleOCR takes pictures: (H, W, 3), three equal channels."""
        return cv2.cvtColor(self.canvas, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)

    @property
    def share(self) -> float:
        """The content's share of the canvas' width."""
        return self.width / self.size[0]

    def to_original(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """Returns the smallest whole box around canvas coordinates, in the original's pixels and clipped to it."""
        return Box(
            math.floor(x0 / self.scale_x),
            math.floor(y0 / self.scale_y),
            math.ceil(x1 / self.scale_x),
            math.ceil(y1 / self.scale_y),
        ).clip(self.original)


def image_canvas(image: Luma) -> tuple[int, int]:
    """Returns the size of the canvas that fit_image gives."""
    width, height = _image_content(image)
    return next(w for w in DETECTION_WIDTHS if w >= width), next(h for h in DETECTION_HEIGHTS if h >= height)


def fit_image(image: Luma) -> Fitted:
    """Returns an image (H, W) for detection, never enlarged, and scaled down only if no shape holds it."""
    return _place(
        image,
        _image_content(image),
        image_canvas(image),
        padding=round(float(image.mean())),
        interpolation=cv2.INTER_AREA,
    )


def line_canvas(line: Luma, widths: Sequence[int] = LINE_WIDTHS) -> tuple[int, int]:
    """Returns the size of the canvas that fit_line gives."""
    width, _ = _line_content(line, widths)
    return next(w for w in widths if w >= width), LINE_HEIGHT_PX


def fit_line(line: Luma, widths: Sequence[int] = LINE_WIDTHS) -> Fitted:
    """Returns a line image (h, w) for recognition: 48 high, in proportion, padded on the right to one of the widths,
    which grow and end with 3200."""
    # As PaddleOCR scales them, but for lines so large that it would skip pixels.
    interpolation = cv2.INTER_AREA if line.shape[0] > 2 * LINE_HEIGHT_PX else cv2.INTER_LINEAR
    return _place(
        line,
        _line_content(line, widths),
        line_canvas(line, widths),
        padding=LINE_PADDING,
        interpolation=interpolation,
    )


def _image_content(image: Luma) -> tuple[int, int]:
    height, width = image.shape
    scale = min(1.0, DETECTION_WIDTHS[-1] / width, DETECTION_HEIGHTS[-1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _line_content(line: Luma, widths: Sequence[int]) -> tuple[int, int]:
    height, width = line.shape
    return min(widths[-1], math.ceil(LINE_HEIGHT_PX * width / height)), LINE_HEIGHT_PX


def _place(
    image: Luma, content: tuple[int, int], canvas: tuple[int, int], *, padding: int, interpolation: int
) -> Fitted:
    original = Box(0, 0, image.shape[1], image.shape[0])
    if content != (original.width, original.height):
        image = cv2.resize(image, content, interpolation=interpolation).astype(np.uint8, copy=False)
    pixels = np.full((canvas[1], canvas[0]), padding, np.uint8)
    pixels[: content[1], : content[0]] = image
    return Fitted(pixels, *content, content[0] / original.width, content[1] / original.height, original)


def batches(sizes: Iterable[Size], most: Callable[[Size], int]) -> list[tuple[Size, list[int]]]:
    """Returns batches of pictures of one size: the size, and the indexes of at most most(size) pictures that have
    it."""
    found = []
    for size, members in groups(sizes):
        limit = most(size)
        found += [(size, members[start : start + limit]) for start in range(0, len(members), limit)]
    return found


def full_batch(count: int, most: int) -> int:
    """Returns how many pictures a batch of a call with `count` pictures holds, blank ones included: most, or the half
    or the quarter of it where that holds all. So a call that is made again with less, for want of memory, needs less.
    """
    return next(size for size in (max(1, most // 4), max(1, most // 2), most) if size >= min(count, most))


def groups(keys: Iterable[Key]) -> Iterator[tuple[Key, list[int]]]:
    """Yields each distinct key with the indexes that have it, in the order of the first ones."""
    found: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, []).append(index)
    yield from found.items()
