"""Wherever text comes and goes there is a region; which text is the subtitles is decided when it has been read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from tests.support.cues import video
from yivideo_ray.config import AreaDetectorSettings, RegionSetting
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area, is_conclusive
from yivideo_ray.types import Band, Luma, RejectionReason, SampledFrame, SubtitleArea, TextBox

BOTTOM, SECOND_LAST, TOP = 660, 600, 60
WORDS = ("one", "another", "third sign", "x", "something else", "y2", "seven", "letters", "nine", "zz", "eleven", "end")
LONG_S = 6.0
"""The interval at which twelve samples are of more than a minute."""


class Line(NamedTuple):
    """A line of a sample, in frame pixels: its text, left edge (-1: centred), middle and height."""

    text: str
    x: int
    y: int
    height: int = 40


Texts = Sequence[Line]


def detect(
    samples: Sequence[Texts],
    settings: AreaDetectorSettings | None = None,
    interval_s: float = 2.0,
    engine: ScriptedEngine | None = None,
    size: tuple[int, int] = (1280, 720),
) -> SubtitleArea:
    engine = engine or ScriptedEngine(Script())
    engine.load()
    width, height = size
    frames = []
    for number, texts in enumerate(samples):
        luma = np.full((height // 2, width // 2), 60, np.uint8)
        for line in texts:
            pattern = draw_pattern(line.text, column_px=2, height_px=line.height // 2)
            high, wide = pattern.shape
            left = (width // 2 - wide) // 2 if line.x < 0 else line.x // 2
            top = (line.y - line.height // 2) // 2
            luma[top : top + high, left : left + wide] = pattern
        frames.append(SampledFrame(round(number * interval_s * 1000), luma, 0.5))
    info = replace(video(), width=width, height=height)
    return detect_subtitle_area(info, frames, engine, settings or AreaDetectorSettings())


def subtitle(number: int, y: int = BOTTOM, height: int = 40) -> Line:
    return Line(WORDS[number % len(WORDS)], -1, y, height)


def names(area: SubtitleArea) -> list[str]:
    return [band.name for band in area.bands]


def holds(band: Band, y: int, height: int = 40) -> bool:
    """Returns whether all of a line with its middle at y lies in a band."""
    return band.box.y0 <= y - height // 2 and y + height // 2 <= band.box.y1


def test_text_that_changes_at_the_bottom_is_a_band_around_it() -> None:
    area = detect([[subtitle(n)] if n % 3 else [] for n in range(12)])
    (band,) = area.bands
    assert band.name == "bottom"
    assert band.box.y0 < BOTTOM - 40 - 40
    assert band.box.y1 > BOTTOM + 20
    assert 32 <= band.line_height_px <= 56
    assert (band.evidence.samples, band.evidence.samples_with_text) == (12, 8)
    assert band.evidence.distinct_texts >= 6
    assert area.rejected == ()


def test_two_lines_are_one_band() -> None:
    (band,) = detect([[subtitle(n, SECOND_LAST), subtitle(-n)] for n in range(8)]).bands
    assert holds(band, SECOND_LAST)
    assert holds(band, BOTTOM)


def test_top_and_bottom_are_two_bands() -> None:
    area = detect([[subtitle(n, TOP)] if n % 2 else [subtitle(-n)] for n in range(12)])
    assert names(area) == ["top", "bottom"]


def test_no_text_makes_no_band() -> None:
    assert detect([[] for _ in range(12)]) == SubtitleArea(())
    assert detect([]) == SubtitleArea(())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda n: [Line("TAXI", 200, 300)] if n == 3 else [], id="a sign that was seen once"),
        pytest.param(lambda n: [Line(("BAKERY", "a BAK")[n // 6], 700 - 9 * n, 300)], id="a sign that passes"),
        pytest.param(lambda n: [Line(f"t{n % 10}:{n % 7}", 1000, 300)], id="a clock"),
        pytest.param(lambda n: [Line("LOGO", 1000, 300)], id="a logo of a short clip"),
        pytest.param(lambda n: [Line("Directed", 150, 300)] if n in (1, 2) else [], id="credits beside the middle"),
    ],
)
def test_other_text_is_a_region_of_its_own_and_takes_nothing_from_the_subtitles(other: Callable[[int], Texts]) -> None:
    area = detect([[*other(n), *([subtitle(n)] if n % 2 else [])] for n in range(12)])
    assert names(area) == ["middle", "bottom"]
    assert holds(area.bands[0], 300)
    assert area.bands[1] == detect([[subtitle(n)] if n % 2 else [] for n in range(12)]).bands[0]
    assert area.rejected == ()


def test_an_even_patch_that_detection_takes_for_text_is_a_region_too() -> None:
    class Seeing(ScriptedEngine):
        def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
            found = [tuple(boxes) for boxes in super().detect(images)]
            return [(*found[0], TextBox(Box(55, 9, 189, 40), 0.61)), *found[1:]]

    area = detect([[subtitle(n)] if n % 3 else [] for n in range(12)], engine=Seeing(Script()))
    assert names(area) == ["top", "bottom"]


@pytest.mark.parametrize(("shown", "is_region"), [(20, False), (19, False), (18, True)])
def test_what_looks_the_same_in_as_good_as_all_of_a_long_video_is_always_there(shown: int, is_region: bool) -> None:
    logo = [Line("LOGO", 1000, TOP)]
    area = detect([[subtitle(n), *(logo if n < shown else [])] for n in range(20)], interval_s=LONG_S)
    assert names(area) == (["top", "bottom"] if is_region else ["bottom"])
    assert [(region.reason, region.samples_with_text) for region in area.rejected] == (
        [] if is_region else [(RejectionReason.ALWAYS_THERE, shown)]
    )


@pytest.mark.parametrize("interval_s", [0.2, 2.0, 5.4])
def test_text_that_stands_for_all_of_a_short_clip_is_a_region(interval_s: float) -> None:
    area = detect([[Line("only one", -1, BOTTOM)] for _ in range(12)], interval_s=interval_s)
    assert names(area) == ["bottom"]
    assert area.rejected == ()


def test_a_clock_changes_and_so_is_not_always_there() -> None:
    area = detect([[Line(f"{n}:{7 * n}", 1000, TOP), subtitle(n)] for n in range(12)], interval_s=LONG_S)
    assert names(area) == ["top", "bottom"]


def test_two_texts_of_one_width_are_no_logo() -> None:
    shown = [[Line("a first one" if n < 6 else "and another", -1, BOTTOM)] for n in range(12)]
    assert names(detect(shown, interval_s=LONG_S)) == ["bottom"]


def test_an_excluded_region_is_left_out() -> None:
    settings = AreaDetectorSettings(exclude=(RegionSetting(y0=0.8),))
    area = detect([[subtitle(n)] for n in range(12)], settings)
    assert area.bands == ()
    assert {region.reason for region in area.rejected} == {RejectionReason.EXCLUDED}


def test_a_forced_region_is_the_band_even_without_text() -> None:
    settings = AreaDetectorSettings(regions=(RegionSetting(y0=0.5),))
    (band,) = detect([[] for _ in range(4)], settings).bands
    assert band.box == Box(0, 360, 1280, 720)
    assert band.evidence.samples_with_text == 0


def credit_page(number: int) -> list[Line]:
    return [subtitle(number + line, 60 + 66 * line) for line in range(9)]


def test_subtitles_are_found_where_every_frame_is_full_of_text() -> None:
    samples = [[*credit_page(n)[:8], subtitle(-n)] for n in range(12)]
    assert any(holds(band, BOTTOM) for band in detect(samples).bands)


def test_rolling_credits_are_looked_at_and_hide_no_subtitles() -> None:
    dialogue: list[Texts] = [[subtitle(n)] if n % 2 else [] for n in range(12)]
    area = detect([*dialogue, *(credit_page(n) for n in range(3))])
    for line in (Line("", -1, BOTTOM), *credit_page(0)):
        assert any(holds(band, line.y) for band in area.bands)


def ticker(number: int, y: int) -> Line:
    return Line(f"{WORDS[number % len(WORDS)]} news {number}", 0, y)


@pytest.mark.parametrize(("dialogue_y", "ticker_y"), [(600, 660), (660, 600), (60, 120), (120, 60)])
def test_a_ticker_that_reaches_the_edges_is_a_region_of_its_own(dialogue_y: int, ticker_y: int) -> None:
    area = detect([[subtitle(n, dialogue_y), ticker(n, ticker_y)] for n in range(12)])
    dialogue = next(band for band in area.bands if holds(band, dialogue_y))
    runs = next(band for band in area.bands if holds(band, ticker_y))
    assert len(area.bands) == 2
    for band, y in ((dialogue, ticker_y), (runs, dialogue_y)):
        assert band.box.y1 <= y - 20 or band.box.y0 >= y + 20, "it has none of the other's line"


@pytest.mark.parametrize(("dialogue_y", "ticker_y"), [(600, 660), (120, 60)])
def test_beside_a_ticker_there_is_still_room_for_a_further_line_of_a_cue(dialogue_y: int, ticker_y: int) -> None:
    area = detect([[subtitle(n, dialogue_y), ticker(n, ticker_y)] for n in range(12)])
    dialogue = next(band for band in area.bands if holds(band, dialogue_y))
    assert holds(dialogue, 2 * dialogue_y - ticker_y)


def test_text_of_another_size_is_a_region_of_its_own() -> None:
    area = detect([[subtitle(n, 600, 60), subtitle(-n, 660, 24)] for n in range(12)])
    large, small = area.bands
    assert holds(large, 600, 60)
    assert holds(small, 660, 24)
    assert large.line_height_px > 2 * small.line_height_px
    assert large.box.y1 <= 660 - 12
    assert small.box.y0 >= 600 + 30


def test_text_of_another_size_in_the_same_place_at_other_times_is_a_region_too() -> None:
    area = detect([[subtitle(n, 600, 60) if n % 2 else subtitle(n, 606, 24)] for n in range(12)])
    assert sorted(band.evidence.samples_with_text for band in area.bands) == [6, 6]
    assert sorted(round(band.line_height_px / 12) for band in area.bands) == [2, 5]


@pytest.mark.parametrize(
    ("size", "y", "height"),
    [
        pytest.param((1200, 100), 50, 40, id="a strip of 12:1"),
        pytest.param((1920, 160), 80, 120, id="a strip that is all text"),
        pytest.param((540, 1260), 1000, 40, id="a phone of 9:21"),
        pytest.param((1280, 720), 400, 200, id="huge letters"),
        pytest.param((1280, 720), 690, 16, id="tiny letters"),
    ],
)
def test_text_is_found_in_pictures_of_any_shape_and_at_any_size(size: tuple[int, int], y: int, height: int) -> None:
    (band,) = detect([[subtitle(n, y, height)] if n % 2 else [] for n in range(12)], size=size).bands
    assert holds(band, y, height)
    assert band.box.intersect(Box(0, 0, *size)) == band.box
    assert abs(band.line_height_px - height) <= 4


def test_what_is_higher_than_a_line_can_be_is_no_text() -> None:
    assert detect([[subtitle(n, 360, 280)] for n in range(12)]).bands == ()


def test_a_video_of_two_seconds_has_its_region() -> None:
    assert names(detect([[subtitle(n // 6)] for n in range(12)], interval_s=1 / 6)) == ["bottom"]


def often(number: int) -> list[Line]:
    return [subtitle(number)] if number % 2 else []


def test_a_quick_look_is_conclusive_where_text_often_comes_and_goes_in_every_region() -> None:
    assert is_conclusive(detect([often(n) for n in range(12)]))
    both = [[*often(n), *([subtitle(n, TOP)] if n % 3 else [])] for n in range(12)]
    assert is_conclusive(detect(both))


def test_what_was_rejected_leaves_a_quick_look_conclusive() -> None:
    area = detect([[*often(n), Line("logo", 1000, TOP)] for n in range(12)], interval_s=LONG_S)
    assert area.rejected
    assert is_conclusive(area)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda n: [subtitle(5, TOP)] if n == 4 else [], id="seen once"),
        pytest.param(lambda n: [subtitle(n, TOP)] if n in (4, 8) else [], id="seen twice"),
        pytest.param(lambda n: [subtitle(5, TOP)], id="one text all along"),
    ],
)
def test_a_quick_look_is_not_conclusive_where_little_was_seen_of_some_region(other: Callable[[int], Texts]) -> None:
    area = detect([[*often(n), *other(n)] for n in range(12)])
    assert names(area) == ["top", "bottom"]
    assert not is_conclusive(area)


def test_a_quick_look_is_not_conclusive_where_nothing_or_little_was_seen() -> None:
    assert not is_conclusive(detect([[]] * 12))
    seldom = detect([[subtitle(n)] if n in (1, 3, 6, 9, 11) else [] for n in range(12)])
    assert names(seldom) == ["bottom"]
    assert not is_conclusive(seldom)
