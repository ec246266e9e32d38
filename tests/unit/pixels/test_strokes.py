"""Stroke masks: text has strokes, soft backgrounds have none, jitter is no change, a letter is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.text_pictures import background, write
from yivideo_ray.pixels.strokes import (
    MIN_EXCHANGED_PX,
    analysis_scale,
    count_changed,
    count_exchanged,
    dilate,
    shrink,
    stroke_mask,
)
from yivideo_ray.types import Luma


def changed(first: Luma, second: Luma) -> int:
    a, b = stroke_mask(first, 1.0), stroke_mask(second, 1.0)
    came_or_went = (a * (1 - dilate(b)) + b * (1 - dilate(a))).astype(np.uint8)
    return count_changed(came_or_went, a | b, 0.3)


def test_text_has_strokes_and_its_soft_background_has_none() -> None:
    assert stroke_mask(background(0), 1.0).sum() == 0
    assert stroke_mask(write(background(0), "Hello there"), 1.0).sum() > 500


def test_dark_letters_on_a_light_box_have_strokes() -> None:
    band = 255 - write(np.full((96, 640), 25, np.uint8), "Hello there")
    assert stroke_mask(band, 1.0).sum() > 500


def test_the_mask_has_the_size_of_the_analysis() -> None:
    assert stroke_mask(background(0), 0.5).shape == (48, 320)


def test_text_is_never_enlarged_for_analysis() -> None:
    assert analysis_scale(12) == 1.0
    assert analysis_scale(64) == 0.5


def test_a_moved_background_changes_less_than_a_letter() -> None:
    assert changed(write(background(0), "Hello"), write(background(20), "Hello")) < 40


def test_one_other_word_is_a_change() -> None:
    assert changed(write(background(0), "It is here now"), write(background(0), "It is gone now")) >= 60


def test_text_that_shakes_by_a_pixel_changes_less_than_a_letter() -> None:
    assert changed(write(background(0), "Hello"), write(background(0), "Hello", middle=(321, 60))) < 60


def test_no_stroke_at_all_is_no_change() -> None:
    empty = np.zeros((20, 20), np.uint8)
    assert count_changed(empty, empty, 0.3) == 0


def exchanged(first: Luma, second: Luma) -> int:
    a, b = stroke_mask(first, 1.0), stroke_mask(second, 1.0)
    return count_exchanged((b & ~a).astype(np.uint8), (a & ~b).astype(np.uint8), a | b)


@pytest.mark.parametrize(("first", "second"), [("Go!", "Oh!"), ("Go!", "So!"), ("It is here", "It is hers")])
def test_a_letter_that_takes_anothers_place_exchanges_strokes(first: str, second: str) -> None:
    assert exchanged(write(background(0), first), write(background(0), second)) >= MIN_EXCHANGED_PX


def test_a_background_that_moves_exchanges_no_strokes() -> None:
    assert exchanged(write(background(0), "Go!"), write(background(20), "Go!")) < MIN_EXCHANGED_PX


def test_strokes_that_only_come_or_only_go_are_no_exchange() -> None:
    one, other = write(background(0), "Go!"), background(0)
    assert exchanged(one, other) == exchanged(other, one) == 0


@pytest.mark.parametrize(("height", "width", "scale"), [(176, 1280, 0.64), (271, 1921, 0.395), (481, 3839, 0.213)])
def test_a_band_is_shrunk_to_its_size_and_stays_in_its_place(height: int, width: int, scale: float) -> None:
    def waves(y: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(128 + 60 * np.sin(x[None, :] / 60) + 60 * np.cos(y[:, None] / 60))

    small = shrink(waves(np.arange(height) + 0.5, np.arange(width) + 0.5).astype(np.uint8), scale)
    assert small.shape == pytest.approx((height * scale, width * scale), abs=1)
    at_y, at_x = ((np.arange(length) + 0.5) / scale for length in small.shape)
    assert np.abs(small - waves(at_y, at_x)).max() <= 3


def test_every_pixel_of_a_band_counts_when_it_is_shrunk() -> None:
    lines = np.zeros((64, 640), np.uint8)
    lines[:, ::4] = 200
    # A fifth of them would be left out, or all of some, if only the nearest pixels counted.
    assert np.abs(shrink(lines, 0.3).mean(axis=0) - 50).max() <= 50


def test_a_band_that_is_not_shrunk_is_itself() -> None:
    band = background(0)
    assert shrink(band, 1.0) is band


MASKS = st.tuples(st.integers(0, 2**32), st.floats(0, 0.3), st.integers(0, 40), st.integers(0, 90))


@settings(deadline=None, max_examples=60)
@given(MASKS, st.integers(1, 400))
def test_counts_below_what_is_asked_for_are_none_and_the_others_as_they_were(
    made: tuple[int, float, int, int], least: int
) -> None:
    seed, share, top, left = made
    rng = np.random.default_rng(seed)
    first, second, steady = (np.zeros((60, 120), np.uint8) for _ in range(3))
    # In a corner as well: there a window counts pixels more than once.
    first[top : top + 20, left : left + 30] = rng.random(first[top : top + 20, left : left + 30].shape) < 3 * share
    second[top : top + 20, left : left + 30] = rng.random(second[top : top + 20, left : left + 30].shape) < 3 * share
    steady[rng.random(steady.shape) < share] = 1
    union = first | second | steady
    for whole, asked in (
        (count_changed(first, union, 0.5), count_changed(first, union, 0.5, least=least)),
        (count_exchanged(first, second, union), count_exchanged(first, second, union, least=least)),
    ):
        assert asked == (whole if whole >= least else 0)
