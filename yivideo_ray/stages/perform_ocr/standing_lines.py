"""Lines of consecutive crops that are one text standing still, by their pixels: it is read once, where it is clearest.

Finding the lines is left to the model, joining crops with the same text to postprocess_and_finalize.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from yivideo_ray.geometry import Box, bounding_box, from_frame, to_frame
from yivideo_ray.pixels.strokes import (
    ANALYSIS_LINE_PX,
    MIN_EXCHANGED_PX,
    Mask,
    count_changed,
    count_exchanged,
    dilate,
    stroke_mask,
)
from yivideo_ray.types import CropMeta, Luma, Placement, Reading

__all__ = ["CropLines", "Line", "StandingLine", "join_lines", "standing_lines_of"]

_SAME_PLACE_IOU = 0.6
# The ends of a line that stays may seem to move by this share of its height.
_SAME_END = 0.7
# What stays differs by less than this, also where it is badly compressed.
_MAX_DIFFERENCE = 48
# A line that detection missed is still there where less than so many of the pixels on its strokes and right beside them
# differ in a glyph-sized window, or less than this share. Fewer strokes than a letter has are no evidence.
_MIN_CHANGED_PX, _CHANGED_SHARE = 70, 0.5
_MIN_STROKE_PX = 60
# A part of a line lies in the line's place by this share; one that reaches farther beyond an end of it, as a share of
# its height, is the line with a letter more.
_INSIDE_SHARE, _BEYOND_END = 0.7, 0.25


_UNREAD = Reading("", 0.0)


@dataclass(slots=True, eq=False)
class Line:
    """A line that detection found at `found`; box reaches out to the strokes beside it. Both in crop coordinates, image
    the whole crop's."""

    crop: CropMeta
    image: Luma
    found: Box
    box: Box
    standing: StandingLine = field(init=False)

    def __post_init__(self) -> None:
        self.standing = StandingLine(self)

    @property
    def pixels(self) -> Luma:
        return self.image[self.box.y0 : self.box.y1, self.box.x0 : self.box.x1]


@dataclass(slots=True, eq=False)
class StandingLine:
    """One line of text for as long as it stands still, over one crop or several. best is its clearest picture, which is
    read; reading, what it says; looks, in how many pictures it was read; scores, what script it is in (line_script)."""

    best: Line
    reading: Reading = _UNREAD
    looks: int = 0
    scores: tuple[float, ...] = ()


@dataclass(slots=True, eq=False)
class CropLines:
    """A crop on a sheet: where it lies there, its picture, and its lines."""

    placement: Placement
    image: Luma
    lines: list[Line] = field(default_factory=list)

    @property
    def meta(self) -> CropMeta:
        return self.placement.crop

    @property
    def scale(self) -> float:
        """The pixels of the crop's image on the sheet for one frame pixel."""
        return self.meta.scale * self.placement.scale

    def to_frame(self, box: Box) -> Box:
        return to_frame(box, self.meta.box, self.scale)

    def from_frame(self, box: Box) -> Box:
        """Returns where a box in frame coordinates lies in the crop's image, or beyond it."""
        return from_frame(box, self.meta.box, self.scale)

    def cut(self, in_frame: Box) -> Luma:
        """Returns the part of the crop that a box in frame coordinates covers, grey where the crop ends."""
        at = self.from_frame(in_frame)
        there = at.clip(Box(0, 0, self.image.shape[1], self.image.shape[0]))
        picture = np.full((at.height, at.width), int(self.image.mean()), np.uint8)
        picture[there.y0 - at.y0 : there.y1 - at.y0, there.x0 - at.x0 : there.x1 - at.x0] = self.image[
            there.y0 : there.y1, there.x0 : there.x1
        ]
        return picture


def join_lines(crops: Sequence[CropLines]) -> None:
    """Lets each line that stood in the crop before share in its reading, and adds lines that detection missed in a crop
    that shows them all the same. The crops are in the order of their bands and times."""
    neighbours = [(first, second) for first, second in pairwise(crops) if _is_next(first.meta, second.meta)]
    for first, second in neighbours:
        for line in second.lines:
            for other in first.lines:
                if _same_text(other, first, line, second):
                    line.standing = other.standing
                    break
        _carry(first, second)
    for first, second in reversed(neighbours):
        _carry(second, first)
    _choose_best(crops)


def standing_lines_of(crops: Sequence[CropLines]) -> list[StandingLine]:
    """Returns the standing lines of all lines, each once, in the order of the crops."""
    return list({id(line.standing): line.standing for crop in crops for line in crop.lines}.values())


