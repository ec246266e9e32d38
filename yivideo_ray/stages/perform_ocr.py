"""Stage paddleocr.perform_ocr: sheets in, the text lines of every crop on them out.

reading runs where the models are; what comes after it, subtitles.completion, needs the sheets and no model.

A line that stays the same over several crops, because only the picture behind it changed, is recognised once. Where the
model is unsure, it looks again at the line a little narrower and a little farther off, and the readings vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.ocr.contract import Asking, OcrEngine, answered, detecting, recognizing
from yivideo_ray.subtitles.completion import complete
from yivideo_ray.subtitles.seen import CropSeen, LineSeen, SheetsRead, TextSeen
from yivideo_ray.subtitles.strokes import (
    ANALYSIS_LINE_PX,
    MIN_EXCHANGED_PX,
    count_exchanged,
    dilate,
    stroke_mask,
)
from yivideo_ray.subtitles.voting import vote
from yivideo_ray.types import CropMeta, CropText, Luma, Placement, Reading, Sheet

__all__ = ["perform_ocr", "reading"]

# Detection at three quarters finds lines as well as at full size, in half the time; at half, it loses thin first
# letters and single characters.
_DETECTION_SCALE = 0.75
# Detection may stop short of a thin letter at the end of a line (a dash, the Chinese one). Strokes in the same row
# belong to the line up to this far from it, and up to this far from each other, as shares of the line's height.
_REACH = 2.0
_LETTER_GAP = 0.7
_END_MARGIN = 0.12
_EDGE_SHARE = 0.9
_PART_SHARE = 0.7
# A crop of up to four lines' height each way in which detection finds nothing is looked at once more, at full size: it
# may hold a lone "I".
_SMALL_CROP_PX = 192
_SAME_ROW = 0.5
_SAME_PLACE_IOU = 0.6
# The ends of a line that stays may seem to move by this share of its height.
_SAME_END = 0.7
_MAX_DIFFERENCE = 48
# A line read with less confidence than this in the mean, or with less in one character, is read again. Of 4,283 drawn
# lines 455 were, among them 86 of the 148 that held an error; after the vote 75 did.
_SURE_LINE, _SURE_CHAR = 0.97, 0.8
_SQUEEZE = 0.85
_FARTHER_PX = 4


@dataclass(slots=True, eq=False)
class _Line:
    """A line that detection found at `found`; box reaches out to the strokes beside it. Both in crop coordinates, image
    the whole crop's."""

    crop: CropMeta
    image: Luma
    found: Box
    box: Box
    standing: _Standing = field(init=False)

    @property
    def pixels(self) -> Luma:
        return self.image[self.box.y0 : self.box.y1, self.box.x0 : self.box.x1]


@dataclass(slots=True, eq=False)
class _Standing:
    """One line of text for as long as it stands still, over one crop or several. Its clearest picture is read."""

    best: _Line

    def add(self, line: _Line) -> None:
        line.standing = self
        if line.crop.averaged_frames > self.best.crop.averaged_frames:
            self.best = line


@dataclass(slots=True, eq=False)
class _Crop:
    """A crop on a sheet; sheet and number are the indexes of its sheet and of its placement there."""

    sheet: int
    number: int
    placement: Placement
    image: Luma
    lines: list[_Line] = field(default_factory=list)


def perform_ocr(sheets: Sequence[Sheet], engine: OcrEngine) -> tuple[CropText, ...]:
    """Returns the text of every crop on the sheets, in the order of their bands and times.

    A crop without text has no lines. Errors: as OcrEngine.detect and recognize.
    """
    return complete(sheets, answered(reading(sheets), engine))


def reading(sheets: Sequence[Sheet]) -> Asking[SheetsRead]:
    """Asks for what the models see on the sheets: the part of perform_ocr that needs them."""
    crops = yield from _find_lines(sheets)
    crops.sort(key=lambda crop: (crop.placement.crop.band, crop.placement.crop.start_pts))
    for before, crop in pairwise(crops):
        _join(before, crop)
    standing = list({id(line.standing): line.standing for crop in crops for line in crop.lines}.values())
    return _as_read(crops, standing, (yield from _recognize(standing)))


def _as_read(
    crops: Sequence[_Crop], standing: Sequence[_Standing], readings: Sequence[tuple[Reading, int]]
) -> SheetsRead:
    number = {id(text): index for index, text in enumerate(standing)}
    places = {id(line): (at, nth) for at, crop in enumerate(crops) for nth, line in enumerate(crop.lines)}
    return SheetsRead(
        tuple(
            CropSeen(
                crop.sheet,
                crop.number,
                tuple(LineSeen(line.box, line.found, number[id(line.standing)]) for line in crop.lines),
            )
            for crop in crops
        ),
        tuple(
            TextSeen(reading, looks, *places[id(text.best)])
            for text, (reading, looks) in zip(standing, readings, strict=True)
        ),
    )


