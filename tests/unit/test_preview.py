"""The area drawn on a frame."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.cues import cue
from tests.support.videos import Subtitle, make_video
from yivideo_ray.config import AreaDetectorSettings, DecoderSettings, Settings
from yivideo_ray.geometry import Box
from yivideo_ray.media import probe
from yivideo_ray.preview import (
    EXCLUDED,
    LEFT,
    MOST_FRAMES,
    REGION,
    TAKEN,
    Mark,
    draw,
    draw_layers,
    layer_marks,
    marks,
    moments,
)
from yivideo_ray.types import (
    Band,
    BandEvidence,
    Layer,
    LayerReason,
    RejectedRegion,
    RejectionReason,
    SubtitleArea,
    UnreadableText,
    VideoInfo,
)

BOUNDS = Box(0, 0, 1280, 720)
BOTTOM = Band("bottom", Box(0, 540, 1280, 684), 40.0, BandEvidence(24, 18, 12, 0.9, "comes and goes"))
LOGO = RejectedRegion(Box(1100, 20, 1240, 60), RejectionReason.ALWAYS_THERE, 24)


def found(**settings: object) -> tuple[Mark, ...]:
    return marks(SubtitleArea((BOTTOM,), (LOGO,)), AreaDetectorSettings.model_validate(settings), BOUNDS)


def drawn(size: tuple[int, int], *given: Mark) -> NDArray[np.uint8]:
    """Returns the pixels, shape (H, W, 3), RGB, of marks on a grey frame."""
    width, height = size
    return pixels_of(draw((np.full((height, width, 3), 90, np.uint8), given)))


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def where(pixels: NDArray[np.uint8], color: Sequence[int]) -> NDArray[np.bool_]:
    return np.asarray((pixels == np.array(color, np.uint8)).all(axis=2))


def test_regions_that_are_looked_at_or_not_are_labelled_with_name_and_reason() -> None:
    assert found() == (
        Mark(LOGO.box, "not looked at: always there", LEFT),
        Mark(BOTTOM.box, "bottom: text in 18 of 24 samples", TAKEN),
    )


def test_what_the_settings_say_is_shown_where_it_is() -> None:
    excluded = found(exclude=[{"x0": 0.5, "y1": 0.25}])[0]
    assert excluded == Mark(Box(640, 0, 1280, 180), "area_detector.exclude", EXCLUDED, dashed=True)
    region = found(regions=[{"y0": 0.5}])[0]
    assert region == Mark(Box(0, 360, 1280, 720), "area_detector.regions", REGION, dashed=True)


def test_a_region_that_is_one_of_the_settings_says_so_and_is_drawn_once() -> None:
    shown = found(regions=[{"y0": 0.75, "y1": 0.95}])
    assert [(mark.box, mark.color) for mark in shown] == [(LOGO.box, LEFT), (BOTTOM.box, REGION)]
    assert shown[-1].label == "bottom (area_detector.regions): text in 18 of 24 samples"


def test_the_box_is_drawn_where_it_is_and_its_inside_stays_as_it_was() -> None:
    box = Box(200, 400, 800, 500)
    pixels = drawn((1280, 720), Mark(box, "bottom", TAKEN))
    colored = where(pixels, TAKEN)
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
    colored = where(drawn((1280, 720), Mark(box, label, TAKEN)), TAKEN)
    alone = where(drawn((1280, 720), Mark(Box(400, 300, 401, 301), label, TAKEN)), TAKEN)
    frame = where(drawn((1280, 720), Mark(box, "", TAKEN)), TAKEN)
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
    pixels = drawn(size, Mark(Box(0, height // 2, width, height), "x", TAKEN))
    assert pixels.shape[1::-1] == shown
    assert where(pixels, TAKEN)[shown[1] // 2 + 1 :, 0].all()


def test_colours_are_not_swapped() -> None:
    frame = np.zeros((540, 960, 3), np.uint8)
    frame[..., 0] = 255  # blue, of BGR
    assert tuple(np.asarray(Image.open(io.BytesIO(draw((frame, ())))))[0, 0]) == (0, 0, 255)


def layer(number: int, *times: tuple[int, int], taken: bool = True, box: Box = BOTTOM.box) -> Layer:
    """Returns a layer that is shown from and to these pts."""
    reasons = tuple(LayerReason(words, 1.0, words) for words in ("stands still", "centred", "long lines"))
    cues = tuple(cue(start, end, "Hello") for start, end in times)
    return Layer(number, 0.9 if taken else 0.1, taken, reasons, box, 40.0, cues)


def test_a_label_tells_what_speaks_for_the_decision() -> None:
    mixed = (LayerReason("height", -3.0, "large letters"), LayerReason("texts", 2.0, "many texts"))
    box = Box(0, 0, 10, 10)
    for probability, words in ((0.9, "many texts"), (0.1, "large letters")):
        (mark,) = layer_marks([Layer(1, probability, probability > 0.5, mixed, box, 40.0, ())])
        assert mark.label == f"layer 1: {probability:.2f}, {words}"


def test_a_layer_is_labelled_with_its_number_its_probability_and_the_two_weightiest_reasons() -> None:
    left = layer(2, (0, 10), taken=False)
    assert layer_marks([layer(1, (0, 10)), left]) == (
        Mark(BOTTOM.box, "layer 2: 0.10, stands still, centred", LEFT),
        Mark(BOTTOM.box, "layer 1: 0.90, stands still, centred", TAKEN),
    )


def test_every_layer_is_shown_on_a_frame_that_shows_it_and_on_as_few_as_may_be() -> None:
    dialogue, title, sign = layer(1, (0, 10), (20, 40), (50, 60)), layer(2, (25, 35)), layer(3, (70, 80))
    assert moments([dialogue, title, sign]) == [(30, (dialogue, title)), (75, (sign,))]
    assert moments([layer(1)]) == []


def test_text_that_can_not_be_read_is_shown_with_its_script() -> None:
    unread = UnreadableText("thai", BOTTOM.box, 20, 30)
    foreign = replace(layer(1, taken=False), cues=(), unreadable=(unread,))
    assert moments([foreign]) == [(25, (foreign,))]
    assert [mark.label for mark in layer_marks([foreign])] == ["layer 1: 0.10, thai, which can't be read"]


def test_no_more_frames_are_shown_than_a_picture_holds() -> None:
    apart = [layer(number, (10 * number, 10 * number + 4)) for number in range(1, 20)]
    assert [[one.number for one in there] for _, there in moments(apart)] == [
        [number] for number in range(1, MOST_FRAMES + 1)
    ]


def test_frames_lie_beside_and_below_each_other() -> None:
    def frames(size: tuple[int, int], count: int) -> tuple[int, ...]:
        width, height = size
        grey = np.full((height, width, 3), 90, np.uint8)
        return pixels_of(draw(*[(grey, ())] * count)).shape[1::-1]

    assert frames((1920, 1080), 1) == (1920, 1080)
    assert frames((1920, 1080), 2) == (1920, 540)
    assert frames((1920, 1080), 3) == (1920, 1080)
    assert frames((540, 960), 3) == (1620, 960)


def test_a_label_that_is_longer_than_the_picture_is_wide_is_written_smaller() -> None:
    def rows(label: str) -> int:
        """Returns how many rows of pixels a label takes."""
        colored = where(drawn((540, 960), Mark(Box(100, 400, 101, 401), label, TAKEN)), TAKEN)
        return int(colored.any(axis=1).sum())

    label = "layer 1: 0.97, stands still, texts follow each other without a gap, read the same each time"
    assert rows(label) < 0.8 * rows("layer 1: 0.97")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    texts = [Subtitle("Where were you?", 50, 150), Subtitle("Call me", 300, 350, bottom=0.3)]
    path = make_video(tmp_path_factory.mktemp("videos") / "film.mp4", frames=400, gop=100, subtitles=texts)
    return probe(path, DecoderSettings())


def test_layers_are_drawn_on_frames_of_the_video_that_show_them(film: VideoInfo) -> None:
    low, high = Box(20, 140, 300, 175), Box(20, 90, 300, 125)
    layers = (
        layer(1, (film.pts_at(2), film.pts_at(6)), box=low),
        layer(2, (film.pts_at(12), film.pts_at(14)), taken=False, box=high),
    )
    data, shown = draw_layers(film, layers, Settings(area_detector={"exclude": [{"y1": 0.1}]}))
    assert [round(film.seconds(pts)) for pts in shown] == [4, 13]
    pixels = pixels_of(data)
    width = pixels.shape[1]
    first, second = pixels[:, : width // 2], pixels[:, width // 2 :]
    assert (bool(where(first, TAKEN).any()), bool(where(first, LEFT).any())) == (True, False)
    assert (bool(where(second, TAKEN).any()), bool(where(second, LEFT).any())) == (False, True)
    assert where(first, EXCLUDED).any()
    # What is drawn is the frame with its text, which is white.
    assert where(first, (255, 255, 255)).any()


def test_where_nothing_was_read_the_first_frame_is_shown_as_it_is(film: VideoInfo) -> None:
    data, shown = draw_layers(film, (layer(1),), Settings())
    assert shown == (film.first_pts,)
    assert not where(pixels_of(data), TAKEN).any()
