"""Lines and observations as crops would give them, made up from texts."""

from __future__ import annotations

from typing import Any

from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.types import CharReading

__all__ = ["line", "seen"]

_CHAR_PX = 20


def line(text: str, confidence: float = 0.99, doubtful: str = "", *, x0: int = 100, y0: int = 10) -> ReadLine:
    """Returns a line of characters of equal width, those in `doubtful` read with little confidence."""
    width = _CHAR_PX * max(1, len(text))
    shown = [(place, char) for place, char in enumerate(text) if char != " "]
    chars = tuple(
        CharReading(
            char,
            0.5 if char in doubtful else confidence,
            place / len(text),
            (place + 1) / len(text),
            0.9 if place and text[place - 1] == " " else 0.0,
        )
        for place, char in shown
    )
    return ReadLine(text, confidence, Box(x0, y0, x0 + width, y0 + 30), chars)


def seen(
    start: int, end: int, *texts: str | ReadLine, confidence: float = 0.99, doubtful: str = "", **facts: Any
) -> Observation:
    """Returns an observation of these lines below each other; facts are further fields of Observation."""
    lines = tuple(
        text if isinstance(text, ReadLine) else line(text, confidence, doubtful, y0=10 + 40 * row)
        for row, text in enumerate(texts)
    )
    return Observation(start, end, lines, end - start, end - start, **facts)
