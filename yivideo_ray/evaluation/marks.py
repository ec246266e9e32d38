"""Two texts beside each other as HTML: what differs is marked, and what can't be seen is made visible."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from html import escape

from rapidfuzz.distance import Levenshtein

__all__ = ["code_points", "marked", "shown"]

SPACE = "␣"
LINE_BREAK = "↵"
# More would be no help: the texts differ altogether.
MOST_CHARACTERS, MOST_DIFFERENCES = 3, 6


def marked(reference: Sequence[str], result: Sequence[str]) -> tuple[str, str]:
    """Returns both texts as HTML; what the result lacks is marked in the first, what it adds or changes in the second.

    Compared as scoring compares exact lines: NFC, white space at the ends of lines left out.
    """
    true, found = _joined(reference), _joined(result)
    left, right = [], []
    for equal, ours, theirs in _pieces(true, found):
        if equal:
            left.append(_visible(ours))
            right.append(_visible(theirs))
            continue
        if ours:
            left.append(f'<del title="not in the result">{_visible(ours)}</del>')
        if theirs:
            right.append(f'<ins title="not in the truth">{_visible(theirs)}</ins>')
    return "".join(left), "".join(right)


def shown(lines: Sequence[str]) -> str:
    """Returns a text as HTML, with nothing marked."""
    return _visible(_joined(lines))


def code_points(reference: Sequence[str], result: Sequence[str]) -> list[str]:
    """Returns what each short difference is made of, such as '？ U+FF1F → ? U+003F', as plain text: characters that
    look alike are not the same. Differences of plain letters and digits speak for themselves."""
    true, found = _joined(reference), _joined(result)
    differences = [
        f"{_named(ours)} → {_named(theirs)}"
        for equal, ours, theirs in _pieces(true, found)
        if not equal and max(len(ours), len(theirs)) <= MOST_CHARACTERS and not _is_plain(ours + theirs)
    ]
    return differences if len(differences) <= MOST_DIFFERENCES else []


def _pieces(true: str, found: str) -> Iterator[tuple[bool, str, str]]:
    """Yields whether a piece is equal in both, then the piece of each."""
    for step in Levenshtein.opcodes(true, found):
        yield step.tag == "equal", true[step.src_start : step.src_end], found[step.dest_start : step.dest_end]


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(unicodedata.normalize("NFC", line).strip() for line in lines)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _named(text: str) -> str:
    return " ".join(_named_character(c) for c in text) or "nothing"


def _named_character(c: str) -> str:
    if c == "\n":
        return "line break"
    code = f"U+{ord(c):04X}"
    return f"{SPACE if c == ' ' else c} {code}" if c.isprintable() else code


def _visible(text: str) -> str:
    return "".join(_visible_character(c) for c in text)


def _visible_character(c: str) -> str:
    if c == " ":
        return f'<span class="space">{SPACE}</span>'
    if c == "\n":
        return f'<span class="space">{LINE_BREAK}</span><br>'
    if c.isspace() or unicodedata.category(c) in ("Cf", "Cc", "Cs", "Co", "Cn"):
        return f'<span class="code">U+{ord(c):04X}</span>'
    return escape(c)
