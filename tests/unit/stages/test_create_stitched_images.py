"""Sheets hold every crop once, and the map leads back to its pixels."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.geometry import Box
from yivideo_ray.stages.create_stitched_images import (
    SHEET_HEIGHT_PX,
    SHEET_WIDTHS_PX,
    create_stitched_images,
    unstitch,
)
from yivideo_ray.types import Crop, CropMeta


def crop(number: int, width: int, height: int) -> Crop:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width), np.uint8)
    meta = CropMeta(str(number), 0, Box(0, 0, width, height), 1.0, number, number, number + 1, 1, 1, 100)
    return Crop(meta, pixels)


SIZES = st.lists(st.tuples(st.integers(1, SHEET_WIDTHS_PX[-1]), st.integers(1, 300)), max_size=20)


@settings(deadline=None, max_examples=40)
@given(SIZES)
def test_every_crop_comes_back_as_it_was(sizes: list[tuple[int, int]]) -> None:
    crops = [crop(number, *size) for number, size in enumerate(sizes)]
    sheets = create_stitched_images(crops)
    back = unstitch(sheets)
    assert back.keys() == {crop.meta.crop_id for crop in crops}
    assert all(np.array_equal(back[crop.meta.crop_id], crop.image) for crop in crops)
    for sheet in sheets:
        assert sheet.image.shape[1] in SHEET_WIDTHS_PX
        assert sheet.image.shape[0] <= SHEET_HEIGHT_PX
        boxes = [placement.box for placement in sheet.placements]
        assert all(a.intersect(b) is None for a, b in combinations(boxes, 2))


def test_what_is_larger_than_a_sheet_is_scaled_to_it() -> None:
    (sheet,) = create_stitched_images([crop(1, 2 * SHEET_WIDTHS_PX[-1], 100)])
    (placement,) = sheet.placements
    assert placement.scale == 0.5
    assert (placement.box.width, placement.box.height) == (SHEET_WIDTHS_PX[-1], 50)


def test_no_crops_make_no_sheet() -> None:
    assert create_stitched_images([]) == ()
