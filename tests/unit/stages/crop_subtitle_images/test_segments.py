"""Runs start and end on the very frame, whatever moves behind the text, and wherever the tracker began."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.support.fonts import latin_font
from tests.support.text_pictures import HEIGHT, WIDTH, background, write
from yivideo_ray.stages.crop_subtitle_images.segments import GUARD_FRAMES, Segment, SegmentTracker
from yivideo_ray.stages.crop_subtitle_images.shaking import BandFrame
from yivideo_ray.types import Luma

NO_GRID = 10**9
Cues = list[tuple[int, int, str]]


Move = Callable[[int], tuple[float, float]]


def film(cues: Cues, speed: int = 7, move: Move | None = None) -> Callable[[int], Luma]:
    """Returns the frames of a film; move says how far the picture, text and all, lies beside its place."""

    def frame(number: int) -> Luma:
        band = background(number, speed)
        for start, end, text in cues:
            if start <= number < end:
                band = write(band, text)
        if move is not None:
            matrix = np.array([[1, 0, move(number)[0]], [0, 1, move(number)[1]]])
            size = band.shape[1], band.shape[0]
            band = cv2.warpAffine(band, matrix, size, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[assignment]
        return band

    return frame


def segments_of(
    frame: Callable[[int], Luma], first: int, last: int, grid: int = NO_GRID, scale: float = 1.0
) -> list[Segment]:
    tracker = SegmentTracker(scale, 0, grid)
    found: list[Segment] = []
    for number in range(first, last):
        found += tracker.push(number, number + 1, frame(number))
    return [*found, *tracker.finish()]


def with_text(segments: list[Segment]) -> list[tuple[int, int]]:
    return [(segment.start_pts, segment.end_pts) for segment in segments if segment.strokes.sum() > 40]


def test_a_cue_is_one_run_exact_to_the_frame_before_a_moving_background() -> None:
    assert with_text(segments_of(film([(10, 34, "Hello there")]), 0, 50)) == [(10, 34)]


def test_cues_without_a_gap_part_on_the_frame_where_one_word_changes() -> None:
    # A segment may end where no text did, when what is behind it leaves marks; its text joins it to the next later.
    segments = with_text(segments_of(film([(5, 20, "It is here now"), (20, 40, "It is gone now")]), 0, 45))
    assert segments[0][0] == 5
    assert 20 in {start for start, _ in segments}
    assert [end for _, end in segments[:-1]] == [start for start, _ in segments[1:]]
    assert segments[-1][1] == 40


@pytest.mark.parametrize(
    ("first", "second"), [("Ah.", "No."), ("Why?", "Stop!"), ("OK.", "Oh."), ("17", "11"), ("Go!", "Oh!")]
)
def test_short_words_in_one_place_part_though_their_strokes_nearly_cover_each_other(first: str, second: str) -> None:
    assert with_text(segments_of(film([(5, 20, first), (20, 40, second)], 1), 0, 45)) == [(5, 20), (20, 40)]


@pytest.mark.parametrize("text", ["I", "l", "!"])
def test_a_lone_thin_letter_is_a_run(text: str) -> None:
    assert (10, 30) in [
        (segment.start_pts, segment.end_pts) for segment in segments_of(film([(10, 30, text)], 1), 0, 40)
    ]


def test_the_same_text_twice_is_two_runs_even_with_a_gap_of_one_frame() -> None:
    assert with_text(segments_of(film([(5, 20, "No."), (21, 40, "No.")]), 0, 45)) == [(5, 20), (21, 40)]


def test_text_from_the_first_to_the_last_frame_is_one_run() -> None:
    assert with_text(segments_of(film([(0, 30, "Hello")]), 0, 30)) == [(0, 30)]


def test_a_fade_belongs_to_the_run_from_its_first_visible_frame() -> None:
    def frame(number: int) -> Luma:
        alpha = min(1.0, max(0.0, (number - 9) / 5), max(0.0, (35 - number) / 5))
        return write(background(number), "Hello there", alpha=alpha)

    ((start, end),) = with_text(segments_of(frame, 0, 50))
    assert 10 <= start <= 14
    assert 31 <= end <= 35


def noise(number: int) -> Luma:
    """Bright dots behind the text that are elsewhere in each of the frames in which they come."""
    dots = np.random.default_rng(number).random((96 // 8, 640 // 8)) < 0.3
    return np.kron(dots, np.pad(np.full((4, 4), 160), 2)).astype(np.uint8)


def test_text_that_stands_in_a_storm_is_joined_and_text_that_goes_in_it_is_not() -> None:
    def frame(number: int, *, gap: bool) -> Luma:
        band = background(number)
        if 20 <= number < 26:
            band = np.maximum(band, noise(number // 2))
        return band if gap and 20 <= number < 24 else write(band, "Hello there")

    stands = [segment for segment in segments_of(lambda n: frame(n, gap=False), 0, 45) if segment.strokes.sum() > 40]
    assert len(stands) > 1
    assert [segment.joined_to_pts for segment in stands] == [None, *(segment.stable_end_pts for segment in stands[:-1])]
    goes = [segment for segment in segments_of(lambda n: frame(n, gap=True), 0, 45) if segment.strokes.sum() > 40]
    assert goes[0].end_pts == 20
    assert all(segment.joined_to_pts != goes[0].stable_end_pts for segment in goes)


@pytest.mark.parametrize("gap", [False, True])
def test_dark_text_on_a_white_box_is_joined_over_a_white_scene_and_not_where_it_goes(gap: bool) -> None:
    """The box's edges are no strokes before white: they go and come again, and the text stays."""
    rows, columns = slice(38, 70), slice(120, 520)

    def frame(number: int) -> Luma:
        white = 20 <= number < 22
        band = np.full((HEIGHT, WIDTH), 235, np.uint8) if white else background(number) // 3
        if white and gap:
            return band
        band[rows, columns] = np.rint(0.15 * band[rows, columns] + 0.85 * 250)
        picture = Image.fromarray(band)
        ImageDraw.Draw(picture).text((320, 54), "Your horse is faster than mine.", 20, latin_font(26), anchor="mm")
        return np.asarray(picture)

    before, after = (segment for segment in segments_of(frame, 0, 45) if segment.strokes.sum() > 40)
    assert (after.joined_to_pts == before.stable_end_pts) is not gap


