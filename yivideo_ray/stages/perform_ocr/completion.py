"""What the pixels tell of lines that were read, beyond what the model says."""

from __future__ import annotations

from collections.abc import Sequence

from yivideo_ray.geometry import in_rows
from yivideo_ray.stages.perform_ocr.glyphs.gaps import with_glyphs
from yivideo_ray.stages.perform_ocr.line_tracks import CropLines, Line
from yivideo_ray.types import CropText, Reading, TextLine

__all__ = ["complete"]

# What was read beyond the line that detection found is believed from here on: it may be the edge of a box behind it.
_SURE_OF_END = 0.6


def complete(crops: Sequence[CropLines]) -> tuple[CropText, ...]:
    """Returns the text of every crop, in the order of crops, whose tracks have been read.

    The gaps between glyphs, and marks that the model mistakes, come from the clearest picture of each line. A crop
    without text has no lines.
    """
    for crop in crops:
        cue_text = " ".join(line.track.reading.text for line in crop.lines)
        for line in crop.lines:
            if line.track.best is line:
                line.track.reading = with_glyphs(_without_edges(line.track.reading, line), line.pixels, cue_text)
    return tuple(_crop_text(crop) for crop in crops)


def _crop_text(crop: CropLines) -> CropText:
    readings = [(line, line.track.reading) for line in crop.lines]
    lines = [
        TextLine(reading.text, reading.confidence, line.box.scale(1 / crop.placement.scale), reading.chars)
        for line, reading in readings
        if reading.text.strip()
    ]
    looks = sum(line.track.looks for line in crop.lines if line.track.best is line)
    rows = in_rows(lines, lambda line: line.box)
    return CropText(crop.meta.crop_id, tuple(line for row in rows for line in row), looks)


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
