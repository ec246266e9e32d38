"""A line of text is one track over its life, however it was read; its pieces are one line, its doubles are dropped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import line, seen
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack, track_lines
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine

GAP = 5
HEIGHTS = (30.0, 30.0)
"""The height of the lines that each of two regions is looked at for."""


def tracked(*observations: Observation) -> list[LineTrack]:
    """Returns the tracks of one region."""
    return track_lines([observations], HEIGHTS, GAP)


def shown(*observations: Observation) -> list[tuple[int, int, str]]:
    return [(track.start_pts, track.end_pts, track.text) for track in tracked(*observations)]


def test_the_same_line_in_crops_that_follow_each_other_is_one_track() -> None:
    assert shown(seen(0, 10, "Hello"), seen(10, 25, "Hello"), seen(25 + GAP, 40, "Hello")) == [(0, 40, "Hello")]


def test_a_line_that_was_gone_has_ended() -> None:
    assert shown(seen(0, 10, "Hello"), seen(11 + GAP, 20, "Hello")) == [(0, 10, "Hello"), (16, 20, "Hello")]


def test_a_line_that_was_there_in_all_frames_between_goes_on() -> None:
    first, second = seen(0, 10, "Hello", stable_end_pts=9), seen(30, 40, "Hello", joined_to_pts=9)
    assert shown(first, second) == [(0, 40, "Hello")]


def test_another_text_in_the_same_place_is_another_track() -> None:
    assert shown(seen(0, 10, "Who was it?"), seen(10, 20, "Nobody did")) == [
        (0, 10, "Who was it?"),
        (10, 20, "Nobody did"),
    ]


def test_the_same_text_in_another_place_is_another_track() -> None:
    there, elsewhere = line("Hello", x0=100), line("Hello", x0=200)
    assert len(tracked(seen(0, 10, there), seen(10, 20, elsewhere))) == 2


def test_lines_above_each_other_are_tracks_of_their_own_that_end_by_themselves() -> None:
    assert shown(seen(0, 10, "Hello", "over there"), seen(10, 20, "Hello")) == [(0, 20, "Hello"), (0, 10, "over there")]


def test_a_sign_that_is_read_differently_each_time_is_one_track_whose_readings_do_not_agree() -> None:
    (sign,) = tracked(seen(0, 10, "GRILL BAR"), seen(10, 20, "GRILI BAK"), seen(20, 32, "CRILL 8AR"))
    assert (sign.start_pts, sign.end_pts, sign.text) == (0, 32, "CRILL 8AR")
    assert sorted(sign.text_weights.values()) == [10, 10, 12]


def test_a_track_says_what_most_frames_show() -> None:
    (track,) = tracked(seen(0, 10, "Hallo there"), seen(10, 18, "Hello there"), seen(18, 26, "Hello there!"))
    assert sorted(track.text_weights.values()) == [10, 16]
    assert track.text == "Hello there"


def test_a_track_stands_where_its_text_was_shown_longest() -> None:
    sharp, blurred = line("Hello", 0.99), line("Hello", 0.7, x0=104, y0=14)
    (track,) = tracked(seen(0, 5, blurred), seen(5, 30, sharp), seen(30, 34, blurred))
    assert track.box == sharp.box
    (track,) = tracked(seen(0, 10, blurred), seen(10, 20, sharp))
    assert track.head.read.confidence == 0.99


WHO, ME = line("- Who?", x0=400), line("- Me.", x0=400 + 120 + 4 * 30)


def test_pieces_of_a_row_with_a_wide_gap_between_are_one_line() -> None:
    (track,) = tracked(seen(0, 10, WHO, ME), seen(10, 20, WHO, ME))
    assert track.text == "- Who? - Me."
    assert (track.box.x0, track.box.x1) == (WHO.box.x0, ME.box.x1)
    assert [sighting.pieces for sighting in track.sightings] == [(0, 1), (0, 1)]


def test_pieces_are_in_order_from_the_left_in_whatever_order_they_were_read() -> None:
    (track,) = tracked(seen(0, 10, ME, WHO))
    assert track.text == "- Who? - Me."
    assert track.sightings[0].pieces == (1, 0)


def test_a_piece_that_one_crop_missed_is_still_one_of_the_line() -> None:
    (track,) = tracked(seen(0, 10, WHO, ME), seen(10, 14, WHO), seen(14, 24, WHO, ME))
    assert [sighting.read.text for sighting in track.sightings] == ["- Who? - Me.", "- Who?", "- Who? - Me."]
    assert track.text == "- Who? - Me."


def test_a_piece_that_comes_a_moment_later_may_stand_on_the_left() -> None:
    (track,) = tracked(seen(0, 2, ME), seen(2, 30, WHO, ME))
    assert [sighting.read.text for sighting in track.sightings] == ["- Me.", "- Who? - Me."]


def test_phrases_in_one_row_are_one_line_however_far_apart() -> None:
    (track,) = tracked(seen(0, 10, WHO, line("- Me.", x0=1200)))
    assert track.sightings[0].pieces == (0, 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(line("- Me.", x0=410), id="on top of it"),
        pytest.param(line("- Me.", x0=550, y0=30), id="in another row"),
        pytest.param(line("- Me.", x0=550, y0=0, height=48), id="of another height"),
    ],
)
def test_what_is_no_piece_of_a_line_is_another_one(other: ReadLine) -> None:
    assert len(tracked(seen(0, 10, WHO, other))) == 2


def test_what_comes_or_goes_at_another_time_is_no_piece_of_a_line() -> None:
    assert shown(seen(0, 60, WHO), seen(60, 100, WHO, ME)) == [(0, 100, "- Who?"), (60, 100, "- Me.")]
    assert shown(seen(0, 60, WHO, ME), seen(60, 100, WHO)) == [(0, 100, "- Who?"), (0, 60, "- Me.")]


def test_a_sighting_leads_back_to_the_lines_that_it_was_made_of() -> None:
    first = [seen(0, 10, "Hello", "over there")]
    second = [seen(0, 10, line("TAXI", y0=300)), seen(10, 20, line("TAXI", y0=300))]
    found = {
        (one.region, one.observation, one.pieces, one.read.text)
        for track in track_lines([first, second], HEIGHTS, GAP)
        for one in track.sightings
    }
    assert found == {(0, 0, (0,), "Hello"), (0, 0, (1,), "over there"), (1, 0, (0,), "TAXI"), (1, 1, (0,), "TAXI")}


def test_tracks_are_in_the_order_of_their_starts_over_all_regions() -> None:
    first = [seen(10, 20, "second"), seen(40, 50, "another")]
    second = [seen(0, 10, line("first", y0=300)), seen(25, 30, line("third one", y0=300))]
    assert [track.start_pts for track in track_lines([first, second], HEIGHTS, GAP)] == [0, 10, 25, 40]


def test_what_regions_that_overlap_show_twice_is_one_track_the_one_read_best() -> None:
    clear, poor = seen(0, 40, line("Where is he?", 0.99)), seen(2, 38, line("Where ls he", 0.8, x0=104, y0=12))
    for regions in ([[clear], [poor]], [[poor], [clear]]):
        (track,) = track_lines(regions, HEIGHTS, GAP)
        assert (track.start_pts, track.end_pts, track.text) == (0, 40, "Where is he?")


def test_a_line_that_was_cut_off_by_its_region_is_a_double_of_the_whole_one() -> None:
    whole, half = seen(0, 40, line("Where is he?")), seen(0, 40, line("Vhera ls ne", 0.7, y0=10, height=14))
    assert [track.text for track in track_lines([[half], [whole]], HEIGHTS, GAP)] == ["Where is he?"]


@pytest.mark.parametrize("heights", [(30.0, 75.0), (30.0, 12.0)])
def test_of_doubles_that_of_the_region_which_looks_for_lines_of_its_height_stays(heights: tuple[float, float]) -> None:
    fitting, other = seen(0, 40, line("Where is he?", 0.9)), seen(0, 40, line("Where ishe?", 0.97))
    assert [track.text for track in track_lines([[fitting], [other]], heights, GAP)] == ["Where is he?"]
    assert [track.text for track in track_lines([[other], [fitting]], heights[::-1], GAP)] == ["Where is he?"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(seen(0, 40, line("Where is he?", y0=50)), id="below it"),
        pytest.param(seen(0, 40, line("Where is he?", y0=32)), id="touching it"),
        pytest.param(seen(40, 80, line("Where is he?")), id="later"),
        pytest.param(seen(30, 80, line("Where is he?")), id="mostly later"),
    ],
)
def test_what_another_region_shows_elsewhere_or_at_another_time_is_no_double(other: Observation) -> None:
    assert len(track_lines([[seen(0, 40, "Where is he?")], [other]], HEIGHTS, GAP)) == 2


TEXTS = st.sampled_from(["Hello", "Hullo", "over there", "- Me.", "你好吗"])
PLACES = st.sampled_from([100, 220, 400, 900])


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(TEXTS, PLACES, st.sampled_from([10, 20, 50])), max_size=4), max_size=8))
def test_every_line_that_was_read_is_in_one_track(crops: list[list[tuple[str, int, int]]]) -> None:
    observations = [
        seen(10 * at, 10 * at + 10, *(line(text, x0=x0, y0=y0) for text, x0, y0 in lines))
        for at, lines in enumerate(crops)
    ]
    found = [
        (sighting.observation, piece)
        for track in tracked(*observations)
        for sighting in track.sightings
        for piece in sighting.pieces
    ]
    assert sorted(found) == [(at, piece) for at, lines in enumerate(crops) for piece in range(len(lines))]
    for track in tracked(*observations):
        starts = [sighting.start_pts for sighting in track.sightings]
        assert starts == sorted(set(starts))
