"""What a line of text may be in, as far as a picture tells, and what the lines of a layer say together. Pure.

A class is a script, or the letters of one language in it that the embedded recognition model lacks.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from yivideo_ray.text.scripts import Script, script_of

__all__ = ["LINE_CLASSES", "UNREADABLE", "is_unreadable", "reads", "unreadable_class"]

UNREADABLE = ("arabic", "cyrillic", "devanagari", "greek", "hangul", "hebrew", "thai", "vietnamese")
"""What the embedded recognition model has no letters of, or not all of them."""

LINE_CLASSES = (*UNREADABLE, "han", "kana", "latin", "none")
"""What the picture of a line may show, in the order of its scores; none: no text."""

Scores = Sequence[float]
"""The log probability of each of LINE_CLASSES for a line, where all are as frequent."""

# Among the videos that people bring, one text in so many is in a script that the model doesn't know.
_ONE_IN = 50


def is_unreadable(scores: Scores) -> bool:
    """Returns whether a line is rather in a script that the model doesn't know than not, as far as it tells alone. No
    scores: not."""
    return _log_odds(scores) > 0 if scores else False


def unreadable_class(lines: Sequence[Scores], lengths: Sequence[float]) -> str | None:
    """Returns which of UNREADABLE the lines of one text are in, None if the model probably reads them.

    lengths weigh them: a long line tells more. Lines in one font are no independent witnesses: they count as many as
    the root of their number, against how seldom such a text is.
    """
    total = sum(lengths)
    if not total:
        return None
    means = [sum(line[at] * length for line, length in zip(lines, lengths, strict=True)) / total for at in _ALL]
    scores = [mean * math.sqrt(len(lines)) for mean in means]
    if _log_odds(scores) <= math.log(_ONE_IN):
        return None
    return max(zip(scores, UNREADABLE, strict=False))[1]


_ALL = range(len(LINE_CLASSES))


def _log_odds(scores: Scores) -> float:
    """Returns the log odds of UNREADABLE against the rest."""
    return _log_sum(scores[: len(UNREADABLE)]) - _log_sum(scores[len(UNREADABLE) :])


def _log_sum(scores: Scores) -> float:
    most = max(scores)
    return most + math.log(sum(math.exp(score - most) for score in scores))


def reads(script: str, text: str) -> bool:
    """Returns whether a text that was read holds letters of one of UNREADABLE that only a model that knows it reads:
    of Vietnamese those with two marks or one below, of Greek those with an accent and the last sigma."""
    if script == "vietnamese":
        return any("Ạ" <= char <= "ỹ" and char not in _KNOWN_OF_VIETNAMESE for char in text)
    if script == "greek":
        return any(script_of(char) is Script.GREEK and _is_accented(char) for char in text)
    return any(script_of(char) == script for char in text)


# Of those letters the embedded model has these.
_KNOWN_OF_VIETNAMESE = "ẠồỒ"


def _is_accented(char: str) -> bool:
    return char == "ς" or len(unicodedata.normalize("NFD", char)) > 1
