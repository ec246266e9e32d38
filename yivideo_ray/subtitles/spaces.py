"""Spaces and the width of marks in recognised lines: between words of scripts that have spaces, never inside Chinese.

PP-OCR's best path drops many spaces between Latin words, yet the probability of a space at a word gap stays far above
that inside a word (measured: 0.02 to 0.8 against less than 0.006), so that a low threshold finds them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from yivideo_ray.types import CharReading

__all__ = ["is_unspaced", "space_out", "tidy"]

# Beside a character of an unspaced script the model's doubt is larger: after "- " before Chinese it gave 0.15 to 0.9.
_MIXED_THRESHOLD = 0.1
# Closing marks that follow a word without a space, whatever the model saw between.
_CLOSING = frozenset(",.;:!?%)]}…")
_OPENING = frozenset("([{¿¡")
_FULL_WIDTH = {"?": "？", "!": "！", ",": "，", ":": "：", ";": "；"}
# Full- and half-width marks look alike to the model; below this confidence the script beside it decides.
_SURE_OF_MARK = 0.9


def is_unspaced(char: str) -> bool:
    """Returns whether the character belongs to a script, or to its punctuation, that is written without spaces."""
    if "\uac00" <= char <= "\ud7a3":  # Korean is wide, and has spaces.
        return False
    return unicodedata.east_asian_width(char) in "WF"


def space_out(text: str, chars: Sequence[CharReading], threshold: float) -> str:
    """Returns the line with a space wherever the model gave one at least `threshold` between spaced characters.

    A mark that the model was unsure of takes the width of the script before it. text is used as it is where the
    characters are unknown.
    """
    if not chars:
        return tidy(text)
    pieces = [chars[0].text]
    for previous, char in pairwise(chars):
        unspaced = is_unspaced(previous.text) + is_unspaced(char.text)
        if char.space_before >= (threshold, _MIXED_THRESHOLD, float("inf"))[unspaced]:
            pieces.append(" ")
        unsure = char.confidence < _SURE_OF_MARK and is_unspaced(previous.text)
        pieces.append(_FULL_WIDTH.get(char.text, char.text) if unsure else char.text)
    return tidy("".join(pieces))


def tidy(text: str) -> str:
    """Returns the text with single spaces, none between unspaced characters, and none before closing marks."""
    kept: list[str] = []
    words = " ".join(text.split())
    for index, char in enumerate(words):
        if char == " ":
            before, after = words[index - 1], words[index + 1]
            # An ellipsis may begin a word: "and ...well".
            closes = after in _CLOSING and not words.startswith("...", index + 1)
            if (is_unspaced(before) and is_unspaced(after)) or closes or before in _OPENING:
                continue
        kept.append(char)
    return "".join(kept)
