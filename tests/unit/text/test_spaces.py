"""Spaces come from what model and gaps say together, never inside Chinese but for wide ones; unsure marks fit, and l
alone is I."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.text.spaces import space_out, tidy
from yivideo_ray.types import CharReading

SETTING = 0.5
NARROW, WIDE = 0.15, 0.45


def chars(
    text: str,
    seen: float = 0.9,
    inside: float = 1e-5,
    confidence: float = 0.99,
    gaps: tuple[float, float] | None = None,
) -> list[CharReading]:
    """The characters of text as a model gives them that sees its spaces with probability `seen`; gaps are those inside
    words and between them, None: unknown."""
    found: list[CharReading] = []
    space = False
    for char in text:
        if char == " ":
            space = True
            continue
        gap = gaps[space] if gaps and found else None
        found.append(CharReading(char, confidence, 0, 1, (seen if space else inside) if found else 0.0, gap))
        space = False
    return found


def spaced(text: str, seen: float = 0.9) -> str:
    return space_out("", chars(text, seen), SETTING)


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
@pytest.mark.parametrize("gaps", [None, (NARROW, WIDE)])
def test_spaces_that_the_model_saw_are_there_and_no_others(text: str, gaps: tuple[float, float] | None) -> None:
    assert space_out("", chars(text, gaps=gaps), SETTING) == text


@pytest.mark.parametrize("text", ["It is still full of little tiles.", "I will if I can.", "Is this it? It is, Bill."])
def test_spaces_that_the_model_lost_are_told_by_the_gaps(text: str) -> None:
    assert space_out("", chars(text, seen=5e-4, gaps=(NARROW, WIDE)), SETTING) == text


def test_a_gap_is_wide_beside_the_others_of_its_line() -> None:
    text = "it is still full of it"
    assert space_out("", chars(text, seen=5e-4, gaps=(0.05, 0.35)), SETTING) == text
    assert space_out("", chars(text, seen=5e-4, gaps=(0.35, 0.35)), SETTING) == "itisstillfullofit"


def test_thin_letters_that_the_model_parts_are_joined_where_their_gaps_are_like_the_others() -> None:
    line = chars("all of it still", gaps=(NARROW, WIDE))
    line[1] = CharReading("l", 0.99, 0, 1, 0.05, NARROW)
    assert space_out("", line, SETTING) == "all of it still"


@pytest.mark.parametrize(
    "text", ['"Well," he said.', 'spell "rhythm"?', 'He said, "Go on." Then he left.', '...and "so" on.']
)
@pytest.mark.parametrize("seen", [0.9, 0.02])
def test_a_straight_quote_keeps_to_what_it_opens_or_closes(text: str, seen: float) -> None:
    assert space_out("", chars(text, seen=seen, inside=1e-3, gaps=(NARROW, WIDE)), SETTING) == text


def test_where_no_gap_is_known_the_model_decides() -> None:
    assert spaced("two words") == "two words"
    assert spaced("two words", seen=3e-5) == "twowords"


def test_the_setting_says_how_probable_a_space_must_be() -> None:
    line = chars("a word or two", gaps=(NARROW, WIDE))
    assert space_out("", line, 1e-9) == "a w o r d o r t w o"
    assert space_out("", line, 1.0) == "awordortwo"


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "`"])
def test_a_faint_space_beside_an_apostrophe_is_none(apostrophe: str) -> None:
    text = f"Mr O{apostrophe}Brien left us"
    line = chars(text, gaps=(NARROW, WIDE))
    for at, char in enumerate(line):
        if char.text == apostrophe or line[at - 1].text == apostrophe:
            line[at] = CharReading(char.text, 0.99, 0, 1, 0.02, NARROW)
    assert space_out("", line, SETTING) == text


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
    for text in (f"{dash} Yes, it is so.", f"{dash} 你好吗"):
        assert space_out("", chars(text, seen=0.005, gaps=(NARROW, WIDE)), SETTING) == text
        closed = text.replace(f"{dash} ", dash)
        assert space_out("", chars(closed, gaps=(NARROW, WIDE)), SETTING) == closed


@pytest.mark.parametrize(("read", "text"), [("今天 天气 好。", "今天天气好。"), ("これは ペンです", "これはペンです")])
def test_chinese_and_japanese_have_no_spaces_inside(read: str, text: str) -> None:
    assert spaced(read, seen=1.0) == text
    assert space_out(read, (), SETTING) == text


def test_a_wide_gap_between_phrases_of_chinese_is_a_wide_space_and_one_at_a_dash_is_not() -> None:
    line = chars("你先回去吧我等一下就到", gaps=(0.0, 0.0))
    line[5] = CharReading("我", 0.99, 0, 1, 0.0005, 1.3)
    assert space_out("", line, SETTING) == "你先回去吧\u3000我等一下就到"
    line[5] = CharReading("我", 0.99, 0, 1, 0.0005, 0.3)
    assert space_out("", line, SETTING) == "你先回去吧我等一下就到"


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


@pytest.mark.parametrize("text", ["and ...well", "Ça va ?", "« Oui ! »", "好吧\u3000走"])
def test_tidying_keeps_single_spaces_beside_marks_and_wide_ones_between_full_width_characters(text: str) -> None:
    assert tidy(text) == text


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("a\u3000b", "a b"),
        ("好\u3000\u3000吧", "好\u3000吧"),
        ("好 \u3000吧", "好\u3000吧"),
        ("\u3000好", "好"),
        ("好\u3000A", "好 A"),
    ],
)
def test_wide_spaces_are_single_and_only_where_both_sides_are_full_width(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


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
    assert unicodedata.normalize("NFKC", "".join(found.split())) == unicodedata.normalize("NFKC", read)
