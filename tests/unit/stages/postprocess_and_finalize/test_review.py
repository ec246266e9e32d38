"""A cue carries a reason where something about it looks wrong, and none otherwise."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.support.cues import seen, video
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.cues import CueRules, build_cues
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation
from yivideo_ray.stages.postprocess_and_finalize.review import MEANINGS, in_order, showing_reasons
from yivideo_ray.text.han_variants import HanVariant
from yivideo_ray.types import Band, BandEvidence, Cue, ReviewReason

RULES = CueRules(merge_gap_ticks=2, step_ticks=0, space_probability=0.5, sure_character=0.75)
INFO = replace(video(Fraction(1, 1000)), width=1280, height=720)
BAND = Band("bottom", Box(0, 500, 1280, 700), 40.0, BandEvidence(24, 20, 19, 0.9, "made up"))


def reasons(*observations: Observation, rules: CueRules = RULES) -> tuple[ReviewReason, ...]:
    (cue,) = build_cues(observations, "bottom", rules)
    return cue.needs_review


def shown(box: Box, length_ms: int = 1000) -> list[ReviewReason]:
    return list(showing_reasons(Cue(0, length_ms, ("Hello",), 0.99, box, "bottom", 25, 1), [], BAND, INFO))


def test_what_was_read_well_needs_no_review() -> None:
    assert reasons(seen(0, 20, "Where is he?"), seen(20, 30, "Where is he?")) == ()
    assert shown(Box(400, 560, 880, 600)) == []


def test_an_unsure_line_and_an_unsure_character() -> None:
    assert reasons(seen(0, 20, "Where is he?", confidence=0.7)) == (
        ReviewReason.UNSURE_LINE,
        ReviewReason.UNSURE_CHARACTER,
    )
    assert reasons(seen(0, 20, "Where is he?", doubtful="W")) == (ReviewReason.UNSURE_CHARACTER,)
    assert reasons(seen(0, 20, "Where is he?", doubtful="W"), rules=replace(RULES, sure_character=0.4)) == ()


def test_crops_that_disagree() -> None:
    assert ReviewReason.CROPS_DISAGREE in reasons(
        seen(0, 10, "Where is Anna?", doubtful="n"), seen(10, 19, "Where is Amna?", doubtful="m")
    )
    assert ReviewReason.CROPS_DISAGREE not in reasons(
        seen(0, 40, "Where is Anna?", doubtful="n"), seen(40, 49, "Where is Amna?", doubtful="m")
    )
    assert ReviewReason.CROPS_DISAGREE not in reasons(seen(0, 10, "Where is he?"), seen(10, 19, "Where is he"))


def test_the_steps_of_a_text_that_grew_disagree_with_nothing() -> None:
    assert reasons(seen(0, 20, "Will you"), seen(20, 24, "Will you help")) == ()


@pytest.mark.parametrize("text", ["Well..", "Well....", "这么说………", "So,, what"])
def test_odd_marks(text: str) -> None:
    assert reasons(seen(0, 20, text)) == (ReviewReason.ODD_MARKS,)


@pytest.mark.parametrize("text", ["Well...", "Well.", "这么说……", "这么说......", "What?!", "Dr. No, yes."])
def test_usual_marks(text: str) -> None:
    assert reasons(seen(0, 20, text)) == ()


def test_a_character_of_another_writing() -> None:
    rules = replace(RULES, variant=HanVariant.SIMPLIFIED)
    assert reasons(seen(0, 20, "請打开"), rules=rules) == (ReviewReason.OTHER_WRITING,)
    assert reasons(seen(0, 20, "请打开"), rules=rules) == ()
    assert reasons(seen(0, 20, "請打开")) == ()


def test_a_brief_cue() -> None:
    assert shown(Box(400, 560, 880, 600), 299) == [ReviewReason.BRIEF]
    assert shown(Box(400, 560, 880, 600), 300) == []


def test_the_same_text_again_after_a_moment() -> None:
    first = Cue(0, 1000, ("Hello.",), 0.99, Box(400, 560, 880, 600), "bottom", 25, 1)
    soon, late = (replace(first, start_pts=at, end_pts=3000, lines=("Hello",)) for at in (1299, 1300))
    assert list(showing_reasons(first, [soon], BAND, INFO)) == [ReviewReason.REPEATED]
    assert list(showing_reasons(soon, [first], BAND, INFO)) == [ReviewReason.REPEATED]
    assert list(showing_reasons(first, [late], BAND, INFO)) == []
    assert list(showing_reasons(first, [replace(soon, lines=("Hullo",))], BAND, INFO)) == []


@pytest.mark.parametrize(
    "box", [Box(400, 502, 880, 545), Box(400, 660, 880, 698), Box(2, 560, 880, 600), Box(400, 560, 1279, 600)]
)
def test_text_at_the_edge_of_the_band(box: Box) -> None:
    assert shown(box) == [ReviewReason.CUT_OFF]


def test_reasons_come_once_and_in_order() -> None:
    assert in_order(reversed([*ReviewReason, *ReviewReason])) == tuple(ReviewReason)


def test_every_reason_is_explained() -> None:
    assert set(MEANINGS) == set(ReviewReason)
