"""A letter alone needs to be read well, or to look and stand like the word I in a video that says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.cues import line, seen
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.single_characters import (
    as_lone_i,
    is_lone,
    is_sure_alone,
    lone_i_place,
    may_be_lone_i,
)
from yivideo_ray.types import CropMeta, TextLine

BAND = Box(0, 500, 1280, 700)
CROP = CropMeta("0:1", 0, BAND, 1.0, 0, 0, 1000, 20, 20, 55, 1000)
PLACE = Box(620, 600, 660, 645)


def text_line(text: str, confidence: float = 0.4, width: int = 40) -> TextLine:
    return TextLine(text, confidence, Box(0, 0, width, 45), line(text, confidence).chars)


def test_a_line_of_one_character_is_lone() -> None:
    assert is_lone(text_line(" 好 "))
    assert not is_lone(text_line("No"))


@pytest.mark.parametrize(
    ("text", "confidence", "sure"),
    [("好", 0.75, True), ("好", 0.74, False), ("8", 0.74, False), ("?", 0.61, True), ("！", 0.61, True)],
)
def test_marks_may_be_doubted_alone_and_others_not(text: str, confidence: float, sure: bool) -> None:
    assert is_sure_alone(text_line(text, confidence), 0.75) is sure


@pytest.mark.parametrize("text", ["I", "0", "1", "l", "|", "ı"])
def test_few_strokes_in_a_narrow_box_may_be_an_i(text: str) -> None:
    assert may_be_lone_i(text_line(text), CROP)
    assert not may_be_lone_i(text_line(text, width=60), CROP)
    assert not may_be_lone_i(text_line(text), replace(CROP, stroke_px=150))


@pytest.mark.parametrize("text", ["2", "A", "好", "I0"])
def test_what_is_no_bar_is_no_i(text: str) -> None:
    assert not may_be_lone_i(text_line(text), CROP)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Do I know you?", True),
        ("I'm here.", True),
        ("So do I.", True),
        ("I", False),
        ("It was Ivan", False),
        ("Henri IV", False),
        ("c'est l'I", False),
    ],
)
def test_a_video_says_i_where_it_is_a_word_among_others(text: str, says: bool) -> None:
    place = lone_i_place([seen(0, 9, "Hello"), seen(9, 12), seen(12, 20, text)])
    assert (place is not None) is says


def test_it_stands_where_the_other_lines_have_their_middles_or_begin() -> None:
    texts = ("Do I know you?", "Who?", "It's me.")
    centred = lone_i_place([seen(0, 9, line(text, x0=640 - 10 * len(text))) for text in texts])
    flush = lone_i_place([seen(0, 9, line(text, x0=200)) for text in texts])
    assert centred is not None
    assert flush is not None
    found = as_lone_i(text_line("0"), PLACE, centred, 0.6)
    assert found is not None
    assert (found.text, found.confidence, [(char.text, char.confidence) for char in found.chars]) == (
        "I",
        0.6,
        [("I", 0.6)],
    )
    assert as_lone_i(text_line("0"), PLACE.translate(60, 0), centred, 0.6) is None
    assert as_lone_i(text_line("0"), PLACE, flush, 0.6) is None
    assert as_lone_i(text_line("0"), PLACE.translate(200 - 620, 0), flush, 0.6) is not None
