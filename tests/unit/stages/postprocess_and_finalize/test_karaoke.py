"""Text that grows stays in its place; centred text that gets longer moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import line, seen
from yivideo_ray.stages.postprocess_and_finalize.karaoke import grows
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation


def shown(*texts: str) -> Observation:
    return seen(0, 10, *texts)


def centred(text: str) -> Observation:
    return seen(0, 10, line(text, x0=640 - 10 * len(text)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("You",), ("You broke",)),
        (("You broke it,",), ("You broke it,", "so")),
        (("You broke it,", "so"), ("You broke it,", "so fix it")),
    ],
)
def test_more_text_behind_is_growth(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert grows(shown(*first), shown(*second), brief=False)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("You broke",), ("You",)),
        (("You broke",), ("You broke",)),
        (("Hello",), ("Hello", "over there")),
        (("You",), ("Then you broke",)),
        (("You broke it,", "so"), ("He broke it,", "so fix it")),
    ],
)
def test_less_the_same_and_other_text_is_none(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert not grows(shown(*first), shown(*second), brief=False)


@pytest.mark.parametrize(
    ("first", "second", "grown"),
    [("No.", "Now.", False), ("Go!", "Gone!", False), ("好。", "好吧。", False), ("No.", "No. Not now.", True)],
)
def test_a_text_that_has_ended_grows_behind_its_mark_alone(first: str, second: str, grown: bool) -> None:
    assert grows(shown(first), shown(second), brief=False) is grown


def test_a_misread_text_passes_only_where_it_was_brief_and_more_came() -> None:
    assert grows(shown("Wall you"), shown("Will you help"), brief=True)
    assert not grows(shown("Wall you"), shown("Will you help"), brief=False)
    assert not grows(shown("Wall you"), shown("Will you"), brief=True)
    assert not grows(shown("I can go there"), shown("I can't go there again"), brief=True)
    assert not grows(shown("We need time"), shown("You can have more of it"), brief=True)


def test_a_word_at_the_end_of_a_line_may_have_been_missed_in_a_step() -> None:
    assert grows(shown("Never mind,", "isn't"), shown("Never mind, it", "isn't important."), brief=True)
    assert not grows(shown("Never mind,", "isn't"), shown("Never mind, it", "isn't important."), brief=False)


def test_a_line_stays_though_its_box_reaches_out_to_what_is_bright_beside_it() -> None:
    wide = line("Call an ambulance, quickly!")
    box = replace(wide.box, x0=wide.box.x0 - 30)
    share = wide.box.width / box.width
    chars = tuple(replace(c, x0=1 - share + share * c.x0, x1=1 - share + share * c.x1) for c in wide.chars)
    assert grows(shown("Call an"), seen(0, 10, replace(wide, box=box, chars=chars)), brief=False)
    assert not grows(shown("Call an"), seen(0, 10, replace(wide, box=box)), brief=False)


@settings(deadline=None)
@given(st.text("abc I.", min_size=1, max_size=8), st.text("abc I.", min_size=2, max_size=8), st.booleans())
def test_centred_text_never_grows(text: str, more: str, brief: bool) -> None:
    text = text.strip() or "a"
    assert not grows(centred(text), centred(f"{text} {more}"), brief=brief)


def beside_something_bright(confidence: float) -> Observation:
    """ "him", and before it a W that the model made of what shines there."""
    misread = line("Whim", 1.0, x0=80)
    chars = (replace(misread.chars[0], confidence=confidence), *misread.chars[1:])
    return seen(0, 3, replace(misread, chars=chars))


@pytest.mark.parametrize(
    ("confidence", "brief", "growth"), [(0.64, True, True), (0.9, True, False), (0.64, False, False)]
)
def test_what_shines_beside_a_step_is_no_letter_of_it(confidence: float, brief: bool, growth: bool) -> None:
    assert grows(beside_something_bright(confidence), shown("him away for"), brief=brief) is growth
