"""What the models saw on sheets of crops, without the pixels: what perform_ocr hands on to be completed."""

from __future__ import annotations

from dataclasses import dataclass

from yivideo_ray.geometry import Box
from yivideo_ray.types import Reading

__all__ = ["CropSeen", "LineSeen", "SheetsRead", "TextSeen"]


@dataclass(frozen=True, slots=True)
class LineSeen:
    """A text line on a crop: found as detection found it, box with the strokes beside it, both in pixels of the crop's
    picture on its sheet. text: the index among SheetsRead.texts of what it says."""

    box: Box
    found: Box
    text: int


@dataclass(frozen=True, slots=True)
class CropSeen:
    """The lines on one crop. sheet: the index of its sheet; placement: its own among that sheet's placements."""

    sheet: int
    placement: int
    lines: tuple[LineSeen, ...]


@dataclass(frozen=True, slots=True)
class TextSeen:
    """What one line says for as long as it stands still. Its clearest picture, which was read, is line `line` of crop
    `crop` (indexes in SheetsRead.crops and CropSeen.lines); looks: how many pictures were recognised for it."""

    reading: Reading
    looks: int
    crop: int
    line: int


@dataclass(frozen=True, slots=True)
class SheetsRead:
    """What the models saw on some sheets. The crops are in the order of their bands and times."""

    crops: tuple[CropSeen, ...]
    texts: tuple[TextSeen, ...]
