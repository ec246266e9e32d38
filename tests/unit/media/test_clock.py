"""Timestamps are repaired the same way wherever reading starts, or refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cues import video
from yivideo_ray.errors import InputError
from yivideo_ray.media.clock import Clock


def clock(from_dts: bool = False, rate: Fraction | None = Fraction(25)) -> Clock:
    return Clock(replace(video(), frame_rate=rate, pts_from_dts=from_dts))


def test_good_times_are_kept() -> None:
    tested = clock()
    assert [tested.stamp(pts, 40, key=pts == 0) for pts in (0, 40, 95, 5000)] == [0, 40, 95, 5000]


def test_a_missing_time_follows_the_frame_before() -> None:
    tested = clock()
    assert [tested.stamp(*frame) for frame in ((10, 33, True), (None, None, False), (None, None, False))] == [
        10,
        43,
        83,
    ]


def test_repeated_and_slightly_reversed_times_go_on_by_a_tick() -> None:
    tested = clock()
    assert [tested.stamp(pts, 40, key=False) for pts in (100, 100, 90, 140)] == [100, 101, 102, 140]


def test_a_key_frame_keeps_its_time_so_that_every_chunk_agrees() -> None:
    tested = clock()
    assert [tested.stamp(100, 40, key=True), tested.stamp(100, 40, key=True)] == [100, 100]


@pytest.mark.parametrize("key", [True, False])
def test_time_that_jumps_back_is_unusable(key: bool) -> None:
    tested = clock()
    tested.stamp(5000, 40, key=True)
    with pytest.raises(InputError, match="TIMESTAMPS_UNUSABLE"):
        tested.stamp(3999, 40, key=key)


def test_time_that_never_begins_is_unusable() -> None:
    with pytest.raises(InputError, match="TIMESTAMPS_UNUSABLE"):
        clock().stamp(None, 40, key=True)


def test_frames_left_in_the_decoder_count_on_from_the_last_packet() -> None:
    whole, part = clock(from_dts=True), clock(from_dts=True)
    for dts in (0, 40, 80):
        whole.feed(dts)
    whole.stamp(40, 40, key=True)
    whole.stamp(80, 40, key=False)
    part.feed(80)
    assert whole.stamp(None, 40, key=True) == part.stamp(None, 40, key=True) == 120


# So few and so early that no frame lies a second behind the one before, which is an error.
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 300)), st.booleans()), max_size=15))
def test_a_clock_that_starts_at_any_timed_key_frame_agrees(frames: list[tuple[int | None, bool]]) -> None:
    whole = clock()
    stamps = [whole.stamp(pts, 40, key=key) for pts, key in [(0, True), *frames] if pts is None or pts >= 0]
    for start, (pts, key) in enumerate(frames):
        if key and pts is not None:
            part = clock()
            assert [part.stamp(*frame[:1], 40, key=frame[1]) for frame in frames[start:]] == stamps[start + 1 :]
