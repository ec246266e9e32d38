"""When a video counts as decoded in part only."""

import dataclasses
from fractions import Fraction

import pytest

from tests.support.cues import video
from yivideo_ray.stages.completeness import completeness
from yivideo_ray.types import ChunkReport, ChunkSpan

INFO = video(Fraction(1, 100), first_pts=500)
SPANS = (ChunkSpan(0, None, 2500), ChunkSpan(1, 2500, 4500), ChunkSpan(2, 4500, None))


def report(
    index: int, first: int | None, end: int | None, *, corrupt: int = 0, reached_end: bool = False
) -> ChunkReport:
    return ChunkReport(index, first, end, (), (), 10, corrupt, reached_end, "h264", 0.0, 0.0)


def test_overlapping_chunks_that_reach_the_end_are_the_whole_video() -> None:
    found = completeness(
        INFO, SPANS, [report(0, 500, 2700), report(1, 2500, 4600), report(2, 4500, 6500, reached_end=True)]
    )
    assert (found.decoded_s, found.expected_s, found.reasons) == (60.0, 60.0, ())


def test_a_hole_in_the_middle_is_missed() -> None:
    found = completeness(INFO, SPANS, [report(0, 500, 2500), report(1, 3000, 4500), report(2, 4500, 6500)])
    assert found.decoded_s == 55.0
    assert len(found.reasons) == 1


def test_a_truncated_file_ends_early() -> None:
    gone = report(2, None, None, reached_end=True)
    found = completeness(INFO, SPANS, [report(0, 500, 2500), report(1, 2500, 3500, reached_end=True), gone])
    assert found.decoded_s == 30.0
    assert "ends before" in " ".join(found.reasons)


def test_chunks_without_a_key_frame_of_their_own_are_no_damage() -> None:
    empty = [report(index, None, None, reached_end=True) for index in (1, 2)]
    assert completeness(INFO, SPANS, [report(0, 500, 6500, reached_end=True), *empty]).reasons == ()


@pytest.mark.parametrize(
    ("end", "duration_s", "whole"), [(6400, 60.0, True), (6380, 60.0, False), (35700, 355.0, True)]
)
def test_up_to_a_second_or_a_hundredth_may_be_missing(end: int, duration_s: float, whole: bool) -> None:
    info = dataclasses.replace(INFO, duration_s=duration_s)
    found = completeness(info, (ChunkSpan(0, None, None),), [report(0, 500, end, reached_end=True)])
    assert (found.reasons == ()) is whole


@pytest.mark.parametrize(("end", "whole"), [(6460, True), (6440, False)])
def test_of_what_the_picture_itself_should_last_half_a_second_may_be_missing(end: int, whole: bool) -> None:
    info = dataclasses.replace(INFO, track_duration=True)
    found = completeness(info, (ChunkSpan(0, None, None),), [report(0, 500, end, reached_end=True)])
    assert (found.reasons == ()) is whole


def test_where_only_the_sound_goes_on_nothing_is_missing_but_a_hole_is() -> None:
    ends = [report(0, 500, 2700), report(1, 2500, 3500, reached_end=True), report(2, None, None, reached_end=True)]
    cut = completeness(INFO, SPANS, ends)
    assert cut.short_s == 30.0
    assert len(cut.reasons) == 2
    assert completeness(INFO, SPANS, ends, sound_goes_on=True).reasons == ()
    hole = [report(0, 500, 1500), *ends[1:]]
    assert len(completeness(INFO, SPANS, hole, sound_goes_on=True).reasons) == 1


def test_a_hole_is_none_of_what_is_missing_at_the_end() -> None:
    found = completeness(INFO, SPANS, [report(0, 500, 2500), report(1, 3000, 4500), report(2, 4500, 6500)])
    assert found.short_s == 0.0


def test_damaged_packets_are_told_and_an_unknown_duration_is_none() -> None:
    info = dataclasses.replace(INFO, duration_s=None)
    found = completeness(info, (ChunkSpan(0, None, None),), [report(0, 500, 900, corrupt=3, reached_end=True)])
    assert found.expected_s is None
    assert found.reasons == ("3 packets are damaged",)
