"""Which texts a model may take for one another: without white space, look-alikes, marks and case. Pure."""

from __future__ import annotations

__all__ = ["bare", "folded", "without_look_alikes"]

_CONFUSABLE = str.maketrans({"l": "I", "|": "I", "1": "I", "0": "O", "o": "O", "’": "'", "‘": "'", "`": "'"})


def bare(text: str) -> str:
    """Returns the text without white space."""
    return "".join(text.split())


def without_look_alikes(text: str) -> str:
    """Returns the text, of the same length, with one character for all that look like it."""
    return text.translate(_CONFUSABLE)


def folded(text: str) -> str:
    """Returns the text without what a model confuses at no cost: look-alikes, marks, spaces and case."""
    return "".join(char for char in without_look_alikes(text) if char.isalnum()).casefold() or bare(text)