def _recognize(standing: Sequence[_Standing]) -> Asking[list[tuple[Reading, int]]]:
    """Returns what each says, and in how many pictures it was read."""
    pictures = [text.best.pixels for text in standing]
    first = yield from recognizing(pictures)
    unsure = [index for index, reading in enumerate(first) if _is_unsure(reading)]
    pairs = [_other_looks(pictures[index]) for index in unsure]
    again = (yield from recognizing([look for pair in pairs for look in pair])) if pairs else []
    voted = {
        index: vote([first[index], *again[2 * at : 2 * at + 2]], [1.0, 1.0, 1.0]) for at, index in enumerate(unsure)
    }
    return [(voted[index], 3) if index in voted else (reading, 1) for index, reading in enumerate(first)]


def _is_unsure(reading: Reading) -> bool:
    if not reading.chars:
        return False
    return reading.confidence < _SURE_LINE or min(char.confidence for char in reading.chars) < _SURE_CHAR


def _other_looks(picture: Luma) -> tuple[Luma, Luma]:
    height, width = picture.shape
    squeezed = cv2.resize(picture, (max(1, round(width * _SQUEEZE)), height), interpolation=cv2.INTER_AREA)
    farther = np.pad(picture, _FARTHER_PX, mode="edge")
    return np.asarray(squeezed, np.uint8), farther


def _find_lines(sheets: Sequence[Sheet]) -> Asking[list[_Crop]]:
    small = [
        cv2.resize(sheet.image, None, fx=_DETECTION_SCALE, fy=_DETECTION_SCALE, interpolation=cv2.INTER_AREA)
        for sheet in sheets
    ]
    crops = []
    on_sheets = yield from detecting(small)  # type: ignore[arg-type]
    for index, (sheet, found) in enumerate(zip(sheets, on_sheets, strict=True)):
        boxes = [text_box.box.scale(1 / _DETECTION_SCALE) for text_box in found]
        for number, placement in enumerate(sheet.placements):
            at = placement.box
            crop = _Crop(index, number, placement, sheet.image[at.y0 : at.y1, at.x0 : at.x1])
            for box in boxes:
                shared = at.intersect(box)
                if shared is not None and 2 * shared.area > box.area:
                    _add_line(crop, shared.translate(-at.x0, -at.y0))
            crop.lines = _whole_lines(crop, _without_parts(crop.lines))
            crops.append(crop)
    empty = [crop for crop in crops if not crop.lines and max(crop.image.shape) <= _SMALL_CROP_PX]
    closer = (yield from detecting([crop.image for crop in empty])) if empty else []
    for crop, found in zip(empty, closer, strict=True):
        for text_box in found:
            _add_line(crop, text_box.box)
    return crops


def _add_line(crop: _Crop, found: Box) -> None:
    within = Box(0, 0, crop.image.shape[1], crop.image.shape[0])
    line = _Line(crop.placement.crop, crop.image, found, _reach_out(crop.image, found).clip(within))
    line.standing = _Standing(line)
    crop.lines.append(line)


def _without_parts(lines: Sequence[_Line]) -> list[_Line]:
    """Returns the lines without those that lie within a larger one: detection finds some twice."""
    kept: list[_Line] = []
    for line in sorted(lines, key=lambda line: -line.box.area):
        shared = (line.box.intersect(other.box) for other in kept)
        if all(part is None or part.area < _PART_SHARE * line.box.area for part in shared):
            kept.append(line)
    return kept


def _whole_lines(crop: _Crop, lines: Sequence[_Line]) -> list[_Line]:
    """Returns the lines, those as one that detection found in parts: side by side, and each reaches into the other."""
    whole: list[_Line] = []
    for line in sorted(lines, key=lambda line: line.box.x0):
        part = next((other for other in whole if other.box.x1 > line.box.x0 and _is_beside(other, line)), None)
        if part is None:
            whole.append(line)
        else:
            part.found = bounding_box([part.found, line.found])
            part.box = bounding_box([part.box, line.box])
    return whole


def _is_beside(first: _Line, second: _Line) -> bool:
    """Returns whether two lines stand in one row."""
    shared = min(first.box.y1, second.box.y1) - max(first.box.y0, second.box.y0)
    return shared > _SAME_ROW * min(first.box.height, second.box.height)