def flashing(*cues: tuple[int, int]) -> Callable[[int], Luma]:
    """Returns a film with a text at these times that flashes from 30 to 60, in every third frame."""

    def frame(number: int) -> Luma:
        band = film([(start, end, "Hello there") for start, end in cues])(number)
        flash = 30 <= number < 60 and number % 3 == 0
        return np.minimum(band.astype(int) + 90, 235).astype(np.uint8) if flash else band

    return frame


def test_a_text_that_flashes_hide_for_long_knows_that_it_may_begin_before_and_end_after() -> None:
    first, second = (segment for segment in segments_of(flashing((5, 85)), 0, 95) if segment.strokes.sum() > 40)
    assert (first.start_pts, second.end_pts) == (5, 85)
    assert (first.begins_before, first.ends_after) == (False, True)
    assert (second.begins_before, second.ends_after) == (True, False)
    assert second.joined_to_pts is None


def test_a_text_that_goes_while_it_flashes_and_comes_again_does_not_go_on_in_between() -> None:
    segments = segments_of(flashing((5, 30), (60, 85)), 0, 95)
    with_strokes = [segment for segment in segments if segment.strokes.sum() > 40]
    assert (with_strokes[0].start_pts, with_strokes[-1].end_pts) == (5, 85)
    assert not any(segment.begins_before or segment.ends_after for segment in segments)


def test_a_line_of_two_that_goes_for_a_moment_is_not_joined() -> None:
    def frame(number: int) -> Luma:
        band = write(background(number), "Hello there", middle=(WIDTH / 2, 70))
        return band if 20 <= number < 22 else write(band, "Never mind", middle=(WIDTH / 2, 30))

    joined = [segment.joined_to_pts for segment in segments_of(frame, 0, 45) if segment.strokes.sum() > 40]
    assert joined == [None, None]


def test_the_average_keeps_the_text_and_loses_the_background() -> None:
    (segment,) = (segment for segment in segments_of(film([(0, 40, "Hello")]), 0, 40))
    still = write(np.full((96, 640), round(float(segment.average.mean())), np.uint8), "Hello")
    assert np.abs(segment.average[:, 200:440] - still[:, 200:440]).mean() < np.abs(background(3) - still * 1.0).mean()
    assert segment.averaged == segment.frames == 40


