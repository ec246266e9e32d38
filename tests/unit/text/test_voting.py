"""Readings of one line vote character by character, and none of them alone puts in, changes or takes away a letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.text.voting import vote
from yivideo_ray.types import CharReading, Reading


def reading(text: str, confidence: float = 0.9, space: float = 0.0) -> Reading:
    """A reading of equally sure characters, `space` the probability of a space before each but the first."""
    chars = tuple(
        CharReading(char, confidence, at / len(text), (at + 1) / len(text), space if at else 0.0)
        for at, char in enumerate(text)
    )
    return Reading(text, confidence if text else 0.0, chars)


def elected(*readings: Reading) -> str:
    return vote(readings, [1.0] * len(readings)).text


def test_a_single_reading_comes_back_as_it_is() -> None:
    only = reading("only", 0.4, space=0.2)
    assert vote([only], [3.0]) is only


def test_of_agreeing_readings_the_most_confident_comes_back_as_it_is() -> None:
    best = reading("same", 0.9)
    assert vote([reading("same", 0.5), best, reading("same", 0.7)], [1.0, 1.0, 1.0]) is best


def test_two_of_three_outvote_a_more_confident_one() -> None:
    assert elected(reading("cIock", 0.99), reading("clock", 0.8), reading("clock", 0.7)) == "clock"


def test_every_place_has_a_majority_of_its_own() -> None:
    assert elected(reading("wxndow"), reading("winbow"), reading("windov")) == "window"


def test_a_much_surer_reading_outvotes_two_doubtful_ones() -> None:
    assert elected(reading("clock", 0.99), reading("cIock", 0.4), reading("cIock", 0.4)) == "clock"


@pytest.mark.parametrize(("weights", "text"), [([5.0, 1.0, 1.0], "left"), ([1.0, 1.0, 1.0], "lift")])
def test_weights_decide(weights: list[float], text: str) -> None:
    assert vote([reading("left"), reading("lift"), reading("lift")], weights).text == text


@pytest.mark.parametrize(("longer", "shorter"), [("doors", "door"), ("adoor", "door"), ("doxor", "door")])
@pytest.mark.parametrize("surest", ["longer", "shorter"])
def test_what_only_one_of_three_saw_is_left_out(longer: str, shorter: str, surest: str) -> None:
    sure = 0.99 if surest == "longer" else 0.8
    assert elected(reading(longer, sure), reading(shorter), reading(shorter)) == shorter


@pytest.mark.parametrize(("longer", "shorter"), [("doors", "door"), ("adoor", "door"), ("doxor", "door")])
@pytest.mark.parametrize("surest", ["longer", "shorter"])
def test_what_two_of_three_saw_is_put_in(longer: str, shorter: str, surest: str) -> None:
    sure = 0.99 if surest == "shorter" else 0.8
    assert elected(reading(shorter, sure), reading(longer), reading(longer)) == longer


def test_a_text_that_is_put_in_stands_where_the_surest_reading_saw_it() -> None:
    less, more = reading("doors", 0.8), reading("doors", 0.9)
    assert vote([reading("door", 0.99), less, more], [1.0, 1.0, 1.0]).chars[-1] == more.chars[-1]


def test_places_and_gaps_are_those_of_the_most_confident_reading() -> None:
    best = Reading("ab", 0.99, (CharReading("a", 0.99, 0.1, 0.4, 0.0), CharReading("b", 0.99, 0.5, 0.9, 0.0, 0.3)))
    found = vote([reading("ac"), best, reading("ac")], [1.0, 1.0, 1.0])
    assert found.text == "ac"
    assert [(char.x0, char.x1, char.gap_before) for char in found.chars] == [(0.1, 0.4, None), (0.5, 0.9, 0.3)]


def test_the_probability_of_a_space_is_averaged_by_weight() -> None:
    found = vote([reading("ab", 0.99, space=0.0), reading("ac", space=0.2), reading("ac", space=0.4)], [1.0, 1.0, 2.0])
    assert found.chars[1].space_before == pytest.approx((0.2 + 2 * 0.4) / 4)


def test_the_first_character_that_is_left_has_no_space_before_it() -> None:
    found = vote([reading("xdoor", 0.99, space=0.5), reading("door"), reading("door")], [1.0, 1.0, 1.0])
    assert found.text == "door"
    assert found.chars[0].space_before == 0


def test_a_disputed_character_is_less_sure_than_an_agreed_one() -> None:
    first, last = vote([reading("ab"), reading("ab"), reading("ac")], [1.0, 1.0, 1.0]).chars
    assert first.confidence == pytest.approx(0.9)
    assert last.confidence == pytest.approx(0.6)


def test_empty_readings_give_an_empty_one() -> None:
    assert vote([Reading("", 0.0), Reading("", 0.0)], [1.0, 1.0]) == Reading("", 0.0)


def test_empty_readings_take_no_character_away() -> None:
    assert elected(Reading("", 0.0), reading("seen", 0.99), reading("seem", 0.5), Reading("", 0.0)) == "seen"


TEXTS = st.lists(st.tuples(st.text("abc你", max_size=6), st.floats(0.05, 1), st.floats(0.1, 9)), min_size=1, max_size=4)


@given(TEXTS)
def test_the_result_holds_no_character_that_no_reading_had(voters: list[tuple[str, float, float]]) -> None:
    found = vote([reading(text, sure) for text, sure, _ in voters], [weight for *_, weight in voters])
    assert set(found.text) <= set("".join(text for text, *_ in voters))
    assert found.text == "".join(char.text for char in found.chars)


@given(st.text("abc你", min_size=1, max_size=6), st.text("abc你", max_size=6), st.integers(0, 2))
def test_one_reading_never_outvotes_two_equally_sure_ones(text: str, other: str, at: int) -> None:
    readings = [reading(text)] * 2
    readings.insert(at, reading(other))
    assert elected(*readings) == text
