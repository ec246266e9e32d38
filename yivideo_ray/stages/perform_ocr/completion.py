"""What the pixels tell of lines that were read, beyond what the model says: needs the sheets, and no device."""

from __future__ import annotations

from collections.abc import Sequence

from yivideo_ray.stages.perform_ocr.glyphs.gaps import with_glyphs
from yivideo_ray.stages.perform_ocr.seen import LineSeen, SheetsRead
from yivideo_ray.types import CropText, Reading, Sheet, TextLine

__all__ = ["complete"]

# What was read beyond the line that detection found is believed from here on: it may be the edge of a box behind it.
_SURE_OF_END = 0.6
_SAME_ROW = 0.5


def complete(sheets: Sequence[Sheet], read: SheetsRead) -> tuple[CropText, ...]:
    """Returns the text of every crop on the sheets, in the order of read.crops; read is what was read on them.

    The gaps between glyphs, and marks that the model mistakes, come from the clearest picture of each line. A crop
    without text has no lines.
    """
    readings = [text.reading for text in read.texts]
    texts = []
    for index, crop in enumerate(read.crops):
        cue_text = " ".join(readings[line.text].text for line in crop.lines)
        for number, line in enumerate(crop.lines):
            seen = read.texts[line.text]
            if (seen.crop, seen.line) == (index, number):
                at, box = sheets[crop.sheet].placements[crop.placement].box, line.box
                image = sheets[crop.sheet].image[at.y0 : at.y1, at.x0 : at.x1]
                pixels = image[box.y0 : box.y1, box.x0 : box.x1]
                readings[line.text] = with_glyphs(_without_edges(readings[line.text], line), pixels, cue_text)
    for index, crop in enumerate(read.crops):
        placement = sheets[crop.sheet].placements[crop.placement]
        lines = [
            TextLine(reading.text, reading.confidence, line.box.scale(1 / placement.scale), reading.chars)
            for line in crop.lines
            if (reading := readings[line.text]).text.strip()
        ]
        looks = sum(text.looks for text in read.texts if text.crop == index)
        texts.append(CropText(placement.crop.crop_id, _in_reading_order(lines), looks))
    return tuple(texts)


def _without_edges(reading: Reading, line: LineSeen) -> Reading:
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


def _in_reading_order(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    """Returns the lines row by row from the top, each row from the left."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.box.center[1]):
        first = rows[-1][0].box if rows else None
        if first is not None and line.box.center[1] - first.center[1] < _SAME_ROW * first.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    return tuple(line for row in rows for line in sorted(row, key=lambda line: line.box.x0))
