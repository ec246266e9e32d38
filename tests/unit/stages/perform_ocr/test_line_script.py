"""What a reading says of the script of its line, beside the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.script_lines import READABLE, UNREADABLE_LINES, draw_script_line
from yivideo_ray.stages.perform_ocr.line_script import FEATURES, READING_FEATURES, features_of_line, line_scores
from yivideo_ray.text.line_classes import LINE_CLASSES, is_unreadable
from yivideo_ray.types import CharReading, Reading

BLANK = np.full((40, 300), 90, np.uint8)


def reading(text: str, confidence: float = 0.98) -> Reading:
    """Returns a reading whose characters stand evenly over the line."""
    bare = "".join(text.split())
    places = np.linspace(0.03, 0.97, len(bare) + 1)
    chars = tuple(
        CharReading(char, confidence, float(x0), float(x1), 0.0)
        for char, x0, x1 in zip(bare, places, places[1:], strict=False)
    )
    return Reading(text, confidence, chars)


def said(text: str, confidence: float = 0.98) -> dict[str, float]:
    """Returns what a reading says, by the names of the features."""
    found = features_of_line(BLANK, reading(text, confidence))
    assert found.shape == (FEATURES,)
    return dict(zip(READING_FEATURES, found[-len(READING_FEATURES) :].tolist(), strict=True))


def test_nothing_read_is_unread_and_a_gap_all_along() -> None:
    nothing, text = said(""), said("Where are you going?")
    assert (nothing["unread"], text["unread"]) == (1, 0)
    assert nothing["covered"] < text["covered"]
    assert nothing["widest_gap"] > 4 * text["widest_gap"] > 0


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("hello", "latin"),
        ("火车站", "han"),
        ("ひらがな", "kana"),
        ("2024", "digits"),
        ("αηηε", "greek"),
        ("...", "marks"),
        ("X770B7", "changes_of_script"),
        ("anh di dau the", "syllables"),
        ("chng kh nh", "without_vowels"),
        ("aBcDe", "capitals_within"),
        ("for a while", "never_vietnamese"),
        ("đi mươ", "vietnamese_letters"),
        ("éàü", "beyond_ascii"),
    ],
)
def test_each_feature_of_a_reading_rises_with_what_it_is_named_for(text: str, feature: str) -> None:
    assert said(text)[feature] > said("ou est-ce" if feature != "latin" else "2024")[feature]


def test_doubt_shows_in_the_confidence() -> None:
    sure, doubted = said("hello", 0.99), said("hello", 0.4)
    assert sure["confidence"] > doubted["confidence"]
    assert (sure["doubted"], doubted["doubted"]) == (0, 1)


def test_scores_are_log_probabilities_of_all_classes() -> None:
    scores = line_scores(BLANK, reading("Where are you going?"))
    assert len(scores) == len(LINE_CLASSES)
    assert sum(math.exp(score) for score in scores) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("language", READABLE)
def test_text_that_is_read_with_confidence_is_readable(language: str) -> None:
    font, texts = READABLE[language]
    for text in texts:
        assert not is_unreadable(line_scores(draw_script_line(font, text)[20:-20, 20:-20], reading(text)))


@pytest.mark.parametrize("script", ["arabic", "cyrillic", "devanagari", "hangul", "hebrew", "thai"])
def test_strokes_of_which_nothing_is_read_are_in_a_script_that_the_model_lacks(script: str) -> None:
    font, texts = UNREADABLE_LINES[script]
    for text in texts:
        scores = line_scores(draw_script_line(font, text)[20:-20, 20:-20], reading(""))
        assert is_unreadable(scores)
        assert LINE_CLASSES[scores.index(max(scores))] == script


def test_a_model_that_reads_the_letters_of_a_script_knows_it() -> None:
    font, texts = UNREADABLE_LINES["hangul"]
    picture = draw_script_line(font, texts[0])[20:-20, 20:-20]
    assert not is_unreadable(line_scores(picture, reading(texts[0])))
