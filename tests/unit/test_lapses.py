"""A text of which a crop in between shows a part only, or nothing, was there all the time; what differs is another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.readings import line, seen
from yivideo_ray.subtitles.cues import CueRules, build_cues
from yivideo_ray.subtitles.lapses import without_lapses
from yivideo_ray.subtitles.observations import Observation, ReadLine

BRIEF = 15
WHOLE = "There are wolves in these mountains."
# What detection found of it ends before the line does.
PART = line(WHOLE[10:], x0=300)


def joined(*shown: tuple[int, int, tuple[str | ReadLine, ...]]) -> list[Observation]:
    """Observations between which no frame is without the strokes that both show."""
    last = None
    found = []
    for start, end, lines in shown:
        found.append(seen(start, end, *lines, stable_end_pts=end, joined_to_pts=last))
        last = end
    return found


def texts(observations: list[Observation]) -> list[tuple[str, ...]]:
    return [tuple(line.text for line in one.lines) for one in without_lapses(observations, BRIEF)]


@pytest.mark.parametrize("between", [(PART,), (), ("There are wolves",)])
def test_a_text_that_was_read_in_part_between_is_all_of_it(between: tuple[str | ReadLine, ...]) -> None:
    shown = joined((0, 20, (WHOLE,)), (20, 26, between), (26, 40, (WHOLE,)))
    assert texts(shown) == [(WHOLE,)] * 3
    (cue,) = build_cues(shown, "bottom", CueRules(merge_gap_ticks=2, step_ticks=BRIEF))
    assert (cue.start_pts, cue.end_pts, cue.lines) == (0, 40, (WHOLE,))


def test_it_may_lapse_in_several_crops_and_for_a_line() -> None:
    both = ("Hello", WHOLE)
    shown = joined((0, 20, both), (20, 24, ("Hello",)), (24, 28, ()), (28, 40, both), (40, 44, ("Hello",)))
    assert texts(shown) == [both] * 4 + [("Hello",)]


@pytest.mark.parametrize(
    ("between", "after"),
    [
        # Another text; the same elsewhere; more than before; it does not come back.
        (("Where are they?",), WHOLE),
        ((line("mountains.", y0=90),), WHOLE),
        ((WHOLE, "Run!"), WHOLE),
        ((PART,), "Run!"),
    ],
)
def test_what_is_no_part_of_it_stays(between: tuple[str | ReadLine, ...], after: str) -> None:
    shown = joined((0, 20, (WHOLE,)), (20, 26, between), (26, 40, (after,)))
    assert without_lapses(shown, BRIEF) == shown


def test_what_is_long_or_not_joined_is_no_lapse() -> None:
    long = joined((0, 20, (WHOLE,)), (20, 60, (PART,)), (60, 80, (WHOLE,)))
    assert without_lapses(long, BRIEF) == long
    for index in (1, 2):
        parted = joined((0, 20, (WHOLE,)), (20, 26, (PART,)), (26, 40, (WHOLE,)))
        parted[index] = replace(parted[index], joined_to_pts=None)
        assert without_lapses(parted, BRIEF) == parted


@given(st.lists(st.lists(st.sampled_from(["Hello", "Hell", "you"]), max_size=2), max_size=8))
def test_times_stay_and_nothing_is_lost(shown: list[list[str]]) -> None:
    observations = joined(*((5 * at, 5 * at + 5, tuple(lines)) for at, lines in enumerate(shown)))
    found = without_lapses(observations, BRIEF)
    assert [replace(one, lines=()) for one in found] == [replace(one, lines=()) for one in observations]
    assert all(len(one.lines) >= len(given_one.lines) for one, given_one in zip(found, observations, strict=True))
