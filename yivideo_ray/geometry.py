"""Boxes, rows of them, and where a cut-out picture lies in its frame.

Pixels only: time lives in types, pictures live in media and stages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Box", "bounding_box", "from_frame", "in_rows", "share_row", "to_frame"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A box of whole pixels, half-open: x0 <= x < x1 and y0 <= y < y1; the origin is top left.

    Whose coordinates (frame, band, crop or sheet) is said by the field that holds it.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    def __post_init__(self) -> None:
        if self.x1 < self.x0 or self.y1 < self.y0:
            raise ValueError(f"a box runs from top left to bottom right, got {self}")

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def corners(self) -> tuple[int, int, int, int]:
        return self.x0, self.y0, self.x1, self.y1

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def translate(self, dx: int, dy: int) -> Box:
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def scale(self, factor: float) -> Box:
        """Returns the smallest whole box that covers this one with every coordinate times factor."""
        # The tolerance keeps 0.1 * 30 = 3.0000000000000004 from growing the box by a pixel.
        tolerance = 1e-6
        return Box(
            math.floor(self.x0 * factor + tolerance),
            math.floor(self.y0 * factor + tolerance),
            math.ceil(self.x1 * factor - tolerance),
            math.ceil(self.y1 * factor - tolerance),
        )

    def pad(self, dx: int, dy: int) -> Box:
        return Box(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)

    def clip(self, bounds: Box) -> Box:
        """Returns the part inside bounds; an empty box on the nearest edge if there is none."""
        x0 = min(max(self.x0, bounds.x0), bounds.x1)
        y0 = min(max(self.y0, bounds.y0), bounds.y1)
        return Box(x0, y0, max(x0, min(self.x1, bounds.x1)), max(y0, min(self.y1, bounds.y1)))

    def intersect(self, other: Box) -> Box | None:
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        x1, y1 = min(self.x1, other.x1), min(self.y1, other.y1)
        return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def iou(self, other: Box) -> float:
        """Returns the intersection over the union of both areas, 0 to 1."""
        shared = self.intersect(other)
        if shared is None:
            return 0.0
        return shared.area / (self.area + other.area - shared.area)


def bounding_box(boxes: Iterable[Box]) -> Box:
    """Returns the smallest box around all of them. Raises ValueError for none."""
    found = list(boxes)
    if not found:
        raise ValueError("no boxes to bound")
    return Box(
        min(b.x0 for b in found),
        min(b.y0 for b in found),
        max(b.x1 for b in found),
        max(b.y1 for b in found),
    )


def to_frame(box: Box, cut: Box, scale: float) -> Box:
    """Returns the smallest box of whole frame pixels that covers a box in a picture of the frame.

    The picture shows what lies in the frame at cut, scaled by scale.
    """
    return box.scale(1 / scale).translate(cut.x0, cut.y0)


def from_frame(box: Box, cut: Box, scale: float) -> Box:
    """Returns where a box in frame coordinates lies in such a picture, or beyond it: at least a pixel wide and high.

    Its corner is rounded, and so is its size, for equal boxes to have equal sizes wherever they lie.
    """
    x, y = round((box.x0 - cut.x0) * scale), round((box.y0 - cut.y0) * scale)
    return Box(x, y, x + max(1, round(box.width * scale)), y + max(1, round(box.height * scale)))


def share_row(a: Box, b: Box) -> bool:
    """Returns whether two boxes stand in one row: the middle of the smaller one lies within the height of the
    other.

    That is to say that they share more than half of the smaller one's height.
    """
    return 2 * abs(a.center[1] - b.center[1]) < max(a.height, b.height)


def in_rows(items: Iterable[Item], box_of: Callable[[Item], Box]) -> list[list[Item]]:
    """Returns the items in the order of reading: row by row from the top, each row from the left."""
    rows: list[list[Item]] = []
    for item in sorted(items, key=lambda item: box_of(item).center[1]):
        if rows and share_row(box_of(rows[-1][0]), box_of(item)):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [sorted(row, key=lambda item: box_of(item).x0) for row in rows]
