"""Fits where a line has spaces (yivideo_ray/text/word_gaps.py), and says how well that does.

    python -m training.spaces read LINES.jsonl.gz [--seed N] [--count N]
    python -m training.spaces fit LINES.jsonl.gz [--write]
    python -m training.spaces score LINES.jsonl.gz

read draws and reads lines (training/drawn_lines.py; some minutes). fit fits the weights to them and prints how many
places are wrong in fonts that were never seen (each family is decided by weights that the others gave); with --write it
writes yivideo_ray/text/word_gaps.json. score prints how many places the weights there get wrong in other lines. Needs
the fonts of pyproject's extra "training" beside the test extra.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.drawn_lines import DrawnLine, draw_and_read, family_of, load, save
from yivideo_ray.text import word_gaps
from yivideo_ray.text.word_gaps import places, space_probabilities

__all__ = ["Places", "collect", "cross_validate", "fit", "main", "with_variants"]

WEIGHTS = Path(word_gaps.__file__).with_name("word_gaps.json")
# How hard weights are kept small (ridge), in standard deviations of their features.
RIDGE = 0.3
STEPS, ENOUGH = 60, 1e-4
# Of so many lines one is fitted once more without its gaps, for where no ink is found, and one as its first word alone.
WITHOUT_GAPS, FIRST_WORD = 4, 3
DIGITS = 4

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Every place of some lines that has a truth: its features (a column per name), whether a space was drawn there,
    and the index of its line."""

    names: tuple[str, ...]
    features: Matrix
    spaces: NDArray[np.bool_]
    lines: NDArray[np.int64]


def collect(lines: Sequence[DrawnLine]) -> Places:
    """Returns the places of the lines."""
    rows, spaces, at = [], [], []
    for index, line in enumerate(lines):
        for features, space in zip(places(line.readings()), line.spaces(), strict=True):
            if features is not None and space is not None:
                rows.append(features)
                spaces.append(space)
                at.append(index)
    names = tuple(sorted({name for row in rows for name in row}))
    column = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        for name, value in row.items():
            matrix[number, column[name]] = value
    return Places(names, matrix, np.array(spaces), np.array(at))


def fit(features: Matrix, spaces: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the weights of the features under which the spaces are most likely (ridge, Newton's method)."""
    scale = np.maximum(features.std(axis=0), 1e-9)
    # A feature that never varies, the constant among them, keeps its size.
    scale[scale <= 1e-9] = 1.0
    scaled = features / scale
    weights = np.zeros(features.shape[1])
    loss = _loss(scaled, spaces, weights)
    for _ in range(STEPS):
        likely = _logistic(scaled @ weights)
        slope = scaled.T @ (spaces - likely) - RIDGE * weights
        curve = (scaled * (likely * (1 - likely))[:, None]).T @ scaled + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        while _loss(scaled, spaces, weights + step) > loss and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights + step
        before, loss = loss, _loss(scaled, spaces, weights)
        if before - loss < ENOUGH:
            break
    found: NDArray[np.float64] = weights / scale
    return found


def cross_validate(found: Places, groups: Sequence[str], folds: int = 8) -> Matrix:
    """Returns the probability of a space at every place, by weights fitted to lines of other groups. groups holds each
    line's."""
    names = sorted(set(groups))
    of_place = np.array(groups)[found.lines]
    likely = np.zeros(len(found.spaces))
    for fold in range(min(folds, len(names))):
        left_out = np.isin(of_place, names[fold::folds])
        weights = fit(found.features[~left_out], found.spaces[~left_out])
        likely[left_out] = _logistic(found.features[left_out] @ weights)
    return likely


def with_variants(lines: Sequence[DrawnLine]) -> list[DrawnLine]:
    """Returns the lines, and behind them some once more as they are seldom drawn but often met: a single word, and a
    line whose gaps aren't known."""
    words = [word for line in lines[::FIRST_WORD] if (word := _first_word(line)) is not None]
    gapless = [
        replace(line, chars=tuple((text, space, None) for text, space, _ in line.chars))
        for line in [*lines, *words][::WITHOUT_GAPS]
    ]
    return [*lines, *words, *gapless]


def _first_word(line: DrawnLine) -> DrawnLine | None:
    spaces = line.spaces()
    end = spaces.index(True) + 1 if True in spaces else 0
    return replace(line, text=line.text.split()[0], chars=line.chars[:end]) if end > 1 else None


def _loss(features: Matrix, spaces: NDArray[np.bool_], weights: Matrix) -> float:
    score = features @ weights
    return float(np.sum(np.logaddexp(0, score) - spaces * score) + RIDGE / 2 * weights @ weights)


def _logistic(score: Matrix) -> Matrix:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -60, 60))))


