"""What lines of one text say together of the script that they are in."""

from __future__ import annotations

import math

import pytest

from yivideo_ray.text.line_classes import LINE_CLASSES, UNREADABLE, is_unreadable, reads, unreadable_class


def scores(**shares: float) -> tuple[float, ...]:
    """Returns scores with these probabilities, and what is left over spread evenly."""
    rest = (1 - sum(shares.values())) / (len(LINE_CLASSES) - len(shares))
    return tuple(math.log(shares.get(name, rest)) for name in LINE_CLASSES)


def test_a_line_is_unreadable_where_that_is_more_likely_than_not() -> None:
    assert is_unreadable(scores(hangul=0.6))
    assert not is_unreadable(scores(hangul=0.3, latin=0.6))
    assert not is_unreadable(())


def test_a_single_line_must_be_far_surer_than_many() -> None:
    line = scores(thai=0.9, latin=0.06)
    assert unreadable_class([line], [8.0]) is None
    assert unreadable_class([line] * 6, [8.0] * 6) == "thai"
    assert unreadable_class([scores(thai=0.995)], [8.0]) == "thai"


def test_a_long_line_counts_for_more_than_a_short_one() -> None:
    thai, latin = scores(thai=0.995), scores(latin=0.995)
    assert unreadable_class([thai, latin], [20.0, 1.0]) == "thai"
    assert unreadable_class([thai, latin], [1.0, 20.0]) is None


def test_lines_of_which_nothing_is_known_are_taken_as_readable() -> None:
    assert unreadable_class([], []) is None


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("hangul", "가다"),
        ("cyrillic", "да"),
        ("greek", "πού"),
        ("greek", "τους"),
        ("vietnamese", "một"),
        ("thai", "ไป"),
    ],
)
def test_a_model_that_reads_its_letters_knows_a_script(script: str, text: str) -> None:
    assert script in UNREADABLE
    assert reads(script, text)


@pytest.mark.parametrize(
    ("script", "text"), [("hangul", "LEOI?"), ("greek", "αηηειη"), ("vietnamese", "chi hát đư ơng rồi"), ("arabic", "")]
)
def test_what_a_model_without_them_reads_shows_no_such_knowledge(script: str, text: str) -> None:
    assert not reads(script, text)
