"""Videos of kinds that people bring, drawn here, read by the real models: the right text at the right frames, whatever
the picture's shape, the video's length, and the text beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.fonts import font_named
from tests.support.script_lines import UNREADABLE_LINES, draw_script_line
from tests.support.videos import Rgb, make_video
from yivideo_ray import extract
from yivideo_ray.config import Settings, with_layers
from yivideo_ray.ocr import OcrEngine, create_engine
from yivideo_ray.stages.postprocess_and_finalize import layer_warnings
from yivideo_ray.subtitles.result import Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RATE = 25
TALK = ("Where are you going?", "To the harbour.", "Take the umbrella with you.", "It is not raining.", "It will be.")
REPLIES = ("Wohin gehst du?", "Zum Hafen.", "Nimm den Schirm mit.", "Es regnet nicht.", "Bald aber.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A text in the frames first <= n < last, around a middle (pixels), letters so many pixels high."""

    text: str
    first: int
    last: int
    middle: tuple[float, float]
    size_px: int = 30
    font: str = "sans_bold"
    color: tuple[int, int, int] = (255, 255, 255)
    outline_px: int = 2


@pytest.fixture(scope="module")
def engine() -> Iterator[OcrEngine]:
    engine = create_engine(Settings())
    engine.load()
    yield engine
    engine.close()


@pytest.fixture
def read(engine: OcrEngine, tmp_path: Path) -> Callable[..., Result]:
    """Returns a function that makes a video of texts and extracts its subtitles; background as film's."""

    def made_and_read(
        shown: Sequence[Shown],
        size: tuple[int, int] = (640, 360),
        *,
        frames: int = 200,
        rate: int = RATE,
        settings: Settings | None = None,
        background: Callable[[int], Rgb] | None = None,
    ) -> Result:
        path = tmp_path / "film.mp4"
        ground = background or (lambda number: soft_shapes(number, size))
        make_video(
            path, frames=frames, size=size, rate=rate, background=lambda number: film(ground(number), number, shown)
        )
        return extract(path, settings=settings or Settings(), models=engine)

    return made_and_read


def soft_shapes(number: int, size: tuple[int, int]) -> Rgb:
    """Returns a picture without strokes that moves."""
    x, y = np.arange(size[0])[None, :] + 2.5 * number, np.arange(size[1])[:, None]
    wave = np.sin(x / 37) * np.cos(y / 29 + number / 20)
    # Whole numbers before they are put side by side: fractions would take longer than the video's coding.
    colours = [(middle + swing * wave).astype(np.uint8) for middle, swing in ((110, 50), (90, 40), (80, -30))]
    return np.asarray(cv2.merge(colours), np.uint8)


def film(picture: Rgb, number: int, shown: Sequence[Shown]) -> Rgb:
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for text in shown:
        if text.first <= number < text.last:
            draw.text(
                text.middle,
                text.text,
                text.color,
                font_named(text.font, text.size_px),
                anchor="mm",
                stroke_width=text.outline_px,
                stroke_fill=(0, 0, 0),
            )
    return np.asarray(canvas)


def talk(
    middle: tuple[float, float],
    texts: Sequence[str] = TALK,
    first: int = 10,
    apart: int = 38,
    length: int = 30,
    **how: int,
) -> list[Shown]:
    starts = [first + apart * at for at in range(len(texts))]
    return [Shown(text, at, at + length, middle, **how) for text, at in zip(texts, starts, strict=True)]  # type: ignore[arg-type]


def cues_of(result: Result, rate: int = RATE) -> list[tuple[int, int, str]]:
    return [(round(cue.start_s * rate), round(cue.end_s * rate), cue.text) for cue in result.cues]


def expected(shown: Sequence[Shown]) -> list[tuple[int, int, str]]:
    return sorted((one.first, one.last, one.text) for one in shown)


@pytest.mark.parametrize(
    ("size", "size_px"),
    [
        pytest.param((960, 80), 34, id="strip of 12 to 1 that holds nothing but subtitles"),
        pytest.param((360, 840), 20, id="9 to 21"),
        pytest.param((840, 360), 28, id="21 to 9"),
        pytest.param((480, 480), 24, id="square"),
    ],
)
def test_the_picture_may_have_any_shape(read: Callable[..., Result], size: tuple[int, int], size_px: int) -> None:
    shown = talk((size[0] / 2, size[1] - 1.3 * size_px), size_px=size_px)
    assert cues_of(read(shown, size)) == expected(shown)


def test_a_video_of_two_seconds_has_its_subtitle(read: Callable[..., Result]) -> None:
    shown = [Shown("Where are you going?", 8, 42, (320, 320))]
    assert cues_of(read(shown, frames=50)) == expected(shown)


