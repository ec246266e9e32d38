"""Fitting where spaces are: what is known of drawn lines, what is learnt from it, and what is never seen."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpus.sentences import LANGUAGES as CORPUS_LANGUAGES
from benchmarks.corpus.sentences import load_sentences
from tests.support.fonts import FONTS
from training.drawn_lines import DrawnLine, family_of, load, save
from training.phrases import LANGUAGES, phrase
from training.spaces import collect, cross_validate, fit, with_variants


def line(drawn: str, read: str = "", *, font: str = "sans", gaps: tuple[float, float] = (0.1, 0.5)) -> DrawnLine:
    """Returns a line whose gaps are as they are inside words and between them, with no space seen by the model."""
    read = read or drawn
    chars: list[tuple[str, float, float | None]] = []
    space = False
    for char in read:
        if char == " ":
            space = True
            continue
        chars.append((char, 0.0, gaps[space] if chars else None))
        space = False
    return DrawnLine(font, "pillow", "en", drawn, 0.06, tuple(chars))


def test_spaces_of_a_line_are_known_where_both_characters_beside_them_were_read() -> None:
    assert line("a bc d").spaces() == [True, False, True]
    assert line("a bc d", "axc d").spaces() == [None, None, True]
    assert line("till we", "tiII we").spaces() == [False, False, False, True, False], "look-alikes are read"
    assert line("a bc", "a bbc").spaces() == [True, None, None]


def test_whether_a_space_follows_a_full_width_apostrophe_is_not_asked() -> None:
    assert line("l’eau", font="cjk_sans").spaces() == [False, None, False, False]
    assert line("l’eau", font="serif").spaces() == [False, False, False, False]


def test_lines_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    lines = [line("a bc d"), line("你 A", font="cjk_sans")]
    save(lines, tmp_path / "lines.jsonl.gz")
    assert load(tmp_path / "lines.jsonl.gz") == lines


@pytest.mark.parametrize(
    ("fonts", "same"),
    [
        (("sans", "sans_bold", "sans_italic"), True),
        (("garamond", "garamond_italic"), True),
        (("cjk_sans", "cjk_mono"), True),
        (("cjk_sans", "cjk_serif"), False),
        (("noto_sans", "noto_serif"), False),
    ],
)
def test_faces_of_a_family_are_left_out_together(fonts: tuple[str, ...], same: bool) -> None:
    assert (len({family_of(font) for font in fonts}) == 1) == same


def test_no_phrase_is_a_sentence_of_the_corpus_and_all_spaces_are_single() -> None:
    rng = random.Random(1)
    known = {
        text for name in (*CORPUS_LANGUAGES, "en_thin", "zh_en_thin") for row in load_sentences(name) for text in row
    }
    for language in LANGUAGES:
        phrases = {phrase(rng, language) for _ in range(300)}
        assert len(phrases) > 150
        # Anybody says "Yes."
        assert not {text for text in phrases if len(text) > 12} & known
        assert all(text == " ".join(text.split()) for text in phrases)


def test_weights_tell_what_made_the_spaces() -> None:
    rng = np.random.default_rng(1)
    features = np.column_stack([np.ones(4000), rng.normal(size=4000), rng.normal(size=4000), np.zeros(4000)])
    spaces = rng.random(4000) < 1 / (1 + np.exp(-(features @ np.array([-1.0, 3.0, 0.0, 0.0]))))
    assert fit(features, spaces) == pytest.approx([-1.0, 3.0, 0.0, 0.0], abs=0.25)


def test_some_lines_are_fitted_once_more_as_a_single_word_and_without_gaps() -> None:
    lines = [line("it is of a fit") for _ in range(12)]
    others = with_variants(lines)[12:]
    assert {one.text for one in others} == {"it", "it is of a fit"}
    assert {len(one.chars) for one in others if one.text == "it"} == {2}
    gapless = [one for one in others if all(gap is None for _, _, gap in one.chars)]
    assert len(gapless) == 4
    assert all(one.spaces() == line(one.text).spaces() for one in others)


def test_a_font_is_decided_by_the_lines_of_others() -> None:
    """Where one font's gaps mean the opposite of all others', weights that saw it would be right, others are wrong."""
    fonts = [font for font in FONTS if family_of(font) != family_of("serif")][:6]
    usual = [line("it is of a fit", font=font) for font in fonts for _ in range(3)]
    odd = [line("it is of a fit", font="serif", gaps=(0.5, 0.1)) for _ in range(3)]
    found = collect([*usual, *odd])
    likely = cross_validate(found, [family_of(one.font) for one in (*usual, *odd)])
    wrong = (likely > 0.5) != found.spaces
    of_odd = found.lines >= len(usual)
    assert not wrong[~of_odd].any()
    assert wrong[of_odd & found.spaces].all()
