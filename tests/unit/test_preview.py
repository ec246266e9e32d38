"""The area drawn on a frame."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from yivideo_ray.config import AreaDetectorSettings
from yivideo_ray.geometry import Box
from yivideo_ray.preview import BAND, EXCLUDED, REGION, REJECTED, Mark, draw, marks
from yivideo_ray.types import Band, BandEvidence, RejectedRegion, RejectionReason, SubtitleArea

BOUNDS = Box(0, 0, 1280, 720)
BOTTOM = Band("bottom", Box(0, 540, 1280, 684), 40.0, BandEvidence(24, 18, 12, 0.9, "comes and goes"))
LOGO = RejectedRegion(Box(1100, 20, 1240, 60), RejectionReason.ALWAYS_THERE, 24)


def found(**settings: object) -> tuple[Mark, ...]:
    return marks(SubtitleArea((BOTTOM,), (LOGO,)), AreaDetectorSettings.model_validate(settings), BOUNDS)


def drawn(size: tuple[int, int], *given: Mark) -> NDArray[np.uint8]:
    """Returns the pixels, shape (H, W, 3), RGB, of marks on a grey frame."""
    width, height = size
    data = draw(np.full((height, width, 3), 90, np.uint8), given)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def where(pixels: NDArray[np.uint8], color: Sequence[int]) -> NDArray[np.bool_]:
    return np.asarray((pixels == np.array(color, np.uint8)).all(axis=2))


def test_bands_and_rejected_regions_are_labelled_with_name_and_reason() -> None:
    assert found() == (
        Mark(LOGO.box, "no subtitle: always there", REJECTED),
        Mark(BOTTOM.box, "bottom: text in 18 of 24 samples", BAND),
    )


def test_what_the_settings_say_is_shown_where_it_is() -> None:
    excluded = found(exclude=[{"x0": 0.5, "y1": 0.25}])[0]
    assert excluded == Mark(Box(640, 0, 1280, 180), "area_detector.exclude", EXCLUDED, dashed=True)
    region = found(regions=[{"y0": 0.5}])[0]
    assert region == Mark(Box(0, 360, 1280, 720), "area_detector.regions", REGION, dashed=True)


def test_a_band_that_is_a_region_of_the_settings_says_so_and_is_drawn_once() -> None:
    shown = found(regions=[{"y0": 0.75, "y1": 0.95}])
    assert [(mark.box, mark.color) for mark in shown] == [(LOGO.box, REJECTED), (BOTTOM.box, REGION)]
    assert shown[-1].label == "bottom (area_detector.regions): text in 18 of 24 samples"


def test_the_box_is_drawn_where_it_is_and_its_inside_stays_as_it_was() -> None:
    box = Box(200, 400, 800, 500)
    pixels = drawn((1280, 720), Mark(box, "bottom", BAND))
    colored = where(pixels, BAND)
    assert colored[400, 200:800].all()
    assert colored[499, 200:800].all()
    assert colored[400:500, 200].all()
    assert colored[400:500, 799].all()
    assert not colored[:, :200].any()
    assert (pixels[410:490, 210:790] == 90).all()


def test_a_dashed_box_has_gaps() -> None:
    row = where(drawn((1280, 720), Mark(Box(200, 400, 800, 500), "x", EXCLUDED, dashed=True)), EXCLUDED)[499, 200:800]
    assert 0.4 < row.mean() < 0.6


@pytest.mark.parametrize(
    "box",
    [Box(0, 0, 1280, 720), Box(0, 0, 1280, 60), Box(1200, 0, 1280, 40), Box(0, 690, 30, 720), Box(0, 650, 1280, 720)],
)
def test_a_label_is_inside_the_picture_wherever_its_box_is(box: Box) -> None:
    label = "bottom: text in 18 of 24 samples"
    colored = where(drawn((1280, 720), Mark(box, label, BAND)), BAND)
    alone = where(drawn((1280, 720), Mark(Box(400, 300, 401, 301), label, BAND)), BAND)
    frame = where(drawn((1280, 720), Mark(box, "", BAND)), BAND)
    # What the label adds to the box's lines is nearly all that a label in the middle takes.
    assert (colored & ~frame).sum() > 0.8 * alone.sum()


def test_labels_of_boxes_in_one_place_do_not_cover_each_other() -> None:
    box = Box(1100, 20, 1240, 60)
    colors = [(250, 250 - 20 * number, 10) for number in range(8)]
    alone = where(drawn((1280, 720), Mark(box, "no subtitle: too rare", colors[0])), colors[0]).sum()
    pixels = drawn((1280, 720), *(Mark(box, "no subtitle: too rare", color) for color in colors))
    assert all(where(pixels, color).sum() > 0.7 * alone for color in colors)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((320, 180), (960, 540)), ((1280, 720), (1280, 720)), ((3840, 2160), (1920, 1080)), ((90, 160), (540, 960))],
)
def test_small_frames_are_enlarged_and_large_ones_shrunk_with_their_boxes(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    width, height = size
    pixels = drawn(size, Mark(Box(0, height // 2, width, height), "x", BAND))
    assert pixels.shape[1::-1] == shown
    assert where(pixels, BAND)[shown[1] // 2 + 1 :, 0].all()


def test_colours_are_not_swapped() -> None:
    frame = np.zeros((540, 960, 3), np.uint8)
    frame[..., 0] = 255  # blue, of BGR
    assert tuple(np.asarray(Image.open(io.BytesIO(draw(frame, ()))))[0, 0]) == (0, 0, 255)
