"""Text that appears word by word, as in karaoke: is what one crop shows the beginning of what the next one shows? Pure.

Two cues of which one begins with the other are told from that by their places: centred text moves when it gets longer.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.text.voting import folded

__all__ = ["grows"]

# A line that stays may seem to begin this share of its height beside where it began.
_SAME_PLACE = 0.35
# What a text that is misread must have grown by at least, as a share of the line's height: more than it may seem to
# have moved, so that centred text, which moves by half of what is added on either side, never passes.
_GROWN = 0.5
# Of so many characters of a half-drawn or misread step one may be another.
_CHARS_PER_MISREAD = 3
_END_MARKS = frozenset(".!?…。！？")
_SURE = 0.8
# So few are no measure of likeness: an I before something bright is read as a 0.
_FEW_CHARS = 2


def grows(first: Observation, second: Observation, *, brief: bool) -> bool:
    """Returns whether second shows first with more text behind it, and nothing of first has moved.

    brief: first was shown no longer than a step of such a text, so that it may be misread or half drawn.
    """
    return _grows(first, second, brief) or (brief and _grows(_with_sure_ends(first), second, brief))


def _with_sure_ends(observation: Observation) -> Observation:
    """Returns the observation without the doubted characters at the ends of its last line: a step is too short to
    part a letter from what shines beside it."""
    if not observation.lines:
        return observation
    *others, line = observation.lines
    chars = line.chars
    while chars and chars[0].confidence < _SURE:
        chars = chars[1:]
    while chars and chars[-1].confidence < _SURE:
        chars = chars[:-1]
    if not chars or chars == line.chars:
        return observation
    return replace(observation, lines=(*others, replace(line, text="".join(char.text for char in chars), chars=chars)))


def _grows(first: Observation, second: Observation, brief: bool) -> bool:
    if not first.lines or len(first.lines) > len(second.lines):
        return False
    if not all(_in_same_place(a, b) for a, b in zip(first.lines, second.lines, strict=False)):
        return False
    new = second.lines[len(first.lines) :]
    if not brief and any(len(line.text.split()) > 1 for line in new):
        return False  # A whole line that joins the first is another speaker's.
    last = len(first.lines) - 1
    if any(not _alike(a, b, brief) for a, b in zip(first.lines[:last], second.lines[:last], strict=True)):
        return False
    a, b = first.lines[last], second.lines[last]
    one, other = folded(a.text), folded(b.text)
    if other.startswith(one):
        return (bool(new) or other != one) and not _has_ended(a.text, b.text)
    return brief and _is_further(a.box, b.box) and _begins_alike(one, other) and not _has_ended(a.text, b.text)


def _in_same_place(a: ReadLine, b: ReadLine) -> bool:
    """Returns whether both lines begin in one place, by their boxes or by the places of the characters they share: a
    box reaches out to what is bright beside the text."""
    reach = _SAME_PLACE * max(a.box.height, b.box.height)
    if abs(a.box.center[1] - b.box.center[1]) > reach:
        return False
    return abs(a.box.x0 - b.box.x0) <= reach or _moved(a, b) <= reach


def _moved(a: ReadLine, b: ReadLine) -> float:
    """Returns by how many pixels the characters at the beginning of both lines lie apart, in the median."""
    shared = [
        abs(_middle(a, at) - _middle(b, at))
        for at, (one, other) in enumerate(zip(a.chars, b.chars, strict=False))
        if one.text == other.text
    ]
    return median(shared) if shared else float("inf")


def _middle(line: ReadLine, at: int) -> float:
    char = line.chars[at]
    return line.box.x0 + line.box.width * (char.x0 + char.x1) / 2


def _alike(a: ReadLine, b: ReadLine, brief: bool) -> bool:
    one, other = folded(a.text), folded(b.text)
    if one == other:
        return True
    missing = len(other) - len(one)
    return brief and missing >= 0 and missing + _misread(one, other) <= len(one) // _CHARS_PER_MISREAD


def _has_ended(first: str, second: str) -> bool:
    """Returns whether the first text ends with a mark in whose place a letter of the second stands: "No." is not the
    beginning of "Now.", and marks are what comes last."""
    one, other = ("".join(text.split()) for text in (first, second))
    return one[-1:] in _END_MARKS and other[len(one) - 1 : len(one)].isalnum()


def _is_further(a: Box, b: Box) -> bool:
    return b.x1 - a.x1 >= _GROWN * max(a.height, b.height)


def _begins_alike(a: str, b: str) -> bool:
    return len(a) <= _FEW_CHARS or (len(a) <= len(b) and _misread(a, b) <= len(a) // _CHARS_PER_MISREAD)


def _misread(a: str, b: str) -> int:
    """Returns in how many places of a another character stands than in b. A text with one more in its middle is no
    misread one: can and can't."""
    return sum(one != other for one, other in zip(a, b, strict=False))
