"""Lines of like place and style are one layer; what is in their way, or of another size, is another one."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import track
from yivideo_ray.stages.postprocess_and_finalize.layers import layers_of
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack

TALK = ("Where is he?", "I don't know.", "He was here before.", "No.", "Then we had better look for him.")
UPPER, LOWER = 560, 600


def layered(*tracks: LineTrack) -> list[list[str]]:
    """Returns the texts of each layer, in the order of their starts."""
    in_time = sorted(tracks, key=lambda one: (one.start_pts, one.box))
    return [[one.text for one in layer.tracks] for layer in layers_of(in_time)]


def talk(**place: object) -> list[LineTrack]:
    """Returns a dialogue, a line a second with a pause behind each."""
    return [track(1000 * at, 1000 * at + 800, text, **place) for at, text in enumerate(TALK)]


def test_no_tracks_make_no_layer() -> None:
    assert layers_of([]) == []


@pytest.mark.parametrize("x0", [None, 200])
def test_lines_in_one_row_that_share_a_middle_or_an_end_are_one_layer(x0: int | None) -> None:
    assert layered(*talk(x0=x0)) == [[*TALK]]


def test_lines_that_end_in_one_place_are_one_layer() -> None:
    flush = [track(1000 * at, 1000 * at + 800, text, x0=1200 - 20 * len(text)) for at, text in enumerate(TALK)]
    assert layered(*flush) == [[*TALK]]


def test_a_layer_is_around_all_its_tracks_and_as_high_as_most_of_its_lines() -> None:
    (layer,) = layers_of([*talk(), track(9000, 9800, "WHAT?", height=36, y0=597)])
    assert layer.box == track(0, 1, TALK[-1]).box.pad(0, 3)
    assert layer.height == 30


def test_boxes_that_were_found_a_little_beside_the_text_part_no_layer() -> None:
    shaken = [
        track(1000 * at, 1000 * at + 800, text, x0=200 + 7 * (at % 3), y0=600 + 5 * (at % 2))
        for at, text in enumerate(TALK)
    ]
    assert layered(*shaken) == [[*TALK]]


def test_signs_in_places_and_styles_of_their_own_are_layers_of_their_own() -> None:
    signs = [track(0, 500, "HOTEL", x0=90, y0=300), track(2000, 2500, "TAXI", x0=700, y0=120, height=50)]
    assert sorted(layered(*talk(), *signs)) == sorted([[*TALK], ["HOTEL"], ["TAXI"]])


@pytest.mark.parametrize("height", [15, 60])
def test_lines_of_another_size_in_the_same_place_are_another_layer(height: int) -> None:
    title = track(20_000, 22_000, "Chapter one", height=height, y0=615 - height // 2)
    assert layered(*talk(), title) == [[*TALK], ["Chapter one"]]


def test_a_lower_third_beside_a_subtitle_in_its_row_is_another_layer() -> None:
    lower_third = track(900, 4100, "Ann Lee, editor", x0=40)
    assert layered(*talk(), lower_third) == [[*TALK], ["Ann Lee, editor"]]


def test_a_watermark_in_the_row_of_the_subtitles_is_another_layer_though_it_begins_before_them() -> None:
    watermark = track(0, 5000, "(c) us", x0=1100)
    later = [track(100 + 1000 * at, 900 + 1000 * at, text) for at, text in enumerate(TALK)]
    assert sorted(layered(watermark, *later)) == sorted([["(c) us"], [*TALK]])


def test_two_layers_at_once_keep_their_own_lines() -> None:
    above = [track(500 + 1300 * at, 1500 + 1300 * at, f"Note {at}", y0=60) for at in range(4)]
    assert layered(*talk(), *above) == [[*TALK], ["Note 0", "Note 1", "Note 2", "Note 3"]]


@pytest.mark.parametrize(("height", "y0"), [(30, UPPER), (15, 580), (50, 540)])
def test_a_translation_right_above_is_in_the_same_layer_also_in_another_size(height: int, y0: int) -> None:
    above = [track(1000 * at, 1000 * at + 800, text.upper(), height=height, y0=y0) for at, text in enumerate(TALK)]
    (layer,) = layered(*talk(), *above)
    assert sorted(layer) == sorted([*TALK, *(text.upper() for text in TALK)])


@pytest.mark.parametrize(("start", "height", "layers"), [(1000, 30, 1), (1000, 19, 2), (600, 30, 2)])
def test_what_a_second_speaker_answers_at_the_very_moment_is_of_the_same_cue(
    start: int, height: int, layers: int
) -> None:
    said = [track(0, 2400, "- Where is he?", y0=UPPER), track(2600, 4000, "- Nobody knows.", y0=UPPER)]
    answer = track(start, start + 1400, "- Not here.", y0=LOWER, x0=560, height=height)
    assert len(layered(*said, answer)) == layers


def test_text_right_above_that_comes_and_goes_by_itself_is_another_layer() -> None:
    title = track(300, 3100, "Chapter one", height=20, y0=570)
    assert layered(*talk(), title) == [[*TALK], ["Chapter one"]]


def test_what_comes_and_goes_with_a_line_but_neither_above_nor_below_it_is_no_line_of_its_cue() -> None:
    names = [track(1000 * at, 1000 * at + 800, f"Name {at}", x0=40, y0=UPPER) for at in range(len(TALK))]
    assert len(layered(*talk(), *names)) == 2


def test_lines_of_one_cue_that_were_seen_alone_before_end_in_one_layer() -> None:
    alone = [track(1000 * at, 1000 * at + 800, text, y0=(UPPER, LOWER)[at % 2]) for at, text in enumerate(TALK)]
    both = [track(9000, 9800, "What they say", y0=UPPER), track(9000, 9800, "takes two lines", y0=LOWER)]
    (layer,) = layered(*alone, *both)
    assert sorted(layer) == sorted([*TALK, "What they say", "takes two lines"])
    assert len(layered(*alone)) == 2


def test_two_speakers_at_once_in_one_row_join_no_layers_that_were_in_each_others_way() -> None:
    left = [track(1000 * at, 1000 * at + 800, f"left {at}", x0=100) for at in range(3)]
    right = [track(1000 * at, 1000 * at + 800, f"right {at}", x0=900) for at in range(3)]
    assert layered(*left, *right) == [["left 0", "left 1", "left 2"], ["right 0", "right 1", "right 2"]]


@pytest.mark.parametrize(("ends", "layers"), [(1050, 1), (1500, 2)])
def test_a_cross_fade_is_no_meeting_of_two_layers(ends: int, layers: int) -> None:
    assert len(layered(track(0, ends, "Where is he?"), track(1000, 1800, "I don't know."))) == layers


def test_the_order_in_which_equal_starts_are_given_decides_nothing() -> None:
    tracks = [
        track(0, 800, "upper", y0=UPPER),
        track(0, 800, "and lower", y0=LOWER),
        track(0, 3000, "LOGO", x0=1100, y0=40),
    ]
    found = {
        tuple(sorted(tuple(sorted(one.text for one in layer.tracks)) for layer in layers_of(order)))
        for order in permutations(tracks)
    }
    assert found == {(("LOGO",), ("and lower", "upper"))}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5000),
            st.integers(1, 2000),
            st.sampled_from(TALK),
            st.sampled_from([40, 300, 560, 600]),
            st.sampled_from([None, 40, 700]),
            st.sampled_from([15, 30, 45]),
        ),
        max_size=12,
    )
)
def test_every_track_is_in_one_layer_and_no_layer_says_two_things_at_once_in_one_row(
    shown: list[tuple[int, int, str, int, int | None, int]],
) -> None:
    tracks = [
        track(start, start + length, text, y0=y0, x0=x0, height=height)
        for start, length, text, y0, x0, height in sorted(shown, key=lambda one: one[0])
    ]
    layers = layers_of(tracks)
    assert sorted(id(one) for layer in layers for one in layer.tracks) == sorted(id(one) for one in tracks)
    for layer in layers:
        starts = [one.start_pts for one in layer.tracks]
        assert starts == sorted(starts)
        assert not any(are_said_at_once(a, b) for a, b in combinations(layer.tracks, 2))


def are_said_at_once(a: LineTrack, b: LineTrack) -> bool:
    """Returns whether two lines stand in one row for more than a cross-fade."""
    shared = min(a.end_pts, b.end_pts) - max(a.start_pts, b.start_pts)
    apart = abs(a.box.center[1] - b.box.center[1])
    return apart < 0.5 * min(a.height, b.height) and shared > 0.5 * min(a.ticks, b.ticks)
