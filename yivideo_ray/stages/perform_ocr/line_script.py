"""Which script a line is in, also one that the recognition model doesn't know: from its picture and what was read.

A model reads an unknown script as nothing, as a few letters of another, or, where that script is Latin with marks that
it lacks, as confident words with letters missing. The classifier is a multinomial logistic model on numbers about both,
fitted to drawn lines by training.scripts; script_weights.npz holds it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from yivideo_ray.pixels.line_shape import LINE_SHAPE_SIZE, line_shape
from yivideo_ray.text.line_classes import LINE_CLASSES, UNREADABLE, reads
from yivideo_ray.text.scripts import Script, script_of
from yivideo_ray.types import CharReading, Luma, Reading

__all__ = ["FARTHEST", "FEATURES", "features_of_line", "line_scores"]

Floats = NDArray[np.float32]

# How wide a character is, in heights of its line's box, about.
_WIDTHS: dict[Script | str, float] = {Script.HAN: 0.8, Script.KANA: 0.75}
_OTHER_WIDTH, _MARK_WIDTH = 0.4, 0.25
_WIDE_GAP = 1.1
_DOUBTED = 0.6
_MOST_GAP = 4.0
_WORD = re.compile(r"[^\W\d_]+")
# A syllable of Vietnamese, which each of its words is, without its marks: what begins it, its vowels (which may not
# have been read), what ends it.
_SYLLABLE = re.compile(
    r"(?:ngh?|n?h|ch|gh|gi|kh|ph|qu|th|tr|[bcdgklmnprstvx])?[aeiouy]{0,3}(?:ch|ng|nh|[cmnpt])?",
)
# Letters that Vietnamese has no use for, and those of its own that the model knows.
_NEVER_VIETNAMESE = frozenset("fjwzFJWZ")
_VIETNAMESE = frozenset("ăđơưĂĐƠƯ")
# A third of the letters of most European languages are these, and less than a tenth of Vietnamese ones; and such as
# Vietnamese has twice as often, as so many of its words end in them.
_OFTEN_EUROPEAN = frozenset("esrldESRLD")
_OFTEN_VIETNAMESE = frozenset("nhgNHG")
_NO_VOWEL = re.compile(r"[^aeiouy]+")

READING_FEATURES = (
    "confidence",
    "least_confidence",
    "doubted",
    "covered",
    "unread",
    "latin",
    "han",
    "kana",
    "digits",
    "greek",
    "marks",
    "changes_of_script",
    "widest_gap",
    "wide_gaps",
    "syllables",
    "without_vowels",
    "plain_words",
    "capitals",
    "capitals_within",
    "never_vietnamese",
    "vietnamese_letters",
    "european",
    "vietnamese",
    "beyond_ascii",
    "length",
)
FEATURES = LINE_SHAPE_SIZE + len(READING_FEATURES)
"""How many numbers features_of_line gives: those of pixels.line_shape, then READING_FEATURES."""


def features_of_line(picture: Luma, reading: Reading) -> Floats:
    """Returns what a line's picture (h, w) and its reading say, as FEATURES numbers."""
    return np.concatenate([line_shape(picture), _reading_features(reading, picture.shape[1] / picture.shape[0])])


def line_scores(picture: Luma, reading: Reading) -> tuple[float, ...]:
    """Returns how probable each of LINE_CLASSES is for a line, as natural logarithms to two decimals."""
    model = _model()
    values = np.clip((features_of_line(picture, reading) - model.mean) / model.scale, -FARTHEST, FARTHEST)
    scores = values @ model.weights + model.bias
    scores -= scores.max() + np.log(np.exp(scores - scores.max()).sum())
    return tuple(
        _IMPOSSIBLE if name in UNREADABLE and reads(name, reading.text) else max(_IMPOSSIBLE, round(float(score), 2))
        for name, score in zip(LINE_CLASSES, scores, strict=True)
    )


# A picture unlike all that the model was fitted to says no more than the farthest of those.
FARTHEST = 5.0
_IMPOSSIBLE = -20.0


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats


@cache
def _model() -> _Model:
    with files(__package__).joinpath("script_weights.npz").open("rb") as file, np.load(file) as found:
        assert tuple(found["classes"]) == LINE_CLASSES, "the weights are of other classes"
        return _Model(*(found[name].astype(np.float32) for name in ("mean", "scale", "weights", "bias")))


def _reading_features(reading: Reading, heights: float) -> Floats:
    """Returns READING_FEATURES of a line that is so many of its heights long."""
    chars = reading.chars
    count = max(1, len(chars))
    kinds = [_kind(char.text) for char in chars]
    sure = [char.confidence for char in chars] or [0.0]
    letters = [kind for kind in kinds if kind != "mark"]
    width = sum(_WIDTHS.get(kind, _MARK_WIDTH if kind == "mark" else _OTHER_WIDTH) for kind in kinds)
    gaps = _gaps(chars, heights)
    written = [word for word in _WORD.findall(reading.text) if script_of(word[0]) is Script.LATIN]
    words = [_plain(word) for word in written]
    in_words = max(1, sum(map(len, words)))
    latin = [char for char in reading.text if script_of(char) is Script.LATIN]
    return np.array(
        [
            -math.log(1.02 - sum(sure) / len(sure)),
            min(sure),
            sum(value < _DOUBTED for value in sure) / len(sure),
            math.log((width + 0.2) / heights),
            not chars,
            *(
                kinds.count(kind) / count
                for kind in (Script.LATIN, Script.HAN, Script.KANA, "digit", Script.GREEK, "mark")
            ),
            sum(a != b for a, b in pairwise(letters)) / max(1, len(letters) - 1),
            min(_MOST_GAP, max(gaps)),
            sum(gap > _WIDE_GAP for gap in gaps) / len(gaps),
            sum(len(word) for word in words if _SYLLABLE.fullmatch(word)) / in_words,
            sum(len(word) for word in words if _NO_VOWEL.fullmatch(word)) / in_words,
            sum(word.isascii() and not _NO_VOWEL.fullmatch(word.lower()) for word in written) / max(1, len(written)),
            sum(char.isupper() for char in latin) / max(1, len(latin)),
            sum(a.islower() and b.isupper() for a, b in pairwise(latin)) / max(1, len(latin)),
            math.sqrt(sum(char in _NEVER_VIETNAMESE for char in latin) / max(1, len(latin))),
            math.sqrt(sum(char in _VIETNAMESE for char in latin) / max(1, len(latin))),
            sum(char in _OFTEN_EUROPEAN for char in latin) / max(1, len(latin)),
            sum(char in _OFTEN_VIETNAMESE for char in latin) / max(1, len(latin)),
            math.sqrt(sum(not char.isascii() for char in latin) / max(1, len(latin))),
            math.log(heights + 0.5),
        ],
        np.float32,
    )


def _kind(char: str) -> Script | str:
    return "digit" if char.isdigit() else script_of(char) or "mark"


def _gaps(chars: Sequence[CharReading], heights: float) -> list[float]:
    """Returns how far apart the middles of a line's characters are, and its ends from them, in heights."""
    middles = [0.0, *(heights * (char.x0 + char.x1) / 2 for char in chars), heights]
    return [b - a for a, b in pairwise(middles)]


def _plain(word: str) -> str:
    """Returns a Latin word in small letters without marks; đ is d with one."""
    bare = unicodedata.normalize("NFD", word.lower().replace("đ", "d"))
    return "".join(char for char in bare if not unicodedata.combining(char))