def test_the_grid_cuts_a_long_run_at_absolute_times() -> None:
    assert with_text(segments_of(film([(3, 40, "Hello")]), 0, 45, grid=15)) == [(3, 15), (15, 30), (30, 40)]


def test_frames_of_any_length_are_counted_by_their_pts() -> None:
    tracker = SegmentTracker(1.0, 0, NO_GRID)
    frame = film([(4, 12, "Hello")])
    pts = [number * number * 10 for number in range(21)]
    found = [segment for number in range(20) for segment in tracker.push(pts[number], pts[number + 1], frame(number))]
    assert with_text([*found, *tracker.finish()]) == [(pts[4], pts[12])]


def static(number: int) -> Luma:
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def hidden_by_noise(number: int) -> Luma:
    """Returns a text that stands, then for 100 frames on noise, then stands again."""
    return write(static(number) if 20 <= number < 120 else background(0), "Hello there")


def test_a_long_stretch_of_noise_takes_no_more_memory_than_a_short_one() -> None:
    tracker = SegmentTracker(1.0, 0, NO_GRID)
    for number in range(150):
        list(tracker.push(number, number + 1, static(number)))
    assert sum(isinstance(one, BandFrame) for one in gc.get_objects()) < 60


@pytest.mark.parametrize("first", [21, 60, 99])
def test_a_run_begins_where_it_does_though_the_tracker_began_within_the_noise_before_it(first: int) -> None:
    whole, later = (segments_of(hidden_by_noise, start, 150)[-1] for start in (0, first))
    assert (later.start_pts, later.end_pts, later.frames) == (whole.start_pts, whole.end_pts, whole.frames)


def test_too_few_frames_are_no_run() -> None:
    assert segments_of(film([(0, 2, "Hello")]), 0, 2) == []


def to_and_fro(number: int) -> tuple[float, float]:
    return 5 * math.sin(2.1 * number) + 3 * math.sin(3.3 * number), 2 * math.sin(2.7 * number)


def one_way(number: int) -> tuple[float, float]:
    return 4.0 * number - 100, 0.0


@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_text_that_shakes_with_its_picture_is_a_run_and_nearly_as_sharp_as_in_one_frame(scale: float) -> None:
    cues = [(10, 34, "Hello there"), (40, 62, "Where were you?")]
    frame = film(cues, 1, to_and_fro)
    segments = [segment for segment in segments_of(frame, 0, 75, scale=scale) if segment.strokes.sum() > 40]
    assert [min(one.start_pts for one in segments), max(one.end_pts for one in segments)] == [10, 62]
    assert {34, 40} <= {pts for one in segments for pts in (one.start_pts, one.end_pts)}
    assert not any(one.start_pts < 37 < one.end_pts for one in segments)
    longest = max(segments, key=lambda one: one.averaged)
    assert longest.averaged >= 12
    edges = [np.abs(np.diff(one.astype(np.float32), axis=1)).max() for one in (longest.average, frame(20))]
    assert edges[0] > 0.6 * edges[1]


def test_text_that_passes_is_no_run() -> None:
    assert with_text(segments_of(film([(0, 50, "Hello there")], 1, one_way), 0, 50)) == []


@settings(deadline=None, max_examples=12)
@given(first=st.integers(1, 40), speed=st.sampled_from([0, 3, 7]), move=st.sampled_from([None, to_and_fro]))
def test_a_tracker_that_starts_later_comes_to_the_same_runs(first: int, speed: int, move: Move | None) -> None:
    cues = [(5, 17, "One more"), (17, 30, "One less"), (38, 52, "No."), (53, 70, "No."), (72, 90, "Hi")]
    frame = film(cues, speed, move)
    whole = {segment.stable_pts: segment for segment in segments_of(frame, 0, 100)}
    later = {segment.stable_pts: segment for segment in segments_of(frame, first, 100)}
    expected = [pts for pts in whole if pts >= first + GUARD_FRAMES]
    assert [pts for pts in later if pts >= first + GUARD_FRAMES] == expected
    for pts in expected:
        assert (later[pts].start_pts, later[pts].end_pts) == (whole[pts].start_pts, whole[pts].end_pts)
        assert np.array_equal(later[pts].average, whole[pts].average)