def test_a_text_that_stands_for_all_of_a_short_clip_is_taken_and_said(read: Callable[..., Result]) -> None:
    result = read([Shown("Nobody told me about the key.", 0, 100, (320, 320))], frames=100)
    assert [cue.text for cue in result.cues] == ["Nobody told me about the key."]
    assert "STILL_TEXT" in {warning["code"] for warning in result.warnings}


def test_two_frames_a_second_are_enough(read: Callable[..., Result]) -> None:
    shown = talk((320, 320), first=2, apart=5, length=4)
    assert cues_of(read(shown, frames=30, rate=2), rate=2) == expected(shown)


def test_two_layers_that_are_both_subtitles_keep_their_own_times(read: Callable[..., Result]) -> None:
    shown = [*talk((320, 325)), *talk((320, 40), REPLIES, first=22, length=26)]
    result = read(shown)
    assert cues_of(result) == expected(shown)
    assert sum(layer.taken for layer in result.layers) == 2


def test_a_lower_third_beside_a_subtitle_is_left_out(read: Callable[..., Result]) -> None:
    shown = talk((320, 325), first=5, apart=39)
    name = Shown("Ann Lee, editor", 60, 150, (95, 270), 16, "serif", (30, 30, 30), 0)
    result = read([*shown, name], background=lambda number: boxed(soft_shapes(number, (640, 360)), number))
    assert cues_of(result) == expected(shown)


def boxed(picture: Rgb, number: int) -> Rgb:
    if 60 <= number < 150:
        picture[256:284, 20:172] = (225, 215, 190)
    return picture


def test_a_sign_that_is_read_otherwise_each_time_is_left_out(read: Callable[..., Result]) -> None:
    shown = talk((320, 325))
    sign = np.asarray(film(np.full((70, 200, 3), 70, np.uint8), 0, [Shown("HOTEL ASTORIA", 0, 1, (100, 35), 22)]))

    def scene(number: int) -> Rgb:
        picture = soft_shapes(number, (640, 360))
        # The camera moves past it, near and far, sharp and not.
        near = 0.8 + 0.25 * np.sin(number / 17)
        seen = cv2.resize(sign, None, fx=near, fy=near)
        seen = cv2.GaussianBlur(seen, (0, 0), 0.3 + 2 * (number % 40) / 40)
        x, y = 40 + int(1.3 * number), 90 + int(12 * np.sin(number / 11))
        picture[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
        return picture

    assert cues_of(read(shown, background=scene)) == expected(shown)


def test_text_in_a_script_that_is_not_read_is_said_and_none_of_it_taken(read: Callable[..., Result]) -> None:
    font, texts = UNREADABLE_LINES["cyrillic"]
    lines = [draw_script_line(font, text, 26) for text in texts]

    def scene(number: int) -> Rgb:
        picture = soft_shapes(number, (640, 360))
        at, since = divmod(number, 50)
        if at < len(lines) and 5 <= since < 45:
            height, width = lines[at].shape
            y, x = 345 - height, (640 - width) // 2
            picture[y : y + height, x : x + width] = lines[at][:, :, None]
        return picture

    result = read([], frames=160, background=scene)
    assert result.cues == ()
    assert "UNREADABLE_SCRIPT" in {warning["code"] for warning in result.warnings}
    assert {one.script for one in result.unreadable} == {"cyrillic"}
    assert [(round(25 * one.start_s), round(25 * one.end_s)) for one in result.unreadable] == [
        (50 * at + 5, 50 * at + 45) for at in range(len(lines))
    ]


def test_named_layers_are_taken_in_place_of_the_chosen_ones(read: Callable[..., Result]) -> None:
    watermark = Shown("myfilms", 0, 200, (570, 30), 20)
    shown = [*talk((320, 325)), watermark]
    auto = read(shown)
    assert cues_of(auto) == expected(talk((320, 325)))
    other = next(layer.number for layer in auto.layers if not layer.taken)
    named = read(shown, settings=with_layers(Settings(), str(other)))
    assert [cue.text for cue in named.cues] == ["myfilms"]


def test_a_layer_in_doubt_is_said_with_the_option_that_decides(
    read: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which layers are in doubt follows from the fit: here all are.
    monkeypatch.setattr(layer_warnings, "DOUBT", 0.0)
    result = read([*talk((320, 325)), Shown("The next morning", 20, 90, (320, 180), 40)])
    doubtful = [warning for warning in result.warnings if warning["code"] == "LAYER_IN_DOUBT"]
    assert [warning["layer"] for warning in doubtful] == [layer.number for layer in result.layers if layer.cues] != []
    assert all("--layers" in warning["message"] for warning in doubtful)
