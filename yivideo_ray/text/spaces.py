"""Spaces, the width of marks and the word I in lines: from what the model saw and from the gaps between the glyphs.

PP-OCR's best path drops spaces between words, yet the probability of a space at a word gap stays far above that inside
a word; how far depends on the characters beside it. Over 5,500 drawn lines in four languages and 17 typefaces, letters
of one word had less than 0.001 in 999 of 1,000 places, and words 0.04 or more; before an apostrophe 0.3 was no space,
after a dash 0.01 was one (docs/decisions/027). Where the probability is near the border, the width of the gap decides:
0.1 of the capitals' height inside words, 0.45 between them, in the median.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from yivideo_ray.text.scripts import is_unspaced
from yivideo_ray.types import CharReading

__all__ = ["space_out", "tidy"]

_DASHES = frozenset("-–—")
_APOSTROPHES = frozenset("'’‘`")
_OPENING = frozenset("([{¿¡")
_POINTS = frozenset(".,")
# Thresholds, as multiples of the setting (0.01): what a space needs in its place to be one without looking at the gap.
_AFTER_DASH, _CLOSING, _AT_POINT, _AFTER_OPENING, _MIXED = 0.5, 4.0, 10.0, 30.0, 10.0
_BEFORE_APOSTROPHE, _AFTER_APOSTROPHE = 50.0, 15.0
# Between these multiples of the threshold the gap has a say; a dash may be followed by a space that the model missed.
_DOUBT_FROM, _DOUBT_TO = 0.4, 4.0
# So sure, the model is believed whatever the border: an italic f reaches over the apostrophe behind its space.
_SURE_OF_SPACE = 0.9
# Shares of the capitals' height. Beside a full-width character the gap ends at its cell: over 671 drawn lines in six
# typefaces its median was 0.08 to 0.18 after a dash alone, 0.38 to 1.05 after a dash and a space.
_WIDE_GAP, _NARROW_GAP, _WIDE_GAP_BESIDE_FULL_WIDTH = 0.33, 0.17, 0.25
# French and Italian words that lose a vowel before another: what follows the apostrophe belongs to them. CJK fonts set
# the typographic one in a full-width cell, which model and gap take for a space.
_ELISION = re.compile(
    r"(?:^|[^\w’'])(?:[cdjlmnstv]|qu|jusqu|lorsqu|puisqu|quelqu|quoiqu|presqu|(?:de|da|ne|su|a)ll|un)$", re.IGNORECASE
)
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
    """Returns the line with a space wherever model and gap together show one.

    threshold is the model's probability of a space that makes one between letters; places of other kinds have their
    own in proportion. A mark that the model was unsure of takes the width of the script before it, and any mark that of
    Latin where the line has no other letters. A word that can only be I, or only l, is that. text is used as it is if
    the characters are unknown.
    """
    if not chars:
        return tidy(text)
    line = chars[0].text
    for previous, char in pairwise(chars):
        if _is_space(previous, char, line, threshold):
            line += " "
        unsure = char.confidence < _SURE_OF_MARK and is_unspaced(previous.text)
        line += _FULL_WIDTH.get(char.text, char.text) if unsure else char.text
    letters = [char for char in line if char.isalnum()]
    if letters and not any(is_unspaced(char) for char in letters):
        line = line.translate(_HALF_WIDTH)
    return _ARTICLE.sub("l", _WORD_I.sub("I", tidy(line)))


def _is_space(previous: CharReading, char: CharReading, line: str, threshold: float) -> bool:
    unspaced = is_unspaced(previous.text) + is_unspaced(char.text)
    if unspaced == 2:
        return False
    if previous.text == "’" and char.text.isalpha() and _ELISION.search(line[:-1]):
        return False
    seen = char.space_before / (threshold * _factor(previous.text, char.text, unspaced))
    gap = char.gap_before
    if gap is None or seen >= _DOUBT_TO or char.space_before >= _SURE_OF_SPACE:
        return seen >= 1
    if seen >= 1:
        # Two bars side by side, as in "Il", keep more of a distance than other letters of one word.
        return gap >= (_WIDE_GAP if {previous.text, char.text} <= _BARS else _NARROW_GAP)
    may_be = seen >= _DOUBT_FROM or previous.text in _DASHES
    return may_be and gap >= (_WIDE_GAP_BESIDE_FULL_WIDTH if unspaced else _WIDE_GAP)


def _factor(previous: str, char: str, unspaced: int) -> float:
    """Returns how many times more probable than between letters a space has to be here."""
    # The first that holds. Beside a character of an unspaced script the model's doubt is larger.
    factors = (
        (char in _APOSTROPHES, _BEFORE_APOSTROPHE),
        (previous in _APOSTROPHES, _AFTER_APOSTROPHE),
        (unspaced > 0, _MIXED),
        (previous in _DASHES, _AFTER_DASH),
        (previous in _OPENING, _AFTER_OPENING),
        (char in _POINTS, _AT_POINT),
        (char.isalnum() and previous.isalnum(), 1.0),
    )
    return next((factor for holds, factor in factors if holds), _CLOSING)


def tidy(text: str) -> str:
    """Returns the text with single spaces, and none between unspaced characters."""
    kept: list[str] = []
    words = " ".join(text.split())
    for index, char in enumerate(words):
        if char == " " and is_unspaced(words[index - 1]) and is_unspaced(words[index + 1]):
            continue
        kept.append(char)
    return "".join(kept)
