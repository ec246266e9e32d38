"""Spaces come from the model's own probability, never inside Chinese; unsure marks take the width of their script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.subtitles.spaces import is_unspaced, space_out, tidy
from yivideo_ray.types import CharReading


def chars(text: str, gap: float = 0.4, inside: float = 0.001, confidence: float = 0.99) -> list[CharReading]:
    """The characters of text as a model gives them that sees its spaces with probability `gap`."""
    found: list[CharReading] = []
    space = 0.0
    for char in text:
        if char == " ":
            space = gap
            continue
        found.append(CharReading(char, confidence, 0, 1, space if found else 0.0))
        space = inside
    return found


@pytest.mark.parametrize(
    "text", ["Mr. O'Brien left at 9:45 p.m.", "It cost $1,250 (about)", "¿Qué hora es?", "我看见 Anna 了", "- 你好。"]
)
def test_spaces_that_the_model_saw_are_there(text: str) -> None:
    assert space_out(text.replace(" ", ""), chars(text), 0.01) == text


def test_what_the_model_gives_inside_a_word_is_no_space() -> None:
    assert space_out("inside", chars("inside", inside=0.006), 0.01) == "inside"


def test_chinese_and_japanese_have_no_spaces_inside() -> None:
    assert space_out("", chars("今天 天气 好", gap=0.9), 0.01) == "今天天气好"
    assert space_out("", chars("これは ペンです", gap=0.9), 0.01) == "これはペンです"


def test_korean_has_spaces() -> None:
    assert space_out("", chars("오늘 날씨"), 0.01) == "오늘 날씨"


def test_a_faint_space_beside_chinese_is_none() -> None:
    assert space_out("", chars("第3 章", gap=0.05), 0.01) == "第3章"


def test_an_unsure_mark_after_chinese_is_full_width_and_a_sure_one_stays() -> None:
    assert space_out("", chars("怎么样?", confidence=0.7), 0.01) == "怎么样？"
    assert space_out("", chars("怎么样?"), 0.01) == "怎么样?"
    assert space_out("", chars("Really?", confidence=0.7), 0.01) == "Really?"


def test_without_characters_the_text_is_tidied_only() -> None:
    assert space_out("  Hello   there , you ", (), 0.01) == "Hello there, you"


def test_an_ellipsis_may_begin_a_word() -> None:
    assert tidy("and ...well") == "and ...well"


@given(st.text(max_size=40))
def test_tidying_twice_is_tidying_once_and_loses_no_character(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert "".join(once.split()) == "".join(text.split())


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=10))
def test_han_is_unspaced(text: str) -> None:
    assert all(is_unspaced(char) for char in text)
