"""Spaces come from the model and, in doubt, from the gap, never inside Chinese; unsure marks fit, and l alone is I."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.text.spaces import space_out, tidy
from yivideo_ray.types import CharReading

SETTING = 0.01
NARROW, WIDE = 0.1, 0.45


def chars(text: str, seen: float = 0.4, inside: float = 0.001, confidence: float = 0.99) -> list[CharReading]:
    """The characters of text as a model gives them that sees its spaces with probability `seen`; gaps are unknown."""
    found: list[CharReading] = []
    space = 0.0
    for char in text:
        if char == " ":
            space = seen
            continue
        found.append(CharReading(char, confidence, 0, 1, space if found else 0.0))
        space = inside
    return found


def spaced(text: str, seen: float = 0.4) -> str:
    return space_out("", chars(text, seen), SETTING)


def between(left: str, right: str, probability: float, gap: float | None) -> str:
    """What is made of left and right with such a probability and gap between them."""
    first, *others = chars(right)
    return space_out("", [*chars(left), CharReading(first.text, 0.99, 0, 1, probability, gap), *others], SETTING)


@pytest.mark.parametrize(
    "text",
    [
        "Mr. O'Brien left at 9:45 p.m.",
        "It cost $1,250 (about)",
        "¿Qué hora es?",
        "Ça va ?",
        "1 200 € !",
        "- Да? - Нет.",
        "我看见 Anna 了",
        "- 你好。",
        "오늘 날씨",
    ],
)
def test_spaces_that_the_model_saw_are_there_and_no_others(text: str) -> None:
    assert spaced(text) == text


def test_what_the_model_gives_inside_a_word_is_no_space() -> None:
    assert space_out("", chars("inside", inside=0.003), SETTING) == "inside"


@pytest.mark.parametrize("probability", [0.006, 0.02])
def test_a_doubtful_probability_is_a_space_where_the_gap_is_wide(probability: float) -> None:
    assert between("two", "words", probability, WIDE) == "two words"


@pytest.mark.parametrize("probability", [0.006, 0.02])
def test_a_doubtful_probability_is_no_space_where_the_gap_is_narrow(probability: float) -> None:
    assert between("one", "word", probability, NARROW) == "oneword"


@pytest.mark.parametrize(("probability", "text"), [(0.006, "twowords"), (0.02, "two words")])
def test_in_a_middling_gap_the_probability_decides(probability: float, text: str) -> None:
    assert between("two", "words", probability, 0.25) == text


@pytest.mark.parametrize(("probability", "text"), [(0.006, "twowords"), (0.02, "two words")])
def test_where_the_gap_is_unknown_the_probability_decides(probability: float, text: str) -> None:
    assert between("two", "words", probability, None) == text


def test_a_probability_beyond_doubt_needs_no_gap() -> None:
    assert between("two", "words", 0.05, 0.0) == "two words"


def test_a_wide_gap_alone_is_no_space() -> None:
    assert between("A", "V", 0.001, WIDE) == "AV"


def test_the_setting_moves_the_border() -> None:
    line = [*chars("a"), CharReading("b", 0.99, 0, 1, 0.03)]
    assert space_out("", line, 0.01) == "a b"
    assert space_out("", line, 0.05) == "ab"


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "`"])
def test_a_space_that_the_model_is_sure_of_needs_no_gap(apostrophe: str) -> None:
    assert between("of", f"{apostrophe}94", 0.95, -NARROW) == f"of {apostrophe}94"
    assert between("of", f"{apostrophe}94", 0.8, -NARROW) == f"of{apostrophe}94"


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "`"])
def test_a_faint_space_beside_an_apostrophe_is_none(apostrophe: str) -> None:
    assert between("O", f"{apostrophe}Brien", 0.3, None) == f"O{apostrophe}Brien"
    assert between("O", f"{apostrophe}Brien", 0.3, NARROW) == f"O{apostrophe}Brien"
    assert between(f"O{apostrophe}", "Brien", 0.3, NARROW) == f"O{apostrophe}Brien"
    assert between(f"O{apostrophe}", "Brien", 0.1, None) == f"O{apostrophe}Brien"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("l’ étiquette", "l’étiquette"),
        ("C’ est l’ heure", "C’est l’heure"),
        ("parce qu’ elle", "parce qu’elle"),
        ("dell’ arte", "dell’arte"),
    ],
)
def test_an_elided_word_is_never_followed_by_a_space(read: str, text: str) -> None:
    assert spaced(read, seen=0.9) == text


@pytest.mark.parametrize("text", ["dogs’ tails", "the boys’ room", "dogs' tails", "l’ 8"])
def test_other_apostrophes_keep_the_space_after_them(text: str) -> None:
    assert spaced(text, seen=0.9) == text


@pytest.mark.parametrize("dash", ["-", "–", "—"])
def test_a_dash_before_a_wide_gap_gets_the_space_that_the_model_missed(dash: str) -> None:
    assert between(dash, "你好", 0.001, WIDE) == f"{dash} 你好"
    assert between(dash, "Yes", 0.001, WIDE) == f"{dash} Yes"


@pytest.mark.parametrize("dash", ["-", "–", "—"])
def test_a_dash_before_a_narrow_gap_gets_none(dash: str) -> None:
    assert between(dash, "你好", 0.001, NARROW) == f"{dash}你好"
    assert between(dash, "Yes", 0.001, NARROW) == f"{dash}Yes"


def test_beside_a_full_width_character_the_gap_ends_at_its_cell_and_may_be_narrower() -> None:
    assert between("-", "Yes", 0.001, 0.3) == "-Yes"
    assert between("-", "你好", 0.001, 0.3) == "- 你好"
    assert between("-", "你好", 0.001, 0.2) == "-你好"


@pytest.mark.parametrize(("read", "text"), [("今天 天气 好。", "今天天气好。"), ("これは ペンです", "これはペンです")])
def test_chinese_and_japanese_have_no_spaces_inside(read: str, text: str) -> None:
    assert spaced(read, seen=1.0) == text
    assert space_out(read, (), SETTING) == text


@pytest.mark.parametrize(
    ("left", "right", "too_little", "enough"),
    [
        ("-", "Yes", 0.003, 0.006),
        ("go", "!", 0.03, 0.05),
        ("end", ".", 0.08, 0.12),
        ("(", "about", 0.2, 0.4),
        ("第3", "章", 0.08, 0.12),
    ],
)
def test_each_kind_of_place_has_a_border_of_its_own(left: str, right: str, too_little: float, enough: float) -> None:
    assert between(left, right, too_little, None) == left + right
    assert between(left, right, enough, None) == f"{left} {right}"


def test_two_bars_side_by_side_need_a_wide_gap_for_a_space() -> None:
    assert between("I", "l", 0.028, 0.24) == "Il"
    assert between("il", "le", 0.028, 0.4) == "il le"
    assert between("a", "b", 0.028, 0.24) == "a b"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("à I'Hôtel-Dieu", "à l'Hôtel-Dieu"),
        ("I’ami de tous", "l’ami de tous"),
        ("I'm sure I'd know", "I'm sure I'd know"),
        ("I've said so, I'll go", "I've said so, I'll go"),
    ],
)
def test_an_i_before_an_apostrophe_is_an_article_unless_an_english_verb_follows(read: str, text: str) -> None:
    assert spaced(read) == text


@pytest.mark.parametrize(
    ("read", "text"), [("Quel dommage ！", "Quel dommage !"), ("好！", "好！"), ("？！", "？！"), ("OK！好", "OK！好")]
)
def test_marks_in_a_line_of_latin_are_half_width(read: str, text: str) -> None:
    assert spaced(read) == text


def test_an_unsure_mark_after_chinese_is_full_width_and_a_sure_one_stays() -> None:
    assert space_out("", chars("怎么样?", confidence=0.7), SETTING) == "怎么样？"
    assert space_out("", chars("怎么样?"), SETTING) == "怎么样?"
    assert space_out("", chars("Really?", confidence=0.7), SETTING) == "Really?"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ("How much do l owe you?", "How much do I owe you?"),
        ("So do l.", "So do I."),
        ("-l think so", "-I think so"),
        ("l'm late", "I'm late"),
        ("and |’ll go", "and I’ll go"),
        ("“1'd know", "“I'd know"),
        ("l've seen it", "I've seen it"),
    ],
)
def test_a_word_that_can_only_be_i_is_that(read: str, text: str) -> None:
    assert spaced(read) == text


@pytest.mark.parametrize(
    "text", ["l'ami", "l’ho visto", "l'dea", "Il y a 5 l d'eau", "A-l", "a | b", "Take 1 now", "qu'l a"]
)
def test_a_litre_an_article_and_parts_of_words_stay(text: str) -> None:
    assert spaced(text) == text


def test_without_characters_the_text_is_tidied_only() -> None:
    assert space_out("  Hello   there , you ", (), SETTING) == "Hello there , you"


@pytest.mark.parametrize("text", ["and ...well", "Ça va ?", "« Oui ! »"])
def test_tidying_keeps_single_spaces_beside_marks(text: str) -> None:
    assert tidy(text) == text


@given(st.text(max_size=40))
def test_tidying_twice_is_tidying_once_and_loses_no_character(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert "".join(once.split()) == "".join(text.split())


SEEN = st.text("aZ9é한你の。？?!,.'’-–([¿", min_size=1, max_size=1)
SHARE = st.floats(0, 1)
LINES = st.lists(st.builds(CharReading, SEEN, SHARE, SHARE, SHARE, SHARE, st.none() | st.floats(-0.2, 2)), max_size=12)


@given(LINES)
def test_no_character_is_lost_or_moved(line: list[CharReading]) -> None:
    found = space_out("", line, SETTING)
    assert found == tidy(found)
    # A mark may have become full-width.
    read = "".join(char.text for char in line)
    assert unicodedata.normalize("NFKC", found.replace(" ", "")) == unicodedata.normalize("NFKC", read)
