"""Reads lines from the probabilities of a CTC recognition model (Graves et al., 2006), best path.

The text equals that of PaddleOCR's own decoding; beyond it come each character's place and the probability of a space
before it, which the model has even where another class won.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yivideo_ray.types import CharReading, Reading

__all__ = ["CtcDecoder", "within"]

_BLANK = 0


class CtcDecoder:
    """Decodes (batch, steps, classes) float32 probabilities; class 0 is the blank, class i + 1 is characters[i].

    spaces: the classes that are a space.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self._alphabet = ("", *characters)
        self.spaces = [index for index, character in enumerate(self._alphabet) if character and character.isspace()]

    @property
    def classes(self) -> int:
        return len(self._alphabet)

    def __call__(self, probabilities: NDArray[np.float32]) -> list[Reading]:
        """Returns one reading per line; x0 and x1 are shares of all the model saw, padding included."""
        if probabilities.shape[-1] != self.classes:
            raise ValueError(f"the model has {probabilities.shape[-1]} classes, its character list {self.classes}")
        best = probabilities.argmax(axis=-1)
        confidence = np.take_along_axis(probabilities, best[..., None], axis=-1)[..., 0]
        space = probabilities[..., self.spaces].max(axis=-1) if self.spaces else np.zeros_like(confidence)
        return [self.read(*line) for line in zip(best, confidence, space, strict=True)]

    def read(
        self, best: NDArray[np.integer[Any]], confidence: NDArray[np.float32], space: NDArray[np.float32]
    ) -> Reading:
        """Returns the reading of one line: for each step its best class, that class's probability, and a space's."""
        steps = len(best)
        starts = np.flatnonzero(np.concatenate(([True], best[1:] != best[:-1])))
        ends = np.append(starts[1:], steps)
        kept = best[starts] != _BLANK
        starts, ends = starts[kept], ends[kept]
        if not len(starts):
            return Reading("", 0.0)
        text = "".join(self._alphabet[index] for index in best[starts])
        chars: list[CharReading] = []
        previous_end: int | None = None
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            character = self._alphabet[best[start]]
            if character.isspace():
                continue
            # A space may peak at the last step of one character or the first of the next: both count.
            before = 0.0 if previous_end is None else float(space[previous_end - 1 : start + 1].max())
            chars.append(CharReading(character, float(confidence[start]), start / steps, end / steps, before))
            previous_end = end
        return Reading(text, float(confidence[starts].mean()), tuple(chars))


def within(reading: Reading, share: float) -> Reading:
    """Returns the reading with its places as shares of the line image, which took `share` of what the model saw."""
    chars = tuple(
        CharReading(c.text, c.confidence, min(1.0, c.x0 / share), min(1.0, c.x1 / share), c.space_before)
        for c in reading.chars
    )
    return Reading(reading.text, reading.confidence, chars)
