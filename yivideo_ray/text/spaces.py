"""Spaces, the width of marks and the word I in lines.

Whether a space stands between two characters is word_gaps' to judge, from what the model saw and from the gaps between
the glyphs; what a language says against it, and all else that makes characters a line, is here. A gap between phrases
of Chinese or Japanese is kept as the space of those scripts, which is as wide as a character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from yivideo_ray.text.scripts import is_unspaced
from yivideo_ray.text.word_gaps import space_probabilities
from yivideo_ray.types import CharReading

__all__ = ["WIDE_SPACE", "space_out", "tidy"]

WIDE_SPACE = "\u3000"
# A gap of half a character between two full-width ones is no typesetter's accident; in shares of the capitals' height,
# of which a full-width character is wide 1.37.
_HALF_A_CHARACTER = 0.68
# French and Italian words that lose a vowel before another: what follows the apostrophe belongs to them. CJK fonts set
# the typographic one in a full-width cell, which model and gap take for a space.
_ELISION = re.compile(
    r"(?:^|[^\w’'])(?:[cdjlmnstv]|qu|jusqu|lorsqu|puisqu|quelqu|quoiqu|presqu|(?:de|da|ne|su|a)ll|un)$", re.IGNORECASE
)
_WHITE_SPACE = re.compile(r"\s+")
_FULL_WIDTH = {"?": "？", "!": "！", ",": "，", ":": "：", ";": "；"}
_HALF_WIDTH = str.maketrans({wide: narrow for narrow, wide in _FULL_WIDTH.items()})
# In most typefaces the word I looks like an l. No word is an l alone: that is a litre after a number, or an article
# before an apostrophe, unless what follows that is the rest of an English verb.
_WORD_I = re.compile(
    r"""(?<![^\s"“«(\-–—])(?<!\w[-–—])(?:(?<!\d\s)l(?=\s(?!['’])|[,.!?…]|$)|[l1|](?=['’](?:m|ll|ve|d)(?!\w)))"""
)
# Nor is an I before an apostrophe what it seems, unless an English verb follows: it is the article of "l'Hôtel".
_ARTICLE = re.compile(r"(?<!\w)I(?=['’](?!(?:m|ll|ve|d|s)(?!\w))[^\W\d_])")
_BARS = frozenset("Il1|")
# Full- and half-width marks look alike to the model; below this confidence the script beside it decides.
_SURE_OF_MARK = 0.9


def space_out(text: str, chars: Sequence[CharReading], threshold: float) -> str:
    """Returns the line with a space wherever one is at least as probable as threshold (word_gaps).

    A mark that the model was unsure of takes the width of the script before it, and any mark that of Latin where the
    line has no other letters. A word that can only be I, or only l, is that. text is used as it is if the characters
    are unknown.
    """
    if not chars:
        return tidy(text)
    line = chars[0].text
    for (previous, char), probability in zip(pairwise(chars), space_probabilities(chars), strict=True):
        if _is_phrase_gap(previous, char):
            line += WIDE_SPACE
        elif probability >= threshold and not _is_elided(previous, char, line):
            line += " "
        unsure = char.confidence < _SURE_OF_MARK and is_unspaced(previous.text)
        line += _FULL_WIDTH.get(char.text, char.text) if unsure else char.text
    letters = [char for char in line if char.isalnum()]
    if letters and not any(is_unspaced(char) for char in letters):
        line = line.translate(_HALF_WIDTH)
    return _ARTICLE.sub("l", _WORD_I.sub("I", tidy(line)))


def _is_elided(previous: CharReading, char: CharReading, line: str) -> bool:
    return previous.text == "’" and char.text.isalpha() and _ELISION.search(line[:-1]) is not None


def _is_phrase_gap(previous: CharReading, char: CharReading) -> bool:
    unspaced = is_unspaced(previous.text) and is_unspaced(char.text)
    return unspaced and char.gap_before is not None and char.gap_before >= _HALF_A_CHARACTER


def tidy(text: str) -> str:
    """Returns the text with single spaces: between unspaced characters none but wide ones (U+3000), elsewhere none of
    those."""
    kept: list[str] = []
    words = _WHITE_SPACE.sub(lambda found: WIDE_SPACE if WIDE_SPACE in found[0] else " ", text.strip())
    for index, char in enumerate(words):
        if not char.isspace():
            kept.append(char)
        elif not (is_unspaced(words[index - 1]) and is_unspaced(words[index + 1])):
            kept.append(" ")
        elif char == WIDE_SPACE:
            kept.append(char)
    return "".join(kept)
