"""Boxes: half-open, whole pixels, and what their arithmetic keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.geometry import Box, bounding_box, from_frame, in_rows, share_row, to_frame

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


@given(solid, solid)
def test_boxes_share_a_row_if_they_share_more_than_half_of_the_smaller_ones_height(a: Box, b: Box) -> None:
    shared = min(a.y1, b.y1) - max(a.y0, b.y0)
    assert share_row(a, b) == share_row(b, a) == (2 * shared > min(a.height, b.height))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        # A dash, dots, an opening quotation mark beside a line.
        (Box(0, 14, 20, 18), Box(30, 0, 200, 30), True),
        (Box(0, 24, 20, 30), Box(30, 0, 200, 30), True),
        (Box(0, 0, 20, 8), Box(30, 0, 200, 30), True),
        # Ruby above a word, and the next line.
        (Box(30, -12, 90, 2), Box(30, 0, 200, 30), False),
        (Box(0, 30, 100, 60), Box(0, 0, 100, 30), False),
    ],
)
def test_marks_stand_in_the_row_of_their_line(a: Box, b: Box, expected: bool) -> None:
    assert share_row(a, b) == expected


def test_boxes_are_read_row_by_row_each_from_the_left() -> None:
    # A list of ingredients in which a low row lies beside a high one.
    boxes = [
        ("9.5 g", Box(200, 94, 282, 127)),
        ("sodium", Box(57, 112, 101, 140)),
        ("46 mg", Box(195, 116, 284, 143)),
        ("sugar", Box(66, 93, 167, 126)),
        ("*", Box(170, 96, 176, 104)),
        ("fat", Box(57, 72, 118, 99)),
    ]
    assert [[name for name, _ in row] for row in in_rows(boxes, lambda named: named[1])] == [
        ["fat"],
        ["sugar", "*", "9.5 g"],
        ["sodium", "46 mg"],
    ]


@given(st.lists(boxes, max_size=8))
def test_rows_hold_every_box_once(found: list[Box]) -> None:
    rows = in_rows(found, lambda box: box)
    assert sorted(box for row in rows for box in row) == sorted(found)
    tops = [min(box.center[1] for box in row) for row in rows]
    assert tops == sorted(tops)


@given(solid, solid, st.sampled_from([0.3, 0.5, 0.7058823529411765, 1.0]))
def test_a_box_of_a_picture_covers_the_same_in_the_frame_and_back(box: Box, cut: Box, scale: float) -> None:
    there = to_frame(box, cut, scale)
    back = from_frame(there, cut, scale)
    # Each way rounds by less than a pixel of the frame, and then of the picture.
    for one, other in ((back.x0, box.x0), (back.y0, box.y0), (back.x1, box.x1), (back.y1, box.y1)):
        assert abs(one - other) <= 2


@given(solid, solid)
def test_without_scaling_no_box_is_changed_by_the_way_to_the_frame_and_back(box: Box, cut: Box) -> None:
    assert from_frame(to_frame(box, cut, 1.0), cut, 1.0) == box


@given(solid, solid, st.floats(0.1, 1))
def test_what_is_small_in_the_frame_is_still_a_pixel_in_the_picture(box: Box, cut: Box, scale: float) -> None:
    there = from_frame(box, cut, scale)
    assert there.width >= 1
    assert there.height >= 1
