"""The corpus's texts: all of them can be drawn, and lines break where a typesetter would break them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus.cases import ALL_CASES, CaseSpec, TextStyle
from benchmarks.corpus.sentences import LANGUAGES, Texts, is_cjk, load_sentences
from benchmarks.corpus.text import NEVER_FIRST, NEVER_LAST, measure, wrap_lines
from tests.support.fonts import font_named

SENTENCES = [row[0] for name in LANGUAGES if name != "zh_en" for row in load_sentences(name)]


def _missing(text: str, font_name: str) -> set[str]:
    font = font_named(font_name, 40)
    nothing = bytes(font.getmask("\U0010fffe"))
    return {c for c in set(text) - {" "} if bytes(font.getmask(c)) == nothing}


@pytest.mark.parametrize("spec", ALL_CASES, ids=lambda spec: spec.name)
def test_every_character_of_a_case_has_a_glyph_in_its_font(spec: CaseSpec) -> None:
    words = load_sentences("en_words") if spec.rhythm == "short_words" else ()
    for text in (text for entry in (*load_sentences(spec.texts or spec.language), *words) for text in entry):
        style = spec.style if is_cjk(text) else spec.latin_style
        assert not _missing(text, style.font), (text, style.font)
    for graphic in spec.graphics:
        assert not _missing("".join(graphic.lines) + "•0123456789", graphic.style.font)


def test_a_character_without_a_glyph_is_noticed() -> None:
    assert _missing("Où 鍵", "sans") == {"鍵"}


@pytest.mark.parametrize("spec", ALL_CASES, ids=lambda spec: spec.name)
def test_every_sentence_of_a_case_fits_into_its_frame_on_two_lines(spec: CaseSpec) -> None:
    for entry in load_sentences(spec.texts or spec.language):
        wrapped = wrap_lines(entry[0], spec.style, (spec.width, spec.height), False) if len(entry) == 1 else entry
        for line in wrapped:
            style = spec.style if is_cjk(line) else spec.latin_style
            assert measure(line, style, spec.height) <= 0.92 * spec.width, line


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_enough_sentences_and_none_twice(language: str) -> None:
    entries = load_sentences(language)
    assert len(entries) == len(set(entries)) >= 60
    assert {len(entry) for entry in entries} == {2 if language == "zh_en" else 1}
    for text in (text for entry in entries for text in entry):
        assert text == " ".join(text.split()), "spaces are single and ordinary"


@pytest.mark.parametrize(("name", "ordinary"), [("en_thin", "en"), ("zh_en_thin", "zh_en")])
def test_thin_texts_hold_more_thin_letters_and_shorter_words_than_ordinary_ones(name: str, ordinary: str) -> None:
    def thin_share_and_word_length(entries: tuple[tuple[str, ...], ...]) -> tuple[float, float]:
        letters = [c for entry in entries for c in entry[-1] if c.isalpha()]
        words = [word for entry in entries for word in entry[-1].split()]
        return sum(c in "iljftrIJ" for c in letters) / len(letters), len(letters) / len(words)

    entries = load_sentences(name)
    assert len(entries) == len(set(entries)) >= 30
    assert {len(entry) for entry in entries} == {len(load_sentences(ordinary)[0])}
    thin, usual = (thin_share_and_word_length(load_sentences(file)) for file in (name, ordinary))
    assert thin[0] > 1.5 * usual[0]
    assert thin[1] < 0.8 * usual[1]


def test_no_language_means_no_sentences() -> None:
    assert load_sentences("none") == ()


@given(st.randoms(use_true_random=False), st.integers(2, 4))
def test_no_text_follows_itself_even_where_there_are_few(rng: random.Random, count: int) -> None:
    texts = Texts(rng, tuple((str(n),) for n in range(count)), lambda text, _: (text,), dialogues=0.0)
    said = [next(texts) for _ in range(20)]
    assert all(a != b for a, b in pairwise(said))


@given(st.sampled_from(SENTENCES), st.booleans())
@settings(deadline=None)
def test_wrapping_loses_no_character(text: str, prefer_two: bool) -> None:
    wrapped = wrap_lines(text, TextStyle("cjk_sans", 0.06), (854, 480), prefer_two)
    assert "".join(wrapped).replace(" ", "") == text.replace(" ", "")
    assert all(line == line.strip() and line for line in wrapped)


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_chinese_and_japanese_never_break_before_a_closing_or_after_an_opening_mark(language: str) -> None:
    broken = 0
    for (text,) in load_sentences(language):
        for width in (300, 500):
            wrapped = wrap_lines(text, TextStyle("cjk_sans", 0.06), (width, 480), True)
            broken += len(wrapped) > 1
            assert not {line[0] for line in wrapped[1:]} & NEVER_FIRST, wrapped
            assert not {line[-1] for line in wrapped[:-1]} & NEVER_LAST, wrapped
    assert broken > 60


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("Le train pour Genève part à 9 h 45.", ("Le train pour Genève", "part à 9 h 45.")),
        ("Le prix est de 1 200 € net.", ("Le prix est de", "1 200 € net.")),
        ("Elle a dit : « Oui ! »", ("Elle a dit :", "« Oui ! »")),
        ("大丈夫、きっとうまくいくよ。", ("大丈夫、", "きっとうまくいくよ。")),
        ("先週の試合は3対2で勝ちました。", ("先週の試合は", "3対2で勝ちました。")),
    ],
)
def test_lines_break_where_a_typesetter_would_break_them(text: str, wrapped: tuple[str, ...]) -> None:
    assert wrap_lines(text, TextStyle("cjk_sans", 0.06), (600, 480), True) == wrapped
