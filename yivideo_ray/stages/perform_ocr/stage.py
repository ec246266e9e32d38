"""Stage paddleocr.perform_ocr: sheets in, the text lines of every crop on them out.

The engine is given pictures and gives boxes and readings; all that knows of lines is here. A line that stays the same
over several crops, because only the picture behind it changed, is recognised once (standing_lines). Where the model is
unsure, it looks again at the line a little narrower and a little farther off, and the readings vote. What the pixels
tell beyond the model comes last.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from yivideo_ray.geometry import Box, bounding_box, in_rows, share_row
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.pixels.strokes import ANALYSIS_LINE_PX, dilate, shrink, stroke_mask
from yivideo_ray.stages.crop_subtitle_images.stage import CROP_LINE_PX, HIGHEST_LINE
from yivideo_ray.stages.perform_ocr.glyphs.gaps import with_glyphs
from yivideo_ray.stages.perform_ocr.line_script import line_scores
from yivideo_ray.stages.perform_ocr.standing_lines import CropLines, Line, StandingLine, join_lines, standing_lines_of
from yivideo_ray.text.line_classes import is_unreadable
from yivideo_ray.text.voting import vote
from yivideo_ray.types import CropText, Luma, Placement, Reading, Sheet, TextLine

__all__ = ["perform_ocr", "read_lines"]

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
# may hold a lone "I". So is one in which it finds nothing but what is too high for a line.
_SMALL_CROP_PX = 192
# A line read with less confidence than this in the mean, or with less in one character, is read again. Of 4,283 drawn
# lines 455 were, among them 86 of the 148 that held an error; after the vote 75 did.
_SURE_LINE, _SURE_CHAR = 0.97, 0.8
_SQUEEZE = 0.85
_FARTHER_PX = 4
# What was read beyond the line that detection found is believed from here on: it may be the edge of a box behind it.
_SURE_OF_END = 0.6
# Fewer strokes than a letter has tell no style.
_MIN_STYLE_PX = 40


def perform_ocr(sheets: Sequence[Sheet], models: OcrModels) -> tuple[CropText, ...]:
    """Returns the text of every crop on the sheets, in the order of their bands and times.

    A crop without text has no lines. A line of which nothing was read has no text: it is there where its picture shows
    a script that the model doesn't know. Errors: as OcrModels.detect and recognize.
    """
    return _complete(read_lines(sheets, models))


def read_lines(sheets: Sequence[Sheet], models: OcrModels) -> list[CropLines]:
    """Returns the lines that were found on the sheets, each with what the model reads in it, the gaps between glyphs
    left aside, in the order of perform_ocr."""
    crops = _find_lines(sheets, models)
    crops.sort(key=lambda crop: (crop.meta.band, crop.meta.start_pts))
    join_lines(crops)
    standing = standing_lines_of(crops)
    if standing:
        _recognize(standing, models)
    return crops


def _recognize(standing: Sequence[StandingLine], models: OcrModels) -> None:
    """Sets what each says, and in how many pictures it was read."""
    pictures = [one.best.pixels for one in standing]
    for one, reading in zip(standing, models.recognize(pictures), strict=True):
        one.reading, one.looks = reading, 1
    unsure = [(one, picture) for one, picture in zip(standing, pictures, strict=True) if _is_unsure(one.reading)]
    if not unsure:
        return
    again = models.recognize([look for _, picture in unsure for look in _other_looks(picture)])
    for at, (one, _) in enumerate(unsure):
        one.reading = vote([one.reading, *again[2 * at : 2 * at + 2]], [1.0, 1.0, 1.0])
        one.looks = 3


def _is_unsure(reading: Reading) -> bool:
    if not reading.chars:
        return False
    return reading.confidence < _SURE_LINE or min(char.confidence for char in reading.chars) < _SURE_CHAR


def _other_looks(picture: Luma) -> tuple[Luma, Luma]:
    height, width = picture.shape
    squeezed = cv2.resize(picture, (max(1, round(width * _SQUEEZE)), height), interpolation=cv2.INTER_AREA)
    farther = np.pad(picture, _FARTHER_PX, mode="edge")
    return np.asarray(squeezed, np.uint8), farther


def _find_lines(sheets: Sequence[Sheet], models: OcrModels) -> list[CropLines]:
    small = [
        cv2.resize(sheet.image, None, fx=_DETECTION_SCALE, fy=_DETECTION_SCALE, interpolation=cv2.INTER_AREA)
        for sheet in sheets
    ]
    crops, unclear = [], []
    on_sheets = models.detect(small)  # type: ignore[arg-type]
    for sheet, found in zip(sheets, on_sheets, strict=True):
        boxes = [text_box.box.scale(1 / _DETECTION_SCALE) for text_box in found]
        for placement in sheet.placements:
            at = placement.box
            crop = CropLines(placement, sheet.image[at.y0 : at.y1, at.x0 : at.x1])
            on_crop = [shared for box in boxes if (shared := at.intersect(box)) and 2 * shared.area > box.area]
            lines = [box for box in on_crop if _may_be_line(box, placement)]
            for box in lines:
                _add_line(crop, box.translate(-at.x0, -at.y0))
            crop.lines = _whole_lines(crop, _without_parts(crop.lines))
            crops.append(crop)
            if not lines and (on_crop or max(crop.image.shape) <= _SMALL_CROP_PX):
                unclear.append(crop)
    closer = models.detect([crop.image for crop in unclear]) if unclear else []
    for crop, found in zip(unclear, closer, strict=True):
        for text_box in found:
            if _may_be_line(text_box.box, crop.placement):
                _add_line(crop, text_box.box)
    return crops


def _may_be_line(box: Box, placement: Placement) -> bool:
    return box.height <= HIGHEST_LINE * CROP_LINE_PX * placement.scale


def _add_line(crop: CropLines, found: Box) -> None:
    within = Box(0, 0, crop.image.shape[1], crop.image.shape[0])
    crop.lines.append(Line(crop.meta, crop.image, found, _reach_out(crop.image, found).clip(within)))


def _without_parts(lines: Sequence[Line]) -> list[Line]:
    """Returns the lines without those that lie within a larger one: detection finds some twice."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda line: -line.box.area):
        shared = (line.box.intersect(other.box) for other in kept)
        if all(part is None or part.area < _PART_SHARE * line.box.area for part in shared):
            kept.append(line)
    return kept


