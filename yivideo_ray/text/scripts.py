"""Which script characters, lines and videos are in, and whether a script has spaces: the one answer for all. Pure.

The first word of a character's Unicode name tells its script. Beside Unicode's property Script it differs in 676 of
129,230 letters that NFKC leaves as they are, none of which subtitles hold but one: the long mark of kana, which belongs
to no script there (docs/decisions/080). A table of that property is thus not worth a dependency.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache

__all__ = ["Script", "holds_japanese", "is_katakana", "is_unspaced", "line_script", "script_of"]


class Script(StrEnum):
    """The scripts told apart: Chinese characters, the two kana of Japanese as one, and so on; OTHER is any further."""

    HAN = "han"
    KANA = "kana"
    HANGUL = "hangul"
    LATIN = "latin"
    CYRILLIC = "cyrillic"
    GREEK = "greek"
    ARABIC = "arabic"
    HEBREW = "hebrew"
    THAI = "thai"
    DEVANAGARI = "devanagari"
    OTHER = "other"


_BY_NAME = {
    **{script.name: script for script in Script if script is not Script.OTHER},
    **dict.fromkeys(("CJK", "IDEOGRAPHIC", "BOPOMOFO", "KANGXI"), Script.HAN),
    **dict.fromkeys(("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), Script.KANA),
}
_NO_SCRIPT = ("MODIFIER",)
_LETTERS = re.compile(r"[^\W\d_]+")
# In these a character carries about what a word does elsewhere.
_COUNTED_BY_CHARACTER = (Script.HAN, Script.KANA, Script.HANGUL)
# What a dash or a bar may be read as: they tell no script where there are other letters.
_LIKE_A_MARK = str.maketrans(dict.fromkeys("一丨ー", " "))
# A line is in its other script as long as Latin words outnumber it by no more than this: "iPhone 15 Pro Max 来了".
_LATIN_GUESTS = 2
# Japanese is written with half of its letters in kana: of 2,000 draws of two lines none had less than 0.3. A Chinese
# text holds a stray one, read or meant.
_JAPANESE_KANA_SHARE = 0.1


@cache
def script_of(char: str) -> Script | None:
    """Returns the script of a letter; None for a mark, a digit, white space and letters that belong to all scripts.

    Full- and half-width forms are those of the plain character.
    """
    plain = unicodedata.normalize("NFKC", char)[:1]
    if not _LETTERS.match(plain):
        return None
    first = unicodedata.name(plain, "").partition(" ")[0]
    return None if first in _NO_SCRIPT else _BY_NAME.get(first, Script.OTHER)


@cache
def is_katakana(char: str) -> bool:
    """Returns whether the character is katakana or a mark of it, such as the long one and the dot between words."""
    plain = unicodedata.normalize("NFKC", char)[:1]
    return unicodedata.name(plain, "").startswith("KATAKANA")


@cache
def is_unspaced(char: str) -> bool:
    """Returns whether the character belongs to a script, or to its punctuation, that is written without spaces."""
    # Korean is wide, and has spaces.
    wide = unicodedata.east_asian_width(char) in ("W", "F")
    return wide and not unicodedata.name(char, "").startswith("HANGUL")


def line_script(line: str) -> Script | None:
    """Returns the script of a line, None if it has no letters.

    A line is in the script that has most of it, a word of letters weighing as much as a Chinese character. Latin words
    are guests in every other script: "我爱NBA" is Chinese, and so is any line with kana Japanese.
    """
    weights = Counter(_weighed(_telling(line)))
    foreign = {script: weight for script, weight in weights.items() if script is not Script.LATIN}
    if not foreign or _LATIN_GUESTS * sum(foreign.values()) < weights[Script.LATIN]:
        return Script.LATIN if weights[Script.LATIN] else None
    most = max(foreign, key=lambda script: foreign[script])
    return Script.KANA if most is Script.HAN and Script.KANA in foreign else most


def holds_japanese(lines: Iterable[str]) -> bool:
    """Returns whether Japanese is among what a video says, or else the kana in it are strays of a Chinese one."""
    counts = Counter(script_of(char) for line in lines for char in _telling(line))
    return counts[Script.KANA] > 0 and counts[Script.KANA] >= _JAPANESE_KANA_SHARE * (
        counts[Script.KANA] + counts[Script.HAN]
    )


def _telling(line: str) -> str:
    """Returns the line with full- and half-width forms made plain, and without what may be a mark."""
    line = unicodedata.normalize("NFKC", line)
    bare = line.translate(_LIKE_A_MARK)
    return bare if _LETTERS.search(bare) else line


def _weighed(line: str) -> Iterator[Script]:
    """Yields the script of every word, and of every character of those that are counted by character."""
    for word in _LETTERS.findall(line):
        letters = Counter(script for char in word if (script := script_of(char)))
        for script in _COUNTED_BY_CHARACTER:
            yield from [script] * letters.pop(script, 0)
        if letters:
            yield max(letters, key=lambda script: letters[script])
