"""Bands are where text comes and goes; what stays, or turns up anywhere, is named and left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.support.cues import video
from yivideo_ray.config import AreaDetectorSettings, RegionSetting
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area, is_conclusive
from yivideo_ray.types import Luma, RejectionReason, SampledFrame, SubtitleArea, TextBox

INFO = replace(video(), width=1280, height=720)
BOTTOM, SECOND_LAST, TOP = 660, 600, 60
Texts = Sequence[tuple[str, int, int]]
"""Text, left edge (-1: centred) and middle of each line of a sample, in frame pixels."""


WORDS = ("one", "another", "third sign", "x", "something else", "y2", "seven", "letters", "nine", "zz", "eleven", "end")


def detect(
    samples: Sequence[Texts],
    settings: AreaDetectorSettings | None = None,
    interval_s: float = 2.0,
    engine: ScriptedEngine | None = None,
) -> SubtitleArea:
    engine = engine or ScriptedEngine(Script())
    engine.load()
    frames = []
    for number, texts in enumerate(samples):
        luma = np.full((360, 640), 60, np.uint8)
        for text, x, y in texts:
            pattern = draw_pattern(text, column_px=2, height_px=20)
            height, width = pattern.shape
            left = (640 - width) // 2 if x < 0 else x // 2
            luma[y // 2 - height // 2 : y // 2 - height // 2 + height, left : left + width] = pattern
        frames.append(SampledFrame(round(number * interval_s * 1000), luma, 0.5))
    return detect_subtitle_area(INFO, frames, engine, settings or AreaDetectorSettings())


def test_text_that_changes_at_the_bottom_is_a_band_around_it() -> None:
    area = detect([[(WORDS[n], -1, BOTTOM)] if n % 3 else [] for n in range(12)])
    (band,) = area.bands
    assert band.name == "bottom"
    assert band.box.y0 < BOTTOM - 40 - 40
    assert band.box.y1 > BOTTOM + 20
    assert 32 <= band.line_height_px <= 56
    assert (band.evidence.samples, band.evidence.samples_with_text) == (12, 8)
    assert band.evidence.distinct_texts >= 6


def test_an_even_patch_that_detection_takes_for_text_is_no_subtitle() -> None:
    class Seeing(ScriptedEngine):
        def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
            found = [tuple(boxes) for boxes in super().detect(images)]
            return [(*found[0], TextBox(Box(55, 9, 189, 40), 0.61)), *found[1:]]

    area = detect([[(WORDS[n], -1, BOTTOM)] if n % 3 else [] for n in range(12)], engine=Seeing(Script()))
    assert [band.name for band in area.bands] == ["bottom"]
    assert [region.reason for region in area.rejected] == [RejectionReason.TOO_RARE]


def test_two_lines_are_one_band() -> None:
    (band,) = detect([[(WORDS[n], -1, SECOND_LAST), (WORDS[-n], -1, BOTTOM)] for n in range(8)]).bands
    assert band.box.y0 < SECOND_LAST - 20


def test_top_and_bottom_are_two_bands() -> None:
    area = detect([[(WORDS[n], -1, TOP)] if n % 2 else [(WORDS[-n], -1, BOTTOM)] for n in range(12)])
    assert [band.name for band in area.bands] == ["top", "bottom"]


def test_a_logo_is_rejected_because_it_is_always_there() -> None:
    area = detect([[("LOGO", 1000, TOP), *([(WORDS[n], -1, BOTTOM)] if n % 2 else [])] for n in range(12)])
    assert [band.name for band in area.bands] == ["bottom"]
    (region,) = area.rejected
    assert region.reason is RejectionReason.ALWAYS_THERE
    assert region.samples_with_text == 12


def test_a_long_cue_in_a_short_clip_is_no_logo() -> None:
    area = detect([[("only one", -1, BOTTOM)] if n < 9 else [] for n in range(12)], interval_s=0.2)
    assert [band.name for band in area.bands] == ["bottom"]


def test_a_logo_in_a_short_clip_is_one_all_the_same() -> None:
    area = detect([[("LOGO", 1000, TOP)] for _ in range(12)], interval_s=0.2)
    assert area.bands == ()
    assert [region.reason for region in area.rejected] == [RejectionReason.ALWAYS_THERE]


def test_two_texts_of_one_width_are_no_logo() -> None:
    area = detect([[("a first one" if n < 6 else "and another", -1, BOTTOM)] for n in range(12)])
    assert [band.name for band in area.bands] == ["bottom"]


def test_a_sign_seen_once_off_the_usual_place_is_too_rare() -> None:
    area = detect([[("TAXI", 200, 300)] if n == 3 else [] for n in range(12)])
    assert area.bands == ()
    assert [region.reason for region in area.rejected] == [RejectionReason.TOO_RARE]


def test_a_single_cue_in_the_usual_place_is_enough() -> None:
    assert len(detect([[("only one", -1, BOTTOM)] if n == 3 else [] for n in range(12)]).bands) == 1


def test_no_text_makes_no_band() -> None:
    assert detect([[] for _ in range(12)]) == SubtitleArea(())
    assert detect([]) == SubtitleArea(())


def test_an_excluded_region_is_left_out() -> None:
    settings = AreaDetectorSettings(exclude=(RegionSetting(y0=0.8),))
    area = detect([[(WORDS[n], -1, BOTTOM)] for n in range(12)], settings)
    assert area.bands == ()
    assert {region.reason for region in area.rejected} == {RejectionReason.EXCLUDED}


def test_a_forced_region_is_the_band_even_without_text() -> None:
    settings = AreaDetectorSettings(regions=(RegionSetting(y0=0.5),))
    (band,) = detect([[] for _ in range(4)], settings).bands
    assert band.box == Box(0, 360, 1280, 720)
    assert band.evidence.samples_with_text == 0


def test_a_clock_is_rejected_although_its_text_changes() -> None:
    area = detect([[(f"t{n % 10}:{n % 7}", 1000, TOP), (WORDS[n], -1, BOTTOM)] for n in range(12)])
    assert [band.name for band in area.bands] == ["bottom"]
    assert [region.reason for region in area.rejected] == [RejectionReason.ALWAYS_THERE]


def test_a_sign_that_passes_slowly_is_rejected_and_flush_subtitles_are_not() -> None:
    looks = ("BAKERY", "a BAK")  # What stands before it hides some of it.
    sign = detect([[(looks[n // 8], 700 - 9 * n, 200)] if 4 <= n < 10 else [] for n in range(12)])
    assert sign.bands == ()
    flush = detect([[(WORDS[n], 120, BOTTOM)] if n % 2 else [] for n in range(12)])
    assert [band.name for band in flush.bands] == ["bottom"]


def credit_page(number: int) -> list[tuple[str, int, int]]:
    return [(WORDS[(number + line) % len(WORDS)], -1, 60 + 66 * line) for line in range(9)]


def test_rolling_credits_make_no_band_and_hide_none() -> None:
    samples: list[Texts] = [[(WORDS[n], -1, BOTTOM)] if n % 2 else [] for n in range(12)]
    area = detect([*samples, *(credit_page(n) for n in range(3))])
    assert [band.name for band in area.bands] == ["bottom"]
    assert area.bands[0].box.height < 200
    assert {region.reason for region in area.rejected} == {RejectionReason.PAGE}


def test_subtitles_are_found_where_every_frame_is_full_of_text() -> None:
    samples = [[*credit_page(n)[:8], (WORDS[-n], -1, BOTTOM)] for n in range(12)]
    assert any(band.box.y0 < BOTTOM < band.box.y1 for band in detect(samples).bands)


def test_a_ticker_is_rejected_because_it_runs_into_the_edge() -> None:
    area = detect([[(WORDS[n], -1, SECOND_LAST - 60), (f"{WORDS[n]} news {n}", 0, BOTTOM)] for n in range(12)])
    assert all(band.box.y1 < BOTTOM for band in area.bands)
    assert [region.reason for region in area.rejected] == [RejectionReason.MOVES]


def test_credits_beside_the_middle_are_rejected() -> None:
    credits = {1: "Directed", 2: "Directed", 4: "Music by"}
    area = detect([[(WORDS[n], -1, BOTTOM), *([(credits[n], 150, 250)] if n in credits else [])] for n in range(12)])
    assert [band.name for band in area.bands] == ["bottom"]
    assert [region.reason for region in area.rejected] == [RejectionReason.MOVES]


def test_a_glance_tells_where_text_often_comes_and_goes_in_one_place_and_nothing_else_was_seen() -> None:
    def often(n: int) -> list[tuple[str, int, int]]:
        return [(WORDS[n], -1, BOTTOM)] if n % 2 else []

    assert is_conclusive(detect([often(n) for n in range(12)]))
    assert is_conclusive(detect([[*often(n), ("logo", 1000, TOP)] for n in range(12)]))


def test_a_glance_does_not_tell_where_little_was_seen_or_some_of_it_was_rejected() -> None:
    assert not is_conclusive(detect([[]] * 12))
    seldom = [[(WORDS[n], -1, BOTTOM)] if n in (1, 3, 6, 9, 11) else [] for n in range(12)]
    assert [band.name for band in detect(seldom).bands] == ["bottom"]
    assert not is_conclusive(detect(seldom))
    once_at_the_top = [[(WORDS[n], -1, BOTTOM), *([(WORDS[5], -1, TOP)] if n == 4 else [])] for n in range(12)]
    assert [region.reason for region in detect(once_at_the_top).rejected] == [RejectionReason.TOO_RARE]
    assert not is_conclusive(detect(once_at_the_top))
    twice_at_the_top = [[(WORDS[n], -1, BOTTOM), *([(WORDS[n], -1, TOP)] if n in (4, 8) else [])] for n in range(12)]
    assert [band.name for band in detect(twice_at_the_top).bands] == ["top", "bottom"]
    assert not is_conclusive(detect(twice_at_the_top))
