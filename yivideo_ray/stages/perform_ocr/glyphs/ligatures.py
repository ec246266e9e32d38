"""The French letter œ, where a model read two: it is one glyph, and o and e are two. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from yivideo_ray.pixels.ink import Glyph
from yivideo_ray.types import CharReading

__all__ = ["with_ligatures"]

# French has no oeu and no oeil but with œ; other languages have such letters, as two glyphs. Œ looks like C and E.
_READ_AS_TWO = re.compile(r"(?:[oœ]e|[OŒ][eE]|CE)(?=[uU]|[iI][lL])")


def with_ligatures(chars: Sequence[CharReading], glyphs: Sequence[Glyph], width: int) -> tuple[CharReading, ...]:
    """Returns the characters with œ in place of two, where one glyph holds both and no other character. width is the
    line image's, in pixels."""
    text = "".join(char.text for char in chars)
    if len(text) != len(chars):
        return tuple(chars)
    middles = [(char.x0 + char.x1) / 2 * width for char in chars]
    joined = list(chars)
    for match in reversed(list(_READ_AS_TWO.finditer(text))):
        first, second = match.start(), match.start() + 1
        holder = next((glyph for glyph in glyphs if glyph.box.x0 <= middles[first] < glyph.box.x1), None)
        if holder is None or {
            index for index, middle in enumerate(middles) if holder.box.x0 <= middle < holder.box.x1
        } != {first, second}:
            continue
        o, e = chars[first], chars[second]
        letter = "œ" if o.text.islower() else "Œ"
        ligature = replace(o, text=letter, confidence=min(o.confidence, e.confidence), x1=e.x1)
        joined[first : second + 1] = [ligature]
    return tuple(joined)
