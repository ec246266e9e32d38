"""The readings of one cue's crops become its lines: character by character, then the spaces between them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from rapidfuzz.distance import Levenshtein

from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.text.spaces import space_out
from yivideo_ray.text.voting import vote
from yivideo_ray.types import CharReading, Reading

__all__ = ["agree"]


def agree(observations: Sequence[Observation], space_probability: float) -> tuple[ReadLine, ...]:
    """Returns the lines on which most frames agree, weighted by confidence.

    All observations have equally many lines. Where they say the same, the line is that of the crop with the most
    frames, unchanged; so are boxes. space_probability is the threshold of text.spaces.
    """
    heaviest = sorted(observations, key=lambda one: -one.weight)
    weights = [float(max(1, one.averaged_frames)) for one in heaviest]
    return tuple(
        _elect([one.lines[at] for one in heaviest], weights, space_probability) for at in range(len(heaviest[0].lines))
    )


def _elect(lines: Sequence[ReadLine], weights: Sequence[float], space_probability: float) -> ReadLine:
    """Returns the line that most weight is for; the first is the one that says most by itself."""
    if len({line.text for line in lines}) == 1:
        return max(zip(lines, weights, strict=True), key=lambda voter: voter[1])[0]
    if not all(line.chars for line in lines):
        return _by_whole_text(lines, weights)
    readings = [Reading(_text(line.chars), line.confidence, line.chars) for line in lines]
    elected = vote(readings, weights)
    chars = _with_spaces(elected.chars, lines, weights)
    return replace(
        lines[0],
        text=space_out(elected.text, chars, space_probability),
        confidence=elected.confidence,
        chars=chars,
    )


def _by_whole_text(lines: Sequence[ReadLine], weights: Sequence[float]) -> ReadLine:
    says: dict[str, float] = {}
    for line, weight in zip(lines, weights, strict=True):
        says[line.text] = says.get(line.text, 0.0) + weight * line.confidence
    winner = max(says, key=lambda text: says[text])
    return next(line for line in lines if line.text == winner)


def _with_spaces(
    chars: Sequence[CharReading], lines: Sequence[ReadLine], weights: Sequence[float]
) -> tuple[CharReading, ...]:
    """Returns the characters with what most readings say of the space before each, and of the gap.

    Medians: a space is far more probable than none is improbable, so in a mean one stray space would outvote all."""
    spaces: list[list[tuple[float, float]]] = [[] for _ in chars]
    gaps: list[list[tuple[float, float]]] = [[] for _ in chars]
    text = _text(chars)
    for line, frames in zip(lines, weights, strict=True):
        weight = frames * line.confidence
        for op in Levenshtein.opcodes(text, _text(line.chars)):
            if op.tag not in ("equal", "replace"):
                continue
            there = line.chars[op.dest_start : op.dest_end]
            for place, char in enumerate(there, op.src_start):
                spaces[place].append((char.space_before, weight))
                if char.gap_before is not None:
                    gaps[place].append((char.gap_before, weight))
    return tuple(
        replace(
            char,
            space_before=_median(spaces[at]) if at and spaces[at] else char.space_before,
            gap_before=_median(gaps[at]) if gaps[at] else char.gap_before,
        )
        for at, char in enumerate(chars)
    )


def _median(values: Sequence[tuple[float, float]]) -> float:
    """Returns the weighted median, the lower one of two."""
    ordered = sorted(values)
    half = sum(weight for _, weight in ordered) / 2
    sums = accumulate(weight for _, weight in ordered)
    return next(value for (value, _), total in zip(ordered, sums, strict=True) if total >= half * (1 - 1e-9))


def _text(chars: Sequence[CharReading]) -> str:
    return "".join(char.text for char in chars)
