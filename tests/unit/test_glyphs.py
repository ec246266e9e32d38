"""What the ink of a line tells beyond its reading: gaps between glyphs, and marks that the model has no class for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.corpus_text import _font
from yivideo_ray.subtitles.glyphs import find_glyphs, with_glyphs
from yivideo_ray.types import CharReading, Luma, Reading

SIZE_PX = 34
MARGIN_PX = 16
# Pillow's own font has no inverted marks.
FONT = _font("sans", SIZE_PX)


def draw(text: str, *, fill: int = 235, edge: int = 16, ground: int = 120) -> Luma:
    image = Image.new("L", (round(FONT.getlength(text)) + 2 * MARGIN_PX, 48), ground)
    ImageDraw.Draw(image).text(
        (MARGIN_PX, 36), text, font=FONT, fill=fill, anchor="ls", stroke_width=2, stroke_fill=edge
    )
    return np.asarray(image)


def read(shown: str, missed: str = "", misread: dict[str, str] | None = None) -> Reading:
    """Returns how a model reads what is shown, without the characters of missed, each in the middle of its glyph."""
    width = draw(shown).shape[1]
    chars: list[CharReading] = []
    space = 0.0
    for index, char in enumerate(shown):
        x0, x1 = (MARGIN_PX + FONT.getlength(shown[:end]) for end in (index, index + 1))
        if char == " ":
            space = 0.99
        elif char not in missed:
            middle = (x0 + x1) / 2 / width
            text = (misread or {}).get(char, char)
            chars.append(CharReading(text, 0.99, middle - 0.005, middle + 0.005, space if chars else 0.0))
            space = 0.0
    return Reading("".join(char.text for char in chars), 0.99, tuple(chars))


def text_of(reading: Reading) -> str:
    return "".join(char.text for char in reading.chars)


@pytest.mark.parametrize("colours", [{}, {"ground": 200}, {"fill": 20, "edge": 230, "ground": 235}])
def test_there_is_a_glyph_for_each_letter(colours: dict[str, int]) -> None:
    assert len(find_glyphs(draw("Where did it go", **colours), 12)) == 12


def test_gaps_between_words_are_wide_and_inside_words_narrow() -> None:
    found = with_glyphs(read("No more now"), draw("No more now"), "")
    gaps = {char.text: char.gap_before for char in found.chars}
    assert gaps["m"] is not None
    assert gaps["m"] > 0.3
    inside = [char.gap_before for char in found.chars if char.space_before == 0 and char.gap_before is not None]
    assert len(inside) >= 6
    assert max(inside) < 0.25


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
