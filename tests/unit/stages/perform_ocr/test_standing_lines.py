"""A line that detection missed in a crop is found there if the crop beside shows it and both look the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.text_pictures import HEIGHT, WIDTH, background, write
from yivideo_ray.geometry import Box
from yivideo_ray.stages.perform_ocr.standing_lines import CropLines, Line, join_lines
from yivideo_ray.types import CropMeta, Luma, Placement

TEXT = "They never told us why"
WHOLE = Box(160, 44, 487, 76)
PART = Box(240, 45, 487, 75)


def crop(number: int, picture: Luma, *lines: Box) -> CropLines:
    """The crop of 10 ticks with this number, joined to the one before; the whole band, on a sheet of its own."""
    start, end = 10 * number, 10 * number + 10
    whole = Box(0, 500, picture.shape[1], 500 + picture.shape[0])
    meta = CropMeta(f"0-{start}", 0, whole, 1.0, start, start, end, 10, 10, 500, end, start)
    placement = Placement(meta, Box(0, 0, picture.shape[1], picture.shape[0]), 1.0)
    return CropLines(placement, picture, [Line(meta, picture, box, box) for box in lines])


def shown(number: int, text: str = TEXT) -> Luma:
    return write(background(3 * number), text)


def boxes(crops: list[CropLines]) -> list[list[Box]]:
    join_lines(crops)
    return [[line.box for line in crop.lines] for crop in crops]


@pytest.mark.parametrize("found_in", [0, 1, 2])
def test_a_line_that_was_found_once_is_in_all_crops_that_show_it_and_is_read_once(found_in: int) -> None:
    crops = [crop(number, shown(number), *([WHOLE] if number == found_in else [])) for number in range(3)]
    assert boxes(crops) == [[WHOLE]] * 3
    assert len({id(one.lines[0].standing) for one in crops}) == 1


def test_it_takes_the_place_of_a_part_of_it() -> None:
    crops = [crop(0, shown(0), WHOLE), crop(1, shown(1), PART), crop(2, shown(2), WHOLE)]
    assert boxes(crops) == [[WHOLE]] * 3
    assert len({id(one.lines[0].standing) for one in crops}) == 1


def test_a_part_that_was_joined_to_another_leaves_that_one_its_own_reading() -> None:
    crops = [crop(0, shown(0), WHOLE), crop(1, shown(1), PART), crop(2, shown(2), PART)]
    crops[2].placement = replace(crops[2].placement, crop=replace(crops[2].meta, joined_to_pts=None))
    assert boxes(crops) == [[WHOLE], [WHOLE], [PART]]
    assert [one.lines[0].standing.best in one.lines for one in crops] == [True, False, True]


def test_a_line_that_has_grown_is_none_of_which_a_part_was_found() -> None:
    grown = Box(WHOLE.x0, WHOLE.y0, WHOLE.x1 + 60, WHOLE.y1)
    picture = write(shown(1), "I", middle=(WHOLE.x1 + 50, 60))
    assert boxes([crop(0, shown(0), WHOLE), crop(1, picture, grown)]) == [[WHOLE], [grown]]


def test_each_line_is_told_by_itself() -> None:
    def pair(number: int, second: str) -> Luma:
        return np.vstack([shown(number), shown(number + 40, second)])

    below = WHOLE.translate(0, HEIGHT)
    crops = [crop(0, pair(0, "No, nobody ever did"), WHOLE, below), crop(1, pair(1, ""), below)]
    crops[1].lines.clear()
    assert boxes(crops) == [[WHOLE, below], [WHOLE]]


@pytest.mark.parametrize("text", ["", "They never", "Nobody knows the truth", "They never held us why"])
def test_what_a_crop_does_not_show_is_not_found_in_it(text: str) -> None:
    for first, second in ((TEXT, text), (text, TEXT)):
        crops = [crop(0, shown(0, first)), crop(1, shown(1, second))]
        (full,) = (one for one, says in zip(crops, (first, second), strict=True) if says == TEXT)
        full.lines.append(Line(full.meta, full.image, WHOLE, WHOLE))
        assert [len(found) for found in boxes(crops)] == [one is full for one in crops]


def test_a_line_that_fades_is_left_to_detection() -> None:
    faded = write(background(3), TEXT, alpha=0.5)
    assert boxes([crop(0, shown(0), WHOLE), crop(1, faded)]) == [[WHOLE], []]


def test_nothing_is_carried_over_a_frame_without_it() -> None:
    crops = [crop(0, shown(0), WHOLE), crop(1, shown(1))]
    crops[1].placement = replace(crops[1].placement, crop=replace(crops[1].meta, joined_to_pts=None))
    assert boxes(crops) == [[WHOLE], []]


@pytest.mark.parametrize("width", [100, 170, WIDTH // 2, WHOLE.x1 - 10])
@pytest.mark.parametrize("ground", [60, 200])
def test_a_crop_that_ends_before_or_within_a_line_does_not_show_it(width: int, ground: int) -> None:
    picture = write(np.full((HEIGHT, WIDTH), ground, np.uint8), TEXT)
    ends = np.ascontiguousarray(picture[:, :width])
    assert boxes([crop(0, picture, WHOLE), crop(1, ends)]) == [[WHOLE], []]


def test_a_place_without_strokes_is_no_line() -> None:
    empty = np.full((HEIGHT, WIDTH), 60, np.uint8)
    assert boxes([crop(0, empty, WHOLE), crop(1, empty)]) == [[WHOLE], []]
