"""What passes through the band while a subtitle stands there is no line of it; a second line that stays is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import seen
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, without_passing_lines

BRIEF, GAP = 15, 2
TEXT = "There are wolves in these mountains."


def texts(*observations: Observation) -> list[tuple[str, ...]]:
    return [tuple(line.text for line in one.lines) for one in without_passing_lines(observations, BRIEF, GAP)]


def test_a_sign_that_passes_through_is_no_line_of_the_subtitle() -> None:
    assert texts(seen(0, 20, TEXT), seen(20, 26, "HOTEL LUNA", TEXT), seen(26, 40, TEXT)) == [(TEXT,)] * 3


def test_a_sign_may_pass_in_several_crops() -> None:
    passing = [seen(20, 24, "HOTEL", TEXT), seen(24, 30, "HOTEL LUNA", TEXT)]
    assert texts(seen(0, 20, TEXT), *passing, seen(30, 40, TEXT)) == [(TEXT,)] * 4


@pytest.mark.parametrize(
    "observations",
    [
        # It stays too long, or to the end; the first line goes; another text follows; nothing stands before.
        [seen(0, 20, "Hello"), seen(20, 40, "Hello", "over there"), seen(40, 50, "Hello")],
        [seen(0, 20, "Hello"), seen(20, 26, "Hello", "over there")],
        [seen(0, 20, "Hello"), seen(20, 26, "Hello", "there"), seen(26, 40, "there")],
        [seen(0, 20, "Hello"), seen(20, 26, "Hello", "there"), seen(26, 40, "Hello", "again")],
        [seen(0, 6, "Hello", "there"), seen(6, 40, "Hello")],
        # A gap before or behind it.
        [seen(0, 16, "Hello"), seen(20, 26, "Hello", "there"), seen(26, 40, "Hello")],
        [seen(0, 20, "Hello"), seen(20, 26, "Hello", "there"), seen(30, 40, "Hello")],
    ],
)
def test_every_other_line_stays(observations: list[Observation]) -> None:
    assert texts(*observations) == [tuple(line.text for line in one.lines) for one in observations]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(["Hello", "there", "you"]), max_size=3), max_size=8))
def test_times_stay_and_lines_only_go(shown: list[list[str]]) -> None:
    observations = [seen(5 * at, 5 * at + 5, *lines) for at, lines in enumerate(shown)]
    found = without_passing_lines(observations, BRIEF, GAP)
    assert [(one.start_pts, one.end_pts) for one in found] == [(one.start_pts, one.end_pts) for one in observations]
    for one, given_one in zip(found, observations, strict=True):
        assert set(one.lines) <= set(given_one.lines)
        assert bool(one.lines) == bool(given_one.lines)
