"""What the picture of a line tells of its script."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.script_lines import READABLE, draw_script_line
from yivideo_ray.pixels.line_shape import LINE_SHAPE_SIZE, line_shape
from yivideo_ray.types import Luma


@pytest.fixture
def line() -> Luma:
    font, texts = READABLE["en"]
    return draw_script_line(font, texts[0])


def likeness(one: Luma, other: Luma) -> float:
    a, b = line_shape(one), line_shape(other)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_light_and_dark_letters_have_the_same_shapes(line: Luma) -> None:
    assert likeness(line, 255 - line) > 0.95


def test_the_size_of_letters_matters_less_than_what_they_are(line: Luma) -> None:
    font, texts = READABLE["zh"]
    assert likeness(line, line[::2, ::2]) > likeness(line, draw_script_line(font, texts[0])) + 0.02


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (48, 4000), (12, 12)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_any_picture_gives_finite_numbers(size: tuple[int, int], value: int) -> None:
    found = line_shape(np.full(size, value, np.uint8))
    assert found.shape == (LINE_SHAPE_SIZE,)
    assert np.isfinite(found).all()


def test_the_same_picture_gives_the_same_numbers(line: Luma) -> None:
    assert np.array_equal(line_shape(line), line_shape(line.copy()))
