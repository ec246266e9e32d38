"""œ takes the place of two letters where one glyph shows both, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from yivideo_ray.geometry import Box
from yivideo_ray.pixels.ink import Glyph
from yivideo_ray.stages.perform_ocr.glyphs.marks import with_ligatures
from yivideo_ray.types import CharReading

WIDTH = 1000


def read(text: str) -> tuple[CharReading, ...]:
    """Each character takes 20 pixels."""
    return tuple(
        CharReading(char, 0.9 - index / 100, 20 * index / WIDTH, (20 * index + 20) / WIDTH, 0.0)
        for index, char in enumerate(text)
    )


def glyphs(*lengths: int) -> list[Glyph]:
    """Glyphs side by side, each as wide as so many characters."""
    boxes = []
    x = 0
    for length in lengths:
        boxes.append(Box(x + 1, 0, x + 20 * length - 1, 30))
        x += 20 * length
    return [Glyph(box, (box,)) for box in boxes]


@pytest.mark.parametrize(
    ("text", "lengths", "mended"),
    [
        ("coeur", (1, 2, 1, 1), "cœur"),
        ("coeur", (1, 1, 1, 1, 1), "coeur"),
        ("coeur", (3, 1, 1), "coeur"),
        ("cœeur", (1, 2, 1, 1), "cœur"),
        ("oeil", (2, 1, 1), "œil"),
        ("CEuvre", (2, 1, 1, 1, 1), "Œuvre"),
        ("SOEUR", (1, 2, 1, 1), "SŒUR"),
        ("does", (1, 2, 1), "does"),
        ("oeuvre", (), "oeuvre"),
        ("soeurs, noeuds", (1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1), "sœurs, nœuds"),
    ],
)
def test_oe_is_one_letter_where_it_is_one_glyph(text: str, lengths: Sequence[int], mended: str) -> None:
    chars = with_ligatures(read(text), glyphs(*lengths), WIDTH)
    assert "".join(char.text for char in chars) == mended


def test_the_letter_stands_where_both_stood_and_is_as_sure_as_the_less_sure_one() -> None:
    (_, letter, *_) = with_ligatures(read("coeur"), glyphs(1, 2, 1, 1), WIDTH)
    assert (letter.x0, letter.x1) == (0.02, 0.06)
    assert letter.confidence == pytest.approx(0.88)
