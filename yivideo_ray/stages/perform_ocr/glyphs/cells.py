"""The cells of full-width characters: where each stands on the even grid in which Chinese and Japanese are set.

A Chinese character is made of pieces that lie beside each other as letters do, so its ink alone doesn't say where it
begins. Its cell does: all are one em wide, and where they meet there is next to no ink. Where a phrase ends in a wide
gap, a new grid begins behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.pixels.ink import Ink
from yivideo_ray.text.scripts import is_unspaced
from yivideo_ray.types import CharReading

__all__ = ["Cells", "find_cells"]

# A CTC model places a character within a fifth of an em of its middle, and says it at steps of about as much.
_STEP = 0.2
_MAX_SHIFT = 0.3
_SHIFTS = 25
_PITCHES = 21
# Characters whose middles are farther from each other than this, in ems, have a gap between their cells.
_APART = 1.5
# Blur for the ink of the columns, as a share of the em: it draws a border to the middle of the blank beside it.
_BLUR = 0.06
# A border that is a good one crosses less than this share of the ink that a column has in the mean.
_MAX_CROSSED = 0.45
# How much ink a shift as far as they go is worth, for each character of a run.
_DISTANCE = 0.3
# Of inks, the one that all characters have: a thin dash is the first to be lost at a high level.
_MISSING, _MAX_MISSING = 0.3, 0.25
_FILLED, _NEAR = 0.45, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """em in pixels, the cells (x0, x1) of characters by their indices, in line pixels, and the ink that fits them."""

    em: float
    at: dict[int, tuple[float, float]]
    ink: Ink


def find_cells(chars: Sequence[CharReading], inks: Sequence[Ink], width: int) -> Cells | None:
    """Returns the cells of the full-width characters in a line of that width in pixels, and in which of the inks they
    are; None if no two of them stand beside each other, or no ink fits."""
    middles = np.array([(char.x0 + char.x1) / 2 * width for char in chars])
    runs = _phrases(_runs(chars), middles)
    em, doubt = _em(runs, middles)
    if em <= 0:
        return None
    best: tuple[float, Cells] | None = None
    for ink in inks:
        if not ink.pieces:
            continue
        crossed, cells = _fit(runs, middles, ink, (em, doubt))
        missing = _missing(chars, middles, cells)
        cost = crossed + missing * _MISSING
        if crossed < _MAX_CROSSED and missing <= _MAX_MISSING * len(chars) and (best is None or cost < best[0]):
            best = cost, cells
    return None if best is None else best[1]


def _runs(chars: Sequence[CharReading]) -> list[range]:
    """Returns the indices of full-width characters that stand beside each other, two or more."""
    runs: list[range] = []
    start = None
    for index in range(len(chars) + 1):
        full = index < len(chars) and is_unspaced(chars[index].text)
        if full and start is None:
            start = index
        elif not full and start is not None:
            runs.append(range(start, index))
            start = None
    return [run for run in runs if len(run) > 1]


def _phrases(runs: Sequence[range], middles: NDArray[np.float64]) -> list[range]:
    """Returns the runs, cut where there is a gap in them."""
    steps = [step for run in runs for step in np.diff(middles[run.start : run.stop])]
    em = float(np.median(steps)) if steps else 0.0
    phrases: list[range] = []
    for run in runs:
        ends = [i + 1 for i in run[:-1] if middles[i + 1] - middles[i] > _APART * em]
        phrases += [range(start, end) for start, end in pairwise([run.start, *ends, run.stop])]
    return phrases


def _em(runs: Sequence[range], middles: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the em in pixels by the characters' places, by least squares, and how much of it is in doubt."""
    spread = sum(float(np.square(np.arange(len(run)) - (len(run) - 1) / 2).sum()) for run in runs)
    if not spread:
        return 0.0, 0.0
    slope = sum(
        float(((np.arange(len(run)) - (len(run) - 1) / 2) * middles[run.start : run.stop]).sum()) for run in runs
    )
    return slope / spread, min(_STEP, _STEP / spread**0.5)


def _fit(
    runs: Sequence[range], middles: NDArray[np.float64], ink: Ink, about: tuple[float, float]
) -> tuple[float, Cells]:
    """Returns the cells whose borders cross the least ink, and the share of a mean column's ink that they cross."""
    em, doubt = about
    blurred = cv2.GaussianBlur(ink.columns.astype(np.float64)[None], (0, 0), max(0.6, _BLUR * em))[0]
    columns = blurred / ink.columns[ink.columns > 0].mean()
    best, cells = np.inf, Cells(em, {}, ink)
    for change in np.linspace(-doubt, doubt, _PITCHES):
        pitch = float(em * (1 + change))
        placed = [_place(run, middles, columns, pitch) for run in runs]
        cost = sum(cost for cost, _ in placed) + _DISTANCE * float(change / doubt) ** 2
        if cost < best:
            best = cost
            at = {
                i: (x + k * pitch, x + (k + 1) * pitch)
                for run, (_, x) in zip(runs, placed, strict=True)
                for k, i in enumerate(run)
            }
            cells = Cells(pitch, at, ink)
    return best / sum(len(run) + 1 for run in runs), cells


def _place(run: range, middles: NDArray[np.float64], columns: NDArray[np.float64], pitch: float) -> tuple[float, float]:
    """Returns the ink that the borders of a run of cells cross at best, and where its first cell begins."""
    steps = np.arange(len(run) + 1) * pitch
    start = float(np.mean(middles[run.start : run.stop] - steps[:-1])) - pitch / 2
    shifts = np.linspace(-_MAX_SHIFT, _MAX_SHIFT, _SHIFTS)
    at = np.clip(np.rint(start + pitch * shifts[:, None] + steps[None, :] - 0.5), 0, len(columns) - 1)
    # Of borders that cross as much, those nearest to where the model saw the characters.
    cost = columns[at.astype(np.int64)].sum(axis=1) + _DISTANCE * len(run) * (shifts / _MAX_SHIFT) ** 2
    best = int(np.argmin(cost))
    return float(cost[best]), start + pitch * float(shifts[best])


def _missing(chars: Sequence[CharReading], middles: NDArray[np.float64], cells: Cells) -> int:
    """Returns how many characters have no ink: letters in cells have it across them, others near their middles."""
    missing = 0
    for index, char in enumerate(chars):
        cell = cells.at.get(index)
        full = cell is not None and char.text.isalpha()
        x0, x1 = cell or (middles[index] - _NEAR * cells.em, middles[index] + _NEAR * cells.em)
        inside = np.flatnonzero(cells.ink.columns[max(0, round(x0)) : max(0, round(x1))])
        wide = len(inside) > 0 and inside[-1] + 1 - inside[0] >= (_FILLED * cells.em if full else 1)
        missing += not wide
    return missing
