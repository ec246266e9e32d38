"""The same text in consecutive crops is one cue, other text another; a model's doubts decide nothing alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import cue, line, seen
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.cues import CueRules, build_cues, join_simultaneous, same_text
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation
from yivideo_ray.text.voting import bare
from yivideo_ray.types import Cue, ReviewReason

RULES = CueRules(merge_gap_ticks=2, step_ticks=10, space_probability=0.5, sure_character=0.75)


def cues(*observations: Observation) -> list[tuple[int, int, str]]:
    return [(cue.start_pts, cue.end_pts, cue.text) for cue in build_cues(observations, "bottom", RULES)]


def test_consecutive_crops_with_one_text_are_one_cue() -> None:
    built = build_cues([seen(0, 10, "Hello"), seen(10, 25, "Hello"), seen(25, 30, "Hello")], "bottom", RULES)
    assert [(cue.start_pts, cue.end_pts, cue.frames, cue.crops) for cue in built] == [(0, 30, 30, 3)]


def test_one_changed_word_parts_cues() -> None:
    assert cues(seen(0, 10, "I can go there"), seen(10, 20, "I can't go there")) == [
        (0, 10, "I can go there"),
        (10, 20, "I can't go there"),
    ]


def test_the_same_text_after_a_gap_is_another_cue() -> None:
    assert cues(seen(0, 10, "No."), seen(13, 20, "No.")) == [(0, 10, "No."), (13, 20, "No.")]


def test_the_same_text_after_a_flicker_is_the_same_cue() -> None:
    assert cues(seen(0, 10, "No."), seen(12, 20, "No.")) == [(0, 20, "No.")]


def test_the_same_text_after_frames_that_showed_it_all_along_is_the_same_cue() -> None:
    first = replace(seen(0, 10, "No."), stable_end_pts=9)
    assert cues(first, replace(seen(16, 20, "No."), joined_to_pts=9)) == [(0, 20, "No.")]
    assert len(cues(first, replace(seen(16, 20, "No."), joined_to_pts=12))) == 2


@pytest.mark.parametrize(
    ("ends_after", "begins_before", "gap", "parts"),
    [(True, True, 100, 1), (True, True, 101, 2), (True, False, 50, 2), (False, True, 50, 2)],
)
def test_a_text_that_flashes_hide_for_no_longer_than_it_stands_is_one_cue(
    ends_after: bool, begins_before: bool, gap: int, parts: int
) -> None:
    first = seen(0, 100, "No.", ends_after=ends_after)
    second = seen(100 + gap, 200 + gap - 20, "No.", begins_before=begins_before)
    built = build_cues([first, second], "bottom", RULES)
    assert len(built) == parts
    assert (built[0].start_pts, built[-1].end_pts) == (0, 180 + gap)
    assert len(build_cues([first, replace(second, lines=(line("Yes."),))], "bottom", RULES)) == 2


def test_a_doubtful_letter_parts_nothing_and_most_frames_win() -> None:
    assert cues(seen(0, 30, "Where is Anna?"), seen(30, 35, "Where is Amna?", doubtful="m")) == [
        (0, 35, "Where is Anna?")
    ]


def test_a_little_doubt_will_do() -> None:
    first = seen(0, 10, line("问你妈去，她最清楚。"))
    assert cues(first, seen(10, 30, line("间你妈去，她最清楚。", 0.98))) == [(0, 30, "间你妈去，她最清楚。")]
    assert len(cues(first, seen(10, 30, line("间你妈去，她最清楚。", 0.995)))) == 2


@pytest.mark.parametrize(("confidence", "parts"), [(0.8, False), (1.0, True)])
def test_a_letter_that_was_left_out_leaves_its_doubt_on_those_beside_it(confidence: float, parts: bool) -> None:
    without = seen(0, 14, line("Get in, l'l give you a ride."))
    (only,) = without.lines
    at = bare(only.text).index("g")
    chars = (*only.chars[:at], replace(only.chars[at], confidence=confidence), *only.chars[at + 1 :])
    without = replace(without, lines=(replace(only, chars=chars),))
    assert same_text(without, seen(14, 32, line("Get in, I'll give you a ride."))) is not parts


def test_look_alikes_part_nothing() -> None:
    assert same_text(seen(0, 1, "I'll go"), seen(1, 2, "l'Il go"))


def test_a_second_line_makes_another_cue() -> None:
    assert len(cues(seen(0, 20, "Hello"), seen(20, 30, "Hello", "over there"))) == 2


def test_the_letters_that_most_frames_show_are_the_cues() -> None:
    built = build_cues(
        [
            seen(0, 9, "The wxndow is open", doubtful="x"),
            seen(9, 19, "The window is 0pen", doubtful="0"),
            seen(19, 29, "The windov is open", doubtful="v"),
        ],
        "bottom",
        RULES,
    )
    assert [(cue.text, cue.crops) for cue in built] == [("The window is open", 3)]


def test_words_that_come_one_by_one_are_one_cue_with_all_of_them() -> None:
    growing = [seen(0, 5, "You"), seen(5, 9, "You broke"), seen(9, 30, "You broke it,", "so")]
    assert cues(*growing, seen(30, 40, "You broke it,", "so fix")) == [(0, 40, "You broke it,\nso fix")]


@pytest.mark.parametrize("step", ["Wil l you", "Wall you", "Will yc", "Wi", "0"])
def test_a_misread_or_half_drawn_step_parts_nothing(step: str) -> None:
    assert cues(seen(0, 4, step), seen(4, 8, "Will you help"), seen(8, 30, "Will you help me?")) == [
        (0, 30, "Will you help me?")
    ]


def test_a_step_that_was_not_read_or_has_no_crop_parts_nothing() -> None:
    first, last = seen(0, 5, "Will"), seen(11, 30, "Will you help")
    assert cues(first, last) == cues(first, seen(5, 11), last) == [(0, 30, "Will you help")]
    assert len(cues(first, seen(16, 30, "Will you help"))) == 2


def test_a_growing_text_begins_with_the_first_step_though_that_was_not_read() -> None:
    unread = seen(0, 4, stroke_px=60, stable_end_pts=4)
    growing = [
        seen(4, 8, "I could", stroke_px=500, joined_to_pts=4),
        seen(8, 30, "I could see", stroke_px=900),
    ]
    assert cues(unread, *growing) == [(0, 30, "I could see")]
    assert cues(unread, replace(growing[0], joined_to_pts=None), growing[1]) == [(4, 30, "I could see")]
    assert cues(replace(unread, stroke_px=700), *growing) == [(4, 30, "I could see")]
    assert cues(unread, growing[0], seen(8, 30, "I could")) == [(4, 30, "I could")]
    # The text begins at 100.
    assert cues(replace(unread, box=Box(70, 0, 140, 50)), *growing) == [(0, 30, "I could see")]
    assert cues(replace(unread, box=Box(700, 0, 780, 50)), *growing) == [(4, 30, "I could see")]


def test_a_longer_text_in_another_place_is_another_cue() -> None:
    first, longer = seen(0, 5, line("No.", x0=300)), seen(5, 20, line("No. Wait here.", x0=190))
    assert [text for _, _, text in cues(first, longer)] == ["No.", "No. Wait here."]


def test_the_same_text_that_comes_again_is_no_growth() -> None:
    assert len(cues(seen(0, 5, "Who?"), seen(9, 14, "Who?"))) == 2


def test_crops_without_text_are_no_cues() -> None:
    assert cues(seen(0, 10)) == []


def test_a_cross_fade_leaves_no_overlap() -> None:
    assert cues(seen(0, 12, "One"), seen(10, 20, "Two")) == [(0, 10, "One"), (10, 20, "Two")]


def at(start: int, end: int, text: str, y0: int) -> Cue:
    return replace(cue(start, end, text), box=Box(400, y0, 880, y0 + 30))


def test_cues_of_a_layer_that_come_and_go_together_are_one_with_the_upper_lines_first() -> None:
    lower, upper = at(0, 1000, "takes two lines", 600), at(40, 1040, "What they say", 560)
    unsure = replace(upper, frames=40, confidence=0.7, needs_review=(ReviewReason.UNSURE_LINE,))
    cut = replace(lower, needs_review=(ReviewReason.CUT_OFF,))
    for given_cues in ((cut, unsure), (unsure, cut)):
        (joined,) = join_simultaneous(given_cues)
        assert joined.lines == ("What they say", "takes two lines")
        assert (joined.start_pts, joined.end_pts) == (0, 1040)
        assert joined.box == Box(400, 560, 880, 630)
        assert joined.confidence == 0.7
        assert joined.needs_review == (ReviewReason.UNSURE_LINE, ReviewReason.CUT_OFF)


def test_three_lines_from_three_regions_are_one_cue() -> None:
    (joined,) = join_simultaneous([at(0, 1000, "b", 560), at(0, 1000, "c", 600), at(0, 1000, "a", 520)])
    assert joined.lines == ("a", "b", "c")


def test_cues_of_a_layer_that_overlap_for_a_part_of_their_time_are_two_in_the_order_of_time() -> None:
    late, early = at(500, 2000, "second", 560), at(0, 1500, "first", 600)
    assert join_simultaneous([late, early]) == (early, late)
    assert join_simultaneous([]) == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5), st.sampled_from(["A b", "Other", "第一", ""]))))
def test_cues_are_in_order_and_never_overlap(pieces: list[tuple[int, int, str]]) -> None:
    at, observations = 0, []
    for length, gap, text in pieces:
        observations.append(seen(at, at + length, *([text] if text else [])))
        at += length + gap
    built = cues(*observations)
    assert built == cues(*reversed(observations))
    assert all(start < end for start, end, _ in built)
    assert all(a[1] <= b[0] for a, b in pairwise(built))