def _reach_out(image: Luma, box: Box) -> Box:
    """Returns the box of a line, longer where strokes go on beside it."""
    height = box.height
    reach = round(_REACH * height)
    row = box.pad(reach, 0).clip(Box(0, 0, image.shape[1], image.shape[0]))
    scale = min(1.0, ANALYSIS_LINE_PX / height)
    strokes = stroke_mask(image[row.y0 : row.y1, row.x0 : row.x1], scale)
    # A letter is lower than its line's box; what fills all of it is the edge of a box behind the text.
    letters = strokes.any(axis=0) & (strokes.mean(axis=0) < _EDGE_SHARE)
    columns = row.x0 + np.flatnonzero(letters) / scale
    x0, x1 = float(box.x0), float(box.x1)
    for column in columns[columns < box.x0][::-1]:
        if x0 - column > _LETTER_GAP * height:
            break
        x0 = float(column)
    for column in columns[columns >= box.x1]:
        if column - x1 > _LETTER_GAP * height:
            break
        x1 = float(column) + 1 / scale
    margin = _END_MARGIN * height
    return Box(
        min(box.x0, int(x0 - margin)) if x0 < box.x0 else box.x0 - round(margin),
        box.y0,
        max(box.x1, int(x1 + margin) + 1) if x1 > box.x1 else box.x1 + round(margin),
        box.y1,
    )


def _join(before: _Crop, crop: _Crop) -> None:
    """Lets each line of a crop that stood in the crop before share in its reading."""
    first, second = before.placement.crop, crop.placement.crop
    if first.band != second.band or first.end_pts < second.start_pts:
        return
    for line in crop.lines:
        for other in before.lines:
            if _same_text(other, before, line, crop):
                other.standing.add(line)
                break


def _pixel_scale(crop: _Crop) -> float:
    """Returns the pixels of the crop's image on the sheet for one frame pixel."""
    return crop.placement.crop.scale * crop.placement.scale


def _in_frame(line: _Line, crop: _Crop) -> Box:
    corner = crop.placement.crop.box
    return line.box.scale(1 / _pixel_scale(crop)).translate(corner.x0, corner.y0)


def _same_text(first: _Line, first_crop: _Crop, second: _Line, second_crop: _Crop) -> bool:
    """Returns whether two lines of consecutive crops are one line that stays, before a background that may change.

    A background that changes adds strokes to a picture of the text or takes them; letters that take the place of others
    do both at once. As a background only ever adds to the text's own strokes, what the picture with fewer of them has,
    and what is right beside it, is looked at. The ends of the line may not move.
    """
    if _pixel_scale(first_crop) != _pixel_scale(second_crop):
        return False
    a, b = _in_frame(first, first_crop), _in_frame(second, second_crop)
    tolerance = _SAME_END * min(a.height, b.height)
    if a.iou(b) < _SAME_PLACE_IOU or abs(a.x0 - b.x0) > tolerance or abs(a.x1 - b.x1) > tolerance:
        return False
    both = bounding_box([a, b])
    scale = min(1.0, ANALYSIS_LINE_PX / max(1, first.box.height))
    pictures = [_cut(crop, both) for crop in (first_crop, second_crop)]
    before, after = (stroke_mask(picture, scale) for picture in pictures)
    beyond = cv2.threshold(cv2.absdiff(*pictures), _MAX_DIFFERENCE, 1, cv2.THRESH_BINARY)[1]
    differs = np.asarray(cv2.resize(beyond, before.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    text = dilate(min(before, after, key=cv2.countNonZero))
    came, went = differs & after & ~before & text, differs & before & ~after & text
    return count_exchanged(came, went, (before | after) & text) < MIN_EXCHANGED_PX


def _cut(crop: _Crop, in_frame: Box) -> Luma:
    """Returns the part of the crop that a box in frame coordinates covers, grey where the crop ends."""
    scale, corner = _pixel_scale(crop), crop.placement.crop.box
    width, height = max(1, round(in_frame.width * scale)), max(1, round(in_frame.height * scale))
    x, y = round((in_frame.x0 - corner.x0) * scale), round((in_frame.y0 - corner.y0) * scale)
    bounds = Box(0, 0, crop.image.shape[1], crop.image.shape[0])
    there = Box(x, y, x + width, y + height).clip(bounds)
    picture = np.full((height, width), int(crop.image.mean()), np.uint8)
    picture[there.y0 - y : there.y1 - y, there.x0 - x : there.x1 - x] = crop.image[
        there.y0 : there.y1, there.x0 : there.x1
    ]
    return picture
