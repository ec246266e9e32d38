"""When lines of text are alike: of one height, in one row, shown together. Boxes and times; no pixels.

The stages ask this of lines in samples, in crops and over their lives, and mean the same by it.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["NEARLY_ALL", "are_of_one_height", "are_together", "joint_ticks", "shared_ticks"]

NEARLY_ALL = 0.8
"""A share that is as good as all: what is missing are a fade's first frames, the edge of a box, a letter misread."""

# Lines of one size differ by no more than this ratio: a box of small letters alone is two thirds as high as one that
# has capitals and descenders.
_SIZE_RATIO = 1.5


class Shown(Protocol):
    """What is shown for start_pts <= pts < end_pts."""

    @property
    def start_pts(self) -> int: ...

    @property
    def end_pts(self) -> int: ...


def are_of_one_height(one: float, other: float) -> bool:
    """Returns whether two heights of boxes may be those of lines in letters of one size."""
    return max(one, other) <= _SIZE_RATIO * min(one, other)


def shared_ticks(one: Shown, other: Shown) -> int:
    """Returns for how long both are shown; below 0 how long lies between them."""
    return min(one.end_pts, other.end_pts) - max(one.start_pts, other.start_pts)


def joint_ticks(one: Shown, other: Shown) -> int:
    """Returns how long lies between the first start and the last end."""
    return max(one.end_pts, other.end_pts) - min(one.start_pts, other.start_pts)


def are_together(one: Shown, other: Shown) -> bool:
    """Returns whether both are shown for as good as the same time."""
    return shared_ticks(one, other) >= NEARLY_ALL * joint_ticks(one, other)
