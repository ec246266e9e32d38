"""Pictures are fitted into few shapes, undistorted, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.geometry import Box
from yivideo_ray.ocr.shapes import (
    DETECTION_HEIGHTS,
    DETECTION_WIDTHS,
    FEW_LINE_WIDTHS,
    LINE_WIDTHS,
    batches,
    fit_image,
    fit_line,
    full_batch,
    groups,
    image_canvas,
    line_canvas,
)

sides = st.integers(1, 3000)


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_an_image_fits_into_a_fixed_shape_undistorted_and_never_enlarged(width: int, height: int) -> None:
    fitted = fit_image(np.full((height, width), 7, np.uint8))
    assert fitted.size[0] in DETECTION_WIDTHS
    assert fitted.size[1] in DETECTION_HEIGHTS
    assert fitted.scale_x <= 1
    assert fitted.scale_y <= 1
    if width <= DETECTION_WIDTHS[-1] and height <= DETECTION_HEIGHTS[-1]:
        assert (fitted.width, fitted.height) == (width, height)
    else:
        # Whole pixels: the content is within half of one of the true proportion.
        scale = min(DETECTION_WIDTHS[-1] / width, DETECTION_HEIGHTS[-1] / height)
        assert abs(fitted.width - width * scale) <= 1
        assert abs(fitted.height - height * scale) <= 1


def test_what_fits_is_copied_pixel_for_pixel_into_three_channels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 500), np.uint8)
    fitted = fit_image(image)
    assert fitted.size == (640, 128)
    assert np.array_equal(fitted.canvas[:100, :500], image)
    assert fitted.colour.shape == (128, 640, 3)
    for channel in range(3):
        assert np.array_equal(fitted.colour[:, :, channel], fitted.canvas)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.data())
def test_a_box_on_the_canvas_covers_what_it_covered_in_the_image(width: int, height: int, data: st.DataObject) -> None:
    fitted = fit_image(np.zeros((height, width), np.uint8))
    x0 = data.draw(st.integers(0, width - 1))
    y0 = data.draw(st.integers(0, height - 1))
    box = Box(x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height)))
    back = fitted.to_original(
        box.x0 * fitted.scale_x, box.y0 * fitted.scale_y, box.x1 * fitted.scale_x, box.y1 * fitted.scale_y
    )
    assert back.intersect(box) == box
    assert back.clip(Box(0, 0, width, height)) == back
    assert back.width <= box.width + 2
    assert back.height <= box.height + 2


def test_boxes_in_the_padding_become_empty() -> None:
    assert fit_image(np.zeros((100, 500), np.uint8)).to_original(510, 10, 600, 40).area == 0


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_a_line_is_48_high_in_proportion_with_grey_at_its_right(width: int, height: int) -> None:
    fitted = fit_line(np.full((height, width), 200, np.uint8))
    assert fitted.size[1] == fitted.height == 48
    assert fitted.size[0] in LINE_WIDTHS
    assert abs(fitted.width - min(LINE_WIDTHS[-1], 48 * width / height)) <= 1
    assert fitted.share == fitted.width / fitted.size[0]
    assert (fitted.canvas[:, : fitted.width] == 200).all()
    assert (fitted.canvas[:, fitted.width :] == 127).all()


@pytest.mark.parametrize("width", LINE_WIDTHS)
def test_paddleocr_leaves_a_fitted_line_as_it_is(width: int) -> None:
    # PaddleOCR resizes to int(48 · max(320 / 48, width / height)), in floating point.
    assert int(48 * max(320 / 48, width / 48)) == width


def test_groups_hold_every_index_once_by_key() -> None:
    assert list(groups("abcab")) == [("a", [0, 3]), ("b", [1, 4]), ("c", [2])]


def test_lines_of_any_width_have_at_most_eight_canvases_on_a_device_that_plans_for_each() -> None:
    rng = np.random.default_rng(0)
    shapes = set()
    for _ in range(50):
        widths = np.exp(rng.normal(6.2, 0.6, rng.integers(20, 65))).astype(int).clip(1, 5000)
        lines = [np.zeros((40, width), np.uint8) for width in widths]
        shapes |= {size for size, _ in batches((line_canvas(line, FEW_LINE_WIDTHS) for line in lines), lambda _: 8)}
    assert 1 < len(shapes) <= 8
    assert set(FEW_LINE_WIDTHS) <= set(LINE_WIDTHS)
    assert FEW_LINE_WIDTHS[-1] == LINE_WIDTHS[-1]


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_a_canvas_is_known_before_a_picture_is_fitted_into_it(width: int, height: int) -> None:
    image = np.zeros((height, width), np.uint8)
    assert image_canvas(image) == fit_image(image).size
    for widths in (LINE_WIDTHS, FEW_LINE_WIDTHS):
        assert line_canvas(image, widths) == fit_line(image, widths).size


def test_batches_hold_pictures_of_one_size_and_no_more_than_they_may() -> None:
    sizes = [(320, 48), (640, 48), (320, 48), (320, 48), (640, 48)]
    found = batches(sizes, lambda size: 2 if size[0] == 320 else 1)
    assert found == [((320, 48), [0, 2]), ((320, 48), [3]), ((640, 48), [1]), ((640, 48), [4])]


@pytest.mark.parametrize(
    ("count", "most", "batch"),
    [(64, 8, 8), (5, 8, 8), (4, 8, 4), (3, 8, 4), (2, 8, 2), (1, 8, 2), (1, 4, 1), (3, 3, 3), (9, 1, 1)],
)
def test_a_batch_is_full_but_of_a_call_with_less_a_half_or_a_quarter_of_it(count: int, most: int, batch: int) -> None:
    assert full_batch(count, most) == batch