def _choose_best(crops: Sequence[CropLines]) -> None:
    """Sets what the clearest picture of each text is, among the lines that are left."""
    chosen: set[int] = set()
    for line in (line for crop in crops for line in crop.lines):
        standing = line.standing
        if id(standing) not in chosen or line.crop.averaged_frames > standing.best.crop.averaged_frames:
            standing.best = line
        chosen.add(id(standing))


def _is_next(first: CropMeta, second: CropMeta) -> bool:
    return first.band == second.band and first.end_pts >= second.start_pts


def _same_text(first: Line, first_crop: CropLines, second: Line, second_crop: CropLines) -> bool:
    """Returns whether two lines of consecutive crops are one line that stays, before a background that may change.

    A background that changes adds strokes to a picture of the text or takes them; letters that take the place of others
    do both at once. As a background only ever adds to the text's own strokes, what the picture with fewer of them has,
    and what is right beside it, is looked at. The ends of the line may not move.
    """
    if first_crop.scale != second_crop.scale:
        return False
    a, b = first_crop.to_frame(first.box), second_crop.to_frame(second.box)
    tolerance = _SAME_END * min(a.height, b.height)
    if a.iou(b) < _SAME_PLACE_IOU or abs(a.x0 - b.x0) > tolerance or abs(a.x1 - b.x1) > tolerance:
        return False
    both = bounding_box([a, b])
    before, after, differs = _compare(first_crop.cut(both), second_crop.cut(both), first.box.height)
    text = dilate(min(before, after, key=cv2.countNonZero))
    return not _exchanged(before, after, differs, text)


def _carry(source: CropLines, target: CropLines) -> None:
    """Adds the lines of a crop to the one right before or after it, where that shows them and detection found nothing,
    or only a part of it."""
    first, second = sorted((source.meta, target.meta), key=lambda crop: crop.start_pts)
    if source.scale != target.scale or second.joined_to_pts != first.stable_end_pts:
        return
    known = {id(line.standing) for line in target.lines}
    bounds = Box(0, 0, target.image.shape[1], target.image.shape[0])
    for line in source.lines:
        place = target.from_frame(source.to_frame(line.box))
        in_the_way = [other for other in target.lines if other.box.intersect(place) is not None]
        if (
            id(line.standing) in known
            # Where a crop ends there is only grey to compare with.
            or place.clip(bounds) != place
            or not all(_is_part(other.box, place) for other in in_the_way)
            or not _still_shows(source, line, target)
        ):
            continue
        found = Line(target.meta, target.image, place, place)
        found.standing = line.standing
        target.lines = [other for other in target.lines if other not in in_the_way] + [found]


def _is_part(box: Box, place: Box) -> bool:
    """Returns whether a box lies in the place, and no letter of it beyond an end."""
    shared, reach = box.intersect(place), _BEYOND_END * place.height
    within = place.x0 - reach <= box.x0 and box.x1 <= place.x1 + reach
    return within and shared is not None and shared.area >= _INSIDE_SHARE * box.area


def _still_shows(source: CropLines, line: Line, target: CropLines) -> bool:
    """Returns whether the target looks the same on and right beside all strokes of the line."""
    place = source.to_frame(line.box)
    before, after, differs = _compare(source.cut(place), target.cut(place), line.box.height)
    text = dilate(before)
    if cv2.countNonZero(before) < _MIN_STROKE_PX or _exchanged(before, after, differs, text):
        return False
    return count_changed(differs & text, text, _CHANGED_SHARE) < _MIN_CHANGED_PX


def _compare(first: Luma, second: Luma, line_height_px: int) -> tuple[Mask, Mask, Mask]:
    """Returns the strokes of two pictures of one place, and where they differ, in analysis pixels."""
    scale = min(1.0, ANALYSIS_LINE_PX / max(1, line_height_px))
    before, after = stroke_mask(first, scale), stroke_mask(second, scale)
    beyond = cv2.threshold(cv2.absdiff(first, second), _MAX_DIFFERENCE, 1, cv2.THRESH_BINARY)[1]
    differs = cv2.resize(beyond, before.shape[::-1], interpolation=cv2.INTER_AREA)
    return before, after, np.asarray(differs, np.uint8)


def _exchanged(before: Mask, after: Mask, differs: Mask, text: Mask) -> bool:
    came, went = differs & after & ~before & text, differs & before & ~after & text
    return count_exchanged(came, went, (before | after) & text) >= MIN_EXCHANGED_PX