def _whole_lines(crop: CropLines, lines: Sequence[Line]) -> list[Line]:
    """Returns the lines, those as one that detection found in parts: side by side, and each reaches into the other."""
    whole: list[Line] = []
    for line in sorted(lines, key=lambda line: line.box.x0):
        part = next((other for other in whole if other.box.x1 > line.box.x0 and share_row(other.box, line.box)), None)
        if part is None:
            whole.append(line)
        else:
            part.found = bounding_box([part.found, line.found])
            part.box = bounding_box([part.box, line.box])
    return whole


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


def _complete(crops: Sequence[CropLines]) -> tuple[CropText, ...]:
    """Returns the text of every crop, in the order of crops, whose lines have been read.

    The gaps between glyphs, and marks that the model mistakes, come from the clearest picture of each line. A crop
    without text has no lines.
    """
    for crop in crops:
        cue_text = " ".join(line.standing.reading.text for line in crop.lines)
        for line in crop.lines:
            if line.standing.best is line:
                line.standing.scores = line_scores(line.pixels, line.standing.reading)
                line.standing.reading = with_glyphs(_without_edges(line.standing.reading, line), line.pixels, cue_text)
    return tuple(_crop_text(crop) for crop in crops)


def _crop_text(crop: CropLines) -> CropText:
    lines = [
        _text_line(line, crop)
        for line in crop.lines
        if line.standing.reading.text.strip() or is_unreadable(line.standing.scores)
    ]
    looks = sum(line.standing.looks for line in crop.lines if line.standing.best is line)
    rows = in_rows(lines, lambda line: line.box)
    return CropText(crop.meta.crop_id, tuple(line for row in rows for line in row), looks)


def _text_line(line: Line, crop: CropLines) -> TextLine:
    # What is made of spaces was not read.
    reading = line.standing.reading if line.standing.reading.text.strip() else Reading("", 0.0)
    box = line.box.scale(1 / crop.placement.scale)
    return TextLine(reading.text, reading.confidence, box, reading.chars, *_style(line), line.standing.scores)


def _style(line: Line) -> tuple[int | None, int | None]:
    """Returns the luma of a line's strokes and of what is right beside them."""
    scale = min(1.0, ANALYSIS_LINE_PX / max(1, line.box.height))
    picture = shrink(line.pixels, scale)
    strokes = stroke_mask(picture)
    if cv2.countNonZero(strokes) < _MIN_STYLE_PX:
        return None, None
    beside = cv2.subtract(dilate(dilate(strokes)), strokes)
    return int(np.median(picture[strokes > 0])), int(np.median(picture[beside > 0]))


def _without_edges(reading: Reading, line: Line) -> Reading:
    """Returns the reading without unsure characters beyond the ends of the line that detection found."""
    first, last = ((x - line.box.x0) / line.box.width for x in (line.found.x0, line.found.x1))
    chars = list(reading.chars)
    while chars and chars[0].confidence < _SURE_OF_END and (chars[0].x0 + chars[0].x1) / 2 < first:
        del chars[0]
    while chars and chars[-1].confidence < _SURE_OF_END and (chars[-1].x0 + chars[-1].x1) / 2 > last:
        del chars[-1]
    if len(chars) in (0, len(reading.chars)):
        return reading
    confidence = sum(char.confidence for char in chars) / len(chars)
    return Reading("".join(char.text for char in chars), confidence, tuple(chars))
