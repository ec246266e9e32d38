"""Stage paddleocr.create_stitched_images: crops in, sheets with the map back to each crop out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from yivideo_ray.geometry import Box
from yivideo_ray.stages.crop_subtitle_images.stage import CROP_LINE_PX
from yivideo_ray.types import Crop, CropMeta, Luma, Placement, Sheet

__all__ = ["SHEET_HEIGHT_PX", "SHEET_WIDTHS_PX", "create_stitched_images", "unstitch"]

SHEET_WIDTHS_PX = (853, 1280)
SHEET_HEIGHT_PX = 976
"""Three quarters of these, at which detection looks at a sheet, fill its shapes: 640 and 960 by 736 pixels."""

# A line's height: wider than the widest gap between words, so that detection never joins the text of two crops.
_GUTTER_PX = CROP_LINE_PX
# A crop has a margin of its own above and below its text.
_ROW_GAP_PX = 16
_GROUND = 112


def create_stitched_images(crops: Sequence[Crop]) -> tuple[Sheet, ...]:
    """Returns sheets on which every crop lies exactly once, in rows, on the narrowest kind of sheet that holds it.

    A sheet has one of SHEET_WIDTHS_PX and is as high as its rows, at most SHEET_HEIGHT_PX. A crop keeps its size unless
    it is larger than a sheet. The same crops in the same order give the same sheets.
    """
    fitted = [(crop.meta, *_fit(crop.image)) for crop in crops]
    sheets: list[Sheet] = []
    narrower = 0
    for width in SHEET_WIDTHS_PX:
        sheets += _stitch([crop for crop in fitted if narrower < crop[1].shape[1] <= width], width)
        narrower = width
    return tuple(sheets)


def _stitch(crops: Sequence[tuple[CropMeta, Luma, float]], sheet_width: int) -> list[Sheet]:
    sheets: list[Sheet] = []
    placed: list[tuple[Placement, Luma]] = []
    x = y = row_height = 0
    # Rows of crops of like height waste the least; the sort is stable, so the order stays determined.
    for meta, image, scale in sorted(crops, key=lambda crop: -crop[1].shape[0]):
        height, width = image.shape
        if x and x + width > sheet_width:
            x, y, row_height = 0, y + row_height + _ROW_GAP_PX, 0
        if y + height > SHEET_HEIGHT_PX:
            sheets.append(_draw(placed, sheet_width))
            placed, x, y, row_height = [], 0, 0, 0
        placed.append((Placement(meta, Box(x, y, x + width, y + height), scale), image))
        x += width + _GUTTER_PX
        row_height = max(row_height, height)
    if placed:
        sheets.append(_draw(placed, sheet_width))
    return sheets


def unstitch(sheets: Sequence[Sheet]) -> dict[str, Luma]:
    """Returns the image of every crop by its crop_id, as it lies on the sheets."""
    return {
        placement.crop.crop_id: sheet.image[placement.box.y0 : placement.box.y1, placement.box.x0 : placement.box.x1]
        for sheet in sheets
        for placement in sheet.placements
    }


def _fit(image: Luma) -> tuple[Luma, float]:
    height, width = image.shape
    scale = min(1.0, SHEET_WIDTHS_PX[-1] / width, SHEET_HEIGHT_PX / height)
    if scale == 1.0:
        return image, scale
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale  # type: ignore[return-value]


def _draw(placed: Sequence[tuple[Placement, Luma]], width: int) -> Sheet:
    height = max(placement.box.y1 for placement, _ in placed)
    sheet = np.full((height, width), _GROUND, np.uint8)
    for placement, image in placed:
        box = placement.box
        sheet[box.y0 : box.y1, box.x0 : box.x1] = image
    return Sheet(sheet, tuple(placement for placement, _ in placed))