def _report(lines: Sequence[DrawnLine], found: Places, likely: Matrix, what: str) -> None:
    """Prints how many of the places of these lines, the first of those found, are wrong."""
    own = found.lines < len(lines)
    found, likely = replace(found, spaces=found.spaces[own], lines=found.lines[own]), likely[own]
    wrong = (likely > 0.5) != found.spaces
    print(f"{what}: {wrong.sum()} of {len(wrong)} places wrong: {(wrong & found.spaces).sum()} spaces lost, ", end="")
    print(f"{(wrong & ~found.spaces).sum()} put in; {len(lines)} lines")
    keys: tuple[Callable[[DrawnLine], str], ...] = (
        lambda line: f"{line.font} {line.renderer}",
        lambda line: f"outline {line.outline:g}",
        lambda line: line.language,
    )
    for key in keys:
        of_place = np.array([key(line) for line in lines])[found.lines]
        for name in sorted(set(of_place)):
            there = of_place == name
            lost, put_in = (wrong & there & found.spaces).sum(), (wrong & there & ~found.spaces).sum()
            print(f"  {name:<30}{lost:>5} lost of {(there & found.spaces).sum():>6}{put_in:>5} put in", end="")
            print(f" of {(there & ~found.spaces).sum():>6}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.spaces", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("read", "fit", "score"))
    parser.add_argument("lines", type=Path, metavar="LINES.jsonl.gz")
    parser.add_argument("--seed", type=int, default=1, help="of the lines to draw")
    parser.add_argument("--count", type=int, default=80, help="lines per font and renderer (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write the weights to {WEIGHTS.name}")
    options = parser.parse_args(argv)
    if options.what == "read":
        _read(options.lines, options.seed, options.count)
        return 0
    lines = load(options.lines)
    if options.what == "score":
        found = collect(lines)
        likely = [
            probability
            for line in lines
            for probability, space, features in zip(
                space_probabilities(line.readings()), line.spaces(), places(line.readings()), strict=True
            )
            if space is not None and features is not None
        ]
        _report(lines, found, np.array(likely), "with the weights that are there")
        return 0
    fitted_to = with_variants(lines)
    found = collect(fitted_to)
    unseen = cross_validate(found, [family_of(line.font) for line in fitted_to])
    _report(lines, found, unseen, "in families never seen")
    weights = fit(found.features, found.spaces)
    _report(lines, found, _logistic(found.features @ weights), "in the lines that were fitted")
    if options.write:
        told = {name: round(float(weight), DIGITS) for name, weight in zip(found.names, weights, strict=True)}
        fitted = {"lines": len(lines), "places": len(found.spaces), "by": "python -m training.spaces"}
        WEIGHTS.write_text(json.dumps({"fitted": fitted, "weights": told}, indent=1) + "\n", encoding="utf-8")
        print(WEIGHTS)
    return 0


def _read(path: Path, seed: int, count: int) -> None:
    from yivideo_ray.config import load_settings
    from yivideo_ray.ocr import load_engine

    engine, _ = load_engine(load_settings(None))
    try:
        save(_told(draw_and_read(engine, seed, count)), path)
    finally:
        engine.close()


def _told(lines: Iterator[DrawnLine]) -> Iterator[DrawnLine]:
    shown = ""
    for number, line in enumerate(lines, 1):
        if line.font != shown:
            shown = line.font
            print(f"{number} lines, now {shown}", file=sys.stderr)
        yield line


if __name__ == "__main__":
    sys.exit(main())
