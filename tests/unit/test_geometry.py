"""Boxes: half-open, whole pixels, and what their arithmetic keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.geometry import Box, bounding_box

numbers = st.integers(-500, 500)
sizes = st.integers(0, 300)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), numbers, numbers, sizes, sizes)
solid = boxes.filter(lambda box: box.area > 0)


def pixels(box: Box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box.x0, box.x1) for y in range(box.y0, box.y1)}


small = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.integers(-6, 6)] * 2, *[st.integers(0, 6)] * 2)


@pytest.mark.parametrize("corners", [(2, 0, 1, 1), (0, 2, 1, 1)])
def test_a_box_that_runs_backwards_is_refused(corners: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="top left"):
        Box(*corners)


@given(small)
def test_the_area_counts_the_pixels(box: Box) -> None:
    assert box.area == len(pixels(box)) == box.width * box.height


@given(small, small)
def test_an_intersection_holds_exactly_the_shared_pixels(a: Box, b: Box) -> None:
    shared = a.intersect(b)
    assert (set() if shared is None else pixels(shared)) == pixels(a) & pixels(b)
    assert shared == b.intersect(a)


@given(small, small)
def test_iou_is_the_share_of_common_pixels(a: Box, b: Box) -> None:
    union = pixels(a) | pixels(b)
    assert a.iou(b) == (len(pixels(a) & pixels(b)) / len(union) if pixels(a) & pixels(b) else 0.0)


@given(small, small)
def test_clipping_keeps_the_pixels_inside_the_bounds(box: Box, bounds: Box) -> None:
    clipped = box.clip(bounds)
    assert pixels(clipped) == pixels(box) & pixels(bounds)
    assert bounds.x0 <= clipped.x0 <= clipped.x1 <= bounds.x1
    assert bounds.y0 <= clipped.y0 <= clipped.y1 <= bounds.y1


@given(boxes, st.floats(0.05, 20))
def test_a_scaled_box_covers_the_box_with_less_than_a_pixel_to_spare(box: Box, factor: float) -> None:
    scaled = box.scale(factor)
    for low, exact in ((scaled.x0, box.x0 * factor), (scaled.y0, box.y0 * factor)):
        assert low - 1e-5 <= exact < low + 1 + 1e-5
    for high, exact in ((scaled.x1, box.x1 * factor), (scaled.y1, box.y1 * factor)):
        assert high - 1 - 1e-5 < exact <= high + 1e-5


def test_a_rounding_error_grows_no_box() -> None:
    assert Box(30, 30, 30, 30).scale(0.1) == Box(3, 3, 3, 3)


@given(boxes, numbers, numbers)
def test_moving_there_and_back_changes_nothing(box: Box, dx: int, dy: int) -> None:
    moved = box.translate(dx, dy)
    assert (moved.width, moved.height) == (box.width, box.height)
    assert moved.translate(-dx, -dy) == box


@given(boxes, st.integers(0, 50), st.integers(0, 50))
def test_padding_grows_every_side(box: Box, dx: int, dy: int) -> None:
    padded = box.pad(dx, dy)
    assert (padded.width, padded.height) == (box.width + 2 * dx, box.height + 2 * dy)
    assert padded.center == box.center


@given(st.lists(solid, min_size=1, max_size=6))
def test_the_bounding_box_is_the_smallest_around_all(found: list[Box]) -> None:
    around = bounding_box(found)
    assert all(box.clip(around) == box for box in found)
    assert (around.x0, around.y1) == (min(box.x0 for box in found), max(box.y1 for box in found))
    assert (around.x1, around.y0) == (max(box.x1 for box in found), min(box.y0 for box in found))


def test_there_is_no_box_around_nothing() -> None:
    with pytest.raises(ValueError, match="no boxes"):
        bounding_box([])
