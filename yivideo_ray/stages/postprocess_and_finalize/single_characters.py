"""A line of one character: the model has nothing beside it to tell I from 0, or a mark from nothing. Pure.

Drawn alone, digits, the letter A and Chinese characters were read right with 0.8 or more in 535 of 540 pictures. "I"
was in 23 of 36, else read as 0 or 1 or doubted, and "?" in 13 of 36 (docs/decisions/031-single-characters.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation
from yivideo_ray.types import CropMeta, TextLine

__all__ = ["as_lone_i", "is_lone", "is_sure_alone", "lone_i_place", "may_be_lone_i"]

_DOUBTED_MARKS = frozenset("?!？！")
# What an upright bar alone is read as. It has fewer strokes than any of the others: 51 to 75 pixels of a 32-pixel line
# in regular and bold typefaces, where a 2 has 86 or more and a 0 twice that.
_LIKE_A_BAR = frozenset("I0Ool1|iı")
_BAR_PX = 80
_SAYS_I = re.compile(r"(?<![^\W_])(?<!['’])I(?=[ ,.!?…]|['’](?:m|ll|ve|d)\b|$)")


def is_lone(line: TextLine) -> bool:
    """Returns whether the line is one character."""
    return len("".join(line.text.split())) == 1


def is_sure_alone(line: TextLine, sure: float) -> bool:
    """Returns whether a line of one character was read with the confidence `sure`; marks are doubted though they are
    there."""
    return line.confidence >= sure or line.text.strip() in _DOUBTED_MARKS


def may_be_lone_i(line: TextLine, crop: CropMeta) -> bool:
    """Returns whether the line, all that its crop shows, may be the word I."""
    return line.text.strip() in _LIKE_A_BAR and crop.stroke_px <= _BAR_PX and line.box.width <= line.box.height


def lone_i_place(observations: Sequence[Observation]) -> tuple[float, float] | None:
    """Returns where a line that is the word I may stand, the middle or the left end of most lines in frame pixels; None
    if no line of the observations has that word among others."""
    lines = [line for one in observations for line in one.lines]
    if not any(len(line.text) > 1 and _SAYS_I.search(line.text) for line in lines):
        return None
    return median(line.box.center[0] for line in lines), median(line.box.x0 for line in lines)


def as_lone_i(line: TextLine, box: Box, place: tuple[float, float], least: float) -> TextLine | None:
    """Returns the line as the word I, if it stands in that place (lone_i_place) within its own width; box is the line's
    in the frame, least the confidence with which it is kept: shape and place speak for it beside the model."""
    middle, left = place
    if min(abs(box.center[0] - middle), abs(box.x0 - left)) > box.width:
        return None
    confidence = max(line.confidence, least)
    chars = tuple(replace(char, text="I", confidence=confidence) for char in line.chars)
    return replace(line, text="I", confidence=confidence, chars=chars)
