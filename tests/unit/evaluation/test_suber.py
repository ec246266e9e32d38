"""SubER: what its package is given, and what is said where it isn't installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.support.corpora import cue
from yivideo_ray.evaluation.suber import suber

PAIRS = (
    ((cue(3, 4, "At home."), cue(1, 2, "Where is", "he?")), (cue(1, 2, "Where is he?"), cue(8, 8, "no time"))),
    ((cue(0, 1, "你好 Tom"),), ()),
)


class LineBreak(Enum):
    NONE = 0
    END_OF_LINE = 1
    END_OF_BLOCK = 2


@dataclass
class TimedWord:
    string: str
    line_break: LineBreak
    subtitle_start_time: float
    subtitle_end_time: float
    approximate_word_time: float


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Puts a package in SubER's place and returns what that is given: the results, the truths."""
    kept: list[Any] = []

    def calculate(hypothesis: Any, reference: Any) -> float:
        kept.extend([hypothesis, reference])
        return 12.5

    types = SimpleNamespace(LineBreak=LineBreak, TimedWord=TimedWord, Subtitle=SimpleNamespace)
    metric = SimpleNamespace(calculate_SubER=calculate)
    for name, module in {"suber": ModuleType("suber"), "suber.metrics": ModuleType("suber.metrics")}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "suber.metrics.suber", metric)
    monkeypatch.setitem(sys.modules, "suber.data_types", types)
    return kept


def said(subtitles: Any) -> list[list[tuple[str, str]]]:
    return [[(word.string, word.line_break.name) for word in subtitle.word_list] for subtitle in subtitles]


def test_words_carry_the_breaks_after_them_and_chinese_counts_by_characters(given: list[Any]) -> None:
    assert suber(PAIRS) == 12.5
    results, truths = given
    assert said(truths) == [
        [("Where", "NONE"), ("is", "END_OF_LINE"), ("he?", "END_OF_BLOCK")],
        [("At", "NONE"), ("home.", "END_OF_BLOCK")],
        [("你", "NONE"), ("好", "NONE"), ("Tom", "END_OF_BLOCK")],
    ]
    assert said(results) == [[("Where", "NONE"), ("is", "NONE"), ("he?", "END_OF_BLOCK")]]


def test_videos_follow_each_other_in_time_and_never_overlap(given: list[Any]) -> None:
    suber(PAIRS)
    results, truths = given
    assert [(one.start_time, one.end_time) for one in truths] == [(1, 2), (3, 4), (9, 10)]
    assert results[0].word_list[0].subtitle_start_time == 1


def test_without_the_package_or_without_truth_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, given: list[Any]
) -> None:
    assert suber([((), (cue(1, 2, "phantom"),))]) is None
    monkeypatch.setitem(sys.modules, "suber.metrics.suber", None)
    assert suber(PAIRS) is None


def test_the_package_itself_finds_no_edit_in_the_truth_and_one_break_in_a_joined_line() -> None:
    pytest.importorskip("suber.metrics.suber")
    truth = PAIRS[0][0]
    assert suber([(truth, truth)]) == 0
    # Five words and three breaks: <eol> is lost.
    assert suber([(truth, (cue(1, 2, "Where is he?"), cue(3, 4, "At home.")))]) == pytest.approx(100 / 8)
