"""What the ink of a line tells beyond its reading: gaps between glyphs, how many dots there are, and marks that
the model has no class for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.support.fonts import font_named
from yivideo_ray.geometry import Box
from yivideo_ray.pixels.ink import Ink, find_glyphs, find_ink
from yivideo_ray.stages.perform_ocr.glyphs.gaps import with_glyphs
from yivideo_ray.types import CharReading, Luma, Reading

SIZE_PX = 34
MARGIN_PX = 16
# Pillow's own font has no inverted marks.
FONTS = {name: font_named(name, SIZE_PX) for name in ("sans", "serif", "cjk_sans", "cjk_serif")}


def draw(text: str, *, font: str = "sans", fill: int = 235, edge: int = 16, ground: int = 120) -> Luma:
    image = Image.new("L", (round(FONTS[font].getlength(text)) + 2 * MARGIN_PX, 48), ground)
    ImageDraw.Draw(image).text(
        (MARGIN_PX, 36), text, font=FONTS[font], fill=fill, anchor="ls", stroke_width=2, stroke_fill=edge
    )
    return np.asarray(image)


def read(shown: str, missed: str = "", misread: dict[str, str] | None = None, font: str = "sans") -> Reading:
    """Returns how a model reads what is shown, without the characters of missed, each in the middle of its glyph."""
    width = draw(shown, font=font).shape[1]
    chars: list[CharReading] = []
    space = 0.0
    for index, char in enumerate(shown):
        x0, x1 = (MARGIN_PX + FONTS[font].getlength(shown[:end]) for end in (index, index + 1))
        if char == " ":
            space = 0.99
        elif char not in missed:
            middle = (x0 + x1) / 2 / width
            text = (misread or {}).get(char, char)
            chars.append(CharReading(text, 0.99, middle - 0.005, middle + 0.005, space if chars else 0.0))
            space = 0.0
    return Reading("".join(char.text for char in chars), 0.99, tuple(chars))


def middles(reading: Reading, image: Luma) -> NDArray[np.float64]:
    return np.array([(char.x0 + char.x1) / 2 * image.shape[1] for char in reading.chars])


def text_of(reading: Reading) -> str:
    return "".join(char.text for char in reading.chars)


@pytest.mark.parametrize("colours", [{}, {"ground": 200}, {"fill": 20, "edge": 230, "ground": 235}])
def test_there_is_a_glyph_for_each_letter(colours: dict[str, int]) -> None:
    line, reading = draw("Where did it go", font="sans", **colours), read("Where did it go")
    assert len(find_glyphs(find_ink(line), middles(reading, line))) == 12


def test_the_ink_in_which_characters_have_glyphs_of_their_own_is_taken() -> None:
    def ink(*columns: tuple[int, int]) -> Ink:
        return Ink(tuple(Box(x0, 10, x1, 40) for x0, x1 in columns), np.zeros(100, np.int64))

    with_a_mark = ink((2, 6), (10, 28), (30, 48), (50, 68))
    # As many as were read, but one holds two letters, and another none.
    run_together = ink((2, 6), (10, 48), (50, 68))
    glyphs = find_glyphs((run_together, with_a_mark), np.array([19.0, 39.0, 59.0]))
    assert [glyph.box.x0 for glyph in glyphs] == [2, 10, 30, 50]
    broken = ink((10, 18), (20, 28), (30, 38), (40, 48), (50, 68))
    glyphs = find_glyphs((broken, with_a_mark), np.array([19.0, 39.0, 59.0]))
    assert [glyph.box.x0 for glyph in glyphs] == [2, 10, 30, 50]


def test_gaps_between_words_are_wide_and_inside_words_narrow() -> None:
    found = with_glyphs(read("No more now"), draw("No more now"), "")
    gaps = {char.text: char.gap_before for char in found.chars}
    assert gaps["m"] is not None
    assert gaps["m"] > 0.3
    inside = [char.gap_before for char in found.chars if char.space_before == 0 and char.gap_before is not None]
    assert len(inside) >= 6
    assert max(inside) < 0.25


def first_gap(text: str, font: str, off_px: float = 0.0, ground: int = 120) -> float | None:
    """Returns the gap after the first character of what is shown, where the model sees all others off_px too far."""
    reading, image = read(text, font=font), draw(text, font=font, ground=ground)
    off = off_px / image.shape[1]
    moved = [
        replace(c, x0=c.x0 + off * (-1) ** k / 2 + off, x1=c.x1 + off * (-1) ** k / 2 + off)
        for k, c in enumerate(reading.chars)
    ]
    return with_glyphs(replace(reading, chars=tuple(moved)), image, "").chars[1].gap_before


# What these begin with is made of several pieces, leaves half of its cell blank, or is as thin as the dash.
@pytest.mark.parametrize("text", ["为了什么", "八月的信", "一共是1250元，含税。", "小声点！", "明天见"])
@pytest.mark.parametrize("font", ["cjk_sans", "cjk_serif"])
@pytest.mark.parametrize("off_px", [-3.0, 0.0, 3.0])
def test_the_gap_before_a_full_width_character_ends_at_its_cell(text: str, font: str, off_px: float) -> None:
    for ground in (20, 120, 200):
        narrow, wide = (first_gap(dash + text, font, off_px, ground) for dash in ("-", "- "))
        assert narrow is not None
        assert wide is not None
        assert narrow < 0.25
        assert wide > 0.25


@pytest.mark.parametrize("font", ["cjk_sans", "cjk_serif"])
@pytest.mark.parametrize("seen", ["…", "……", "………"])
def test_full_width_dots_are_counted(font: str, seen: str) -> None:
    for shown in ("原来是这样……", "原来是这样…"):
        whole = read(shown, font=font)
        chars = whole.chars[:5] + tuple(replace(whole.chars[5], text=dot) for dot in seen)
        found = with_glyphs(replace(whole, chars=chars), draw(shown, font=font), "")
        assert text_of(found) == shown


@pytest.mark.parametrize("font", ["sans", "serif"])
@pytest.mark.parametrize("shown", ["Well...", "Well....", "Well... I see"])
def test_dots_in_latin_text_are_counted(font: str, shown: str) -> None:
    whole = read(shown, font=font)
    for missing in ([5], [5, 6]):
        fewer = tuple(char for index, char in enumerate(whole.chars) if index not in missing)
        found = with_glyphs(replace(whole, chars=fewer), draw(shown, font=font), "")
        one = [char.text for char in fewer].count(".") == 1
        assert text_of(found) == (shown.replace("...", ".") if one else shown).replace(" ", "")


def test_dots_are_counted_though_the_letter_before_them_seems_to_be_the_first() -> None:
    whole, image = read("Well..."), draw("Well...")
    after = 0.26 * SIZE_PX / image.shape[1]
    late = replace(whole.chars[3], x0=whole.chars[3].x0 + after, x1=whole.chars[3].x1 + after)
    found = with_glyphs(replace(whole, chars=(*whole.chars[:3], late, *whole.chars[5:])), image, "")
    assert text_of(found) == "Well..."


@pytest.mark.parametrize("shown", ["What?...", "Oh!...", "I hi..."])
def test_the_dot_of_another_mark_is_not_counted(shown: str) -> None:
    whole = read(shown)
    found = with_glyphs(replace(whole, chars=whole.chars[:-1]), draw(shown), "")
    assert text_of(found) == shown.replace(" ", "")


@pytest.mark.parametrize("shown", ["Well.", "No. I. do", "a: b; i.e. it"])
def test_what_is_no_row_of_dots_stays(shown: str) -> None:
    assert text_of(with_glyphs(read(shown), draw(shown), "")) == shown.replace(" ", "")


def test_dots_that_the_ink_does_not_show_stay() -> None:
    misread = read("Well, yes", misread={",": "…"})
    assert text_of(with_glyphs(misread, draw("Well, yes"), "")) == "Well…yes"


def test_an_inverted_exclamation_mark_that_was_left_out_is_put_in() -> None:
    assert text_of(with_glyphs(read("¡Hola!", missed="¡"), draw("¡Hola!"), "Hola!")) == "¡Hola!"
    found = with_glyphs(read("Sí, ¡hola!", missed="¡"), draw("Sí, ¡hola!"), "Sí,hola!")
    assert text_of(found) == "Sí,¡hola!"
    assert [char.space_before > 0.5 for char in found.chars if char.text in "¡h"] == [True, False]


def test_one_that_was_read_as_an_i_is_put_right_and_a_brand_stays() -> None:
    assert text_of(with_glyphs(read("¡Hola!", misread={"¡": "i"}), draw("¡Hola!"), "iHola!")) == "¡Hola!"
    assert text_of(with_glyphs(read("iPhone!"), draw("iPhone!"), "iPhone!")) == "iPhone!"


def test_a_low_quotation_mark_that_was_left_out_is_put_in() -> None:
    assert text_of(with_glyphs(read("„Nein“", missed="„"), draw("„Nein“"), "Nein“")) == "„Nein“"


@pytest.mark.parametrize("shown", ["Hola!", "Ich bin, ja!", "- Is it in?!", "i.e. jib!"])
def test_nothing_is_put_in_where_nothing_is_missing(shown: str) -> None:
    assert text_of(with_glyphs(read(shown), draw(shown), shown + "“")) == shown.replace(" ", "")


def test_without_a_partner_nothing_is_put_in() -> None:
    assert text_of(with_glyphs(read("¡Hola", missed="¡"), draw("¡Hola"), "Hola")) == "Hola"


def test_a_picture_without_ink_leaves_the_reading_as_it_was() -> None:
    reading = read("Hola!")
    assert with_glyphs(reading, np.full((48, 200), 90, np.uint8), "Hola!") == reading
    assert with_glyphs(Reading("", 0.0), draw("Hola!"), "") == Reading("", 0.0)


def test_there_are_no_more_marks_than_partners() -> None:
    shown = "¡Ven ¡ya!"
    line, reading = draw(shown), read(shown, missed="¡")
    assert text_of(with_glyphs(reading, line, "Venya! Ya!")) == "¡Ven¡ya!"
    assert text_of(with_glyphs(reading, line, "Venya!")) == "¡Venya!"
