"""Figures by language: every line's errors count where the line belongs, and all add up."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.accuracy.groups import GROUPS, GroupOf, group_scores, grouping
from benchmarks.corpus.cases import CASES
from benchmarks.corpus.making import Truth
from yivideo_ray.subtitles.scoring import Score, TextErrors, TimedText, match, score

FRAMES = [n / 25 for n in range(500)]


def by_script(line: str) -> str:
    return "zh" if any(c >= "\u4e00" for c in line) else "en"


def grouped(
    reference: list[TimedText], result: list[TimedText], group_of: GroupOf = by_script
) -> tuple[Score, dict[str, Score]]:
    figures = score(reference, result, 0.04, frame_times_s=FRAMES)
    return figures, group_scores(reference, result, match(reference, result), figures, group_of)


def truth(language: str, latin_in_cjk_font: bool = False) -> Truth:
    return Truth("case", language, Path("case.mp4"), Fraction(1), (0, 1), (), latin_in_cjk_font=latin_in_cjk_font)


def test_every_case_of_the_corpus_belongs_to_groups_that_figures_are_given_for() -> None:
    for case in CASES:
        group_of = grouping(truth(case.language, case.latin_in_cjk_font))
        assert {group_of("abc"), group_of("你好")} <= {*GROUPS, "none"}, case.name


@pytest.mark.parametrize(
    ("case", "latin", "chinese"),
    [
        (truth("en"), "en", "en"),
        (truth("en", latin_in_cjk_font=True), "en_cjk", "en_cjk"),
        (truth("zh_en"), "en", "zh"),
        (truth("zh_en", latin_in_cjk_font=True), "en_cjk", "zh"),
        (truth("zh"), "zh", "zh"),
        # Only English is told apart by its font.
        (truth("fr", latin_in_cjk_font=True), "fr", "fr"),
        (truth("none"), "none", "none"),
    ],
)
def test_the_group_of_a_line_follows_from_the_case_and_in_bilingual_ones_from_its_script(
    case: Truth, latin: str, chinese: str
) -> None:
    group_of = grouping(case)
    assert (group_of("Are you 12？"), group_of("你 12 岁")) == (latin, chinese)


def test_the_lines_of_a_bilingual_cue_go_each_to_its_own_script() -> None:
    reference = [TimedText(1, 2, ("你好吗", "How are you?"))]
    _, groups = grouped(reference, [TimedText(1.12, 2, ("你好马", "How areyou?"))])
    assert groups["zh"].characters == TextErrors(edits=1, matched=3)
    assert groups["en"].characters == TextErrors(edits=0, matched=10)
    # "are", "you?" became one word.
    assert groups["en"].words == TextErrors(edits=2, matched=3)
    assert (groups["zh"].reference_cues, groups["en"].reference_cues) == (1, 1)
    assert groups["en"].starts.frames == (3.0,)
    assert (groups["en"].starts.within_one_frame, groups["en"].ends.within_one_frame) == (0, 1)


def test_a_wrong_space_counts_in_wer_and_not_in_cer() -> None:
    figures, groups = grouped([TimedText(0, 1, ("At 9:45 p.m.",))], [TimedText(0, 1, ("At 9:45p.m.",))])
    assert groups["en"].characters.rate_all == figures.characters.rate_all == 0
    assert groups["en"].words.rate_all == pytest.approx(2 / 3)
    assert groups["en"].exact == 0


def test_a_group_is_exact_by_its_own_lines() -> None:
    _, groups = grouped([TimedText(0, 1, ("你好", "Hello"))], [TimedText(0, 1, ("你好", "Hell0"))])
    assert (groups["zh"].exact, groups["en"].exact) == (1, 0)


@pytest.mark.parametrize(
    ("found", "chinese", "english"),
    [
        (("你好吧", "Hello"), 1, 0),
        (("你好", "oHello"), 0, 1),
        (("你好", "Hello!"), 0, 1),
        (("Hello",), 2, 0),
    ],
)
def test_what_is_added_or_lost_counts_where_it_happened(found: tuple[str, ...], chinese: int, english: int) -> None:
    _, groups = grouped([TimedText(0, 1, ("你好", "Hello"))], [TimedText(0, 1, found)])
    assert groups["zh"].characters == TextErrors(edits=chinese, matched=2)
    assert groups["en"].characters == TextErrors(edits=english, matched=5)


def test_missed_and_false_cues_count_in_the_groups_of_their_lines() -> None:
    reference = [TimedText(0, 1, ("你好", "Hello")), TimedText(2, 4, ("Wait for me",))]
    result = [TimedText(2, 3, ("Wait for me",)), TimedText(3, 4, ("Wait for me",)), TimedText(8, 9, ("出口",))]
    _, groups = grouped(reference, result)
    assert groups["zh"].characters == TextErrors(missed=2, inserted=2)
    assert groups["en"].characters == TextErrors(matched=9, missed=5, inserted=9)
    assert (groups["en"].reference_cues, groups["en"].result_cues, groups["en"].matched) == (2, 2, 1)
    assert (groups["en"].splits, groups["zh"].splits) == (1, 0)


texts = st.text(st.sampled_from("ab 你好"), max_size=6)


@st.composite
def files(draw: st.DrawFn) -> list[TimedText]:
    spans = draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), max_size=6))
    return [TimedText(a / 25, (a + n) / 25, tuple(draw(st.lists(texts, min_size=1, max_size=2)))) for a, n in spans]


@settings(deadline=None)
@given(files(), files())
def test_the_text_figures_of_all_groups_add_up_to_those_over_all(
    reference: list[TimedText], result: list[TimedText]
) -> None:
    figures, groups = grouped(reference, result)
    assert sum((group.characters for group in groups.values()), TextErrors()) == figures.characters
    assert sum((group.words for group in groups.values()), TextErrors()) == figures.words


@settings(deadline=None)
@given(files(), files())
def test_one_group_alone_has_the_figures_over_all(reference: list[TimedText], result: list[TimedText]) -> None:
    figures, groups = grouped(reference, result, lambda _: "en")
    assert groups.get("en", Score()) == figures
