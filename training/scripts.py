"""Fits the classifier of scripts (stages.perform_ocr.line_script) to drawn lines, and tells how well it does on fonts
that it has not seen.

    python -m training.scripts draw FONTS [FONTS ...] --out LINES.npz [--lines N] [--seed N]
    python -m training.scripts fit LINES.npz [LINES.npz ...] [--report FILE] [--write]

FONTS are directories with fonts (script_lines.py names packages that have them). draw has the models find and read the
lines, as perform_ocr does, and keeps what the classifier looks at, which takes a fifth of a second a line. fit needs
scikit-learn. --report writes what it prints to a page; --write the weights, fitted to all lines, to where the stage
reads them.
"""

from __future__ import annotations

import argparse
import random
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.instruments.environment import environment, provenance
from training.script_lines import Face, as_seen, draw_lines, faces_by_class, faces_in, footage
from yivideo_ray.config import load_settings
from yivideo_ray.geometry import Box
from yivideo_ray.ocr import load_engine
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.pixels.line_shape import LINE_SHAPE_SIZE
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.crop_subtitle_images.stage import CROP_LINE_PX
from yivideo_ray.stages.perform_ocr import line_script
from yivideo_ray.stages.perform_ocr.stage import read_lines
from yivideo_ray.text.line_classes import LINE_CLASSES, unreadable_class
from yivideo_ray.types import Crop, CropMeta, Luma

WEIGHTS = Path(line_script.__file__).with_name("script_weights.npz")
# Of so many drawn pictures; what is hard to tell apart is drawn more often.
FREQUENCIES = {"latin": 2.2, "vietnamese": 1.6, "han": 1.2, "greek": 1.2, "hangul": 1.2, "none": 0.8}
PICTURES_AT_ONCE, KEPT_AT_ONCE = 16, 500
FOLDS = 5
# The strength of the prior on weights, and how much less it holds for what was read: 20 numbers beside 700 of pixels.
C, READING_SCALE = 0.003, 6.0
LAYER_SIZES = (1, 2, 4, 8)
LAYERS_DRAWN = 400

Floats = NDArray[np.float32]

_HEAD = """# Which script a line is in

<!-- Written by `python -m training.scripts fit`: fit again, don't change this file. -->

Lines were drawn in many fonts, on drawn footage and at sizes as in videos, found and read by the embedded models, and
each was judged by a classifier that saw no font of its design.

"""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Drawn lines: what the classifier looks at (n, line_script.FEATURES), their class, the design of their font, and
    how many of their heights they are long."""

    features: Floats
    classes: NDArray[np.str_]
    designs: NDArray[np.str_]
    lengths: Floats


def draw(faces: Sequence[Face], count: int, seed: int, out: Path) -> None:
    """Keeps at least so many lines in a file, found and read by the models of the settings; some of them every while,
    so that a drawing that is stopped was not in vain."""
    models, _ = load_engine(load_settings())
    rng, by_class = random.Random(seed), faces_by_class(faces)
    rows: list[tuple[Floats, str, str, float]] = []
    kept = 0
    while kept < count:
        rows += _batch(by_class, rng, models)
        if len(rows) >= min(count, kept + KEPT_AT_ONCE):
            kept = len(rows)
            features, classes, designs, lengths = map(np.array, zip(*rows, strict=True))
            np.savez_compressed(out, features=features, classes=classes, designs=designs, lengths=lengths)
            print(f"{kept} lines", flush=True)


def _batch(
    faces: dict[str, dict[str, list[Face]]], rng: random.Random, models: OcrModels
) -> Iterator[tuple[Floats, str, str, float]]:
    crops: list[Crop] = []
    drawn: dict[str, tuple[str, str]] = {}
    empty: list[Luma] = []
    for script in rng.choices(LINE_CLASSES, [FREQUENCIES.get(name, 1.0) for name in LINE_CLASSES], k=PICTURES_AT_ONCE):
        if script == "none":
            empty.append(_without_text(rng))
            continue
        design = rng.choice(list(faces[script]))
        lines = draw_lines(script, rng.choice(faces[script][design]), rng)
        if lines is not None:
            crops.append(_crop(str(len(crops)), lines.picture, lines.em_px))
            drawn[crops[-1].meta.crop_id] = script, design
    for crop in read_lines(create_stitched_images(crops), models):
        for line in crop.lines:
            features = line_script.features_of_line(line.pixels, line.standing.reading)
            yield features, *drawn[crop.meta.crop_id], line.box.width / line.box.height
    for picture, reading in zip(empty, models.recognize(empty) if empty else (), strict=True):
        features = line_script.features_of_line(picture, reading)
        yield features, "none", f"none{rng.randrange(FOLDS)}", picture.shape[1] / picture.shape[0]


def _without_text(rng: random.Random) -> Luma:
    """Returns a piece of footage, of several the one with the most edges: what detection takes for text is such."""
    height = rng.choice((24, 32, 40, 48))
    size = round(height * rng.uniform(1.2, 9)), height
    pieces = [as_seen(footage(rng, size).astype(np.float32), height, rng) for _ in range(4)]
    return max(pieces, key=lambda piece: float(np.abs(np.diff(piece.astype(np.float32))).mean()))


def _crop(name: str, picture: Luma, em_px: int) -> Crop:
    """Returns a picture as a crop of a video: its lines shrunk to the height that crops have."""
    scale = min(1.0, CROP_LINE_PX / (1.3 * em_px))
    if scale < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = picture.shape
    at = 10 * int(name)
    return Crop(CropMeta(name, 0, Box(0, 0, width, height), 1.0, at, at, at + 5, 5, 5, 500), picture)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A classifier: log odds are values in units of scale from the mean, times weights, plus bias."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    def scores(self, features: Floats) -> Floats:
        values = np.clip((features - self.mean) / self.scale, -line_script.FARTHEST, line_script.FARTHEST)
        scores = values @ self.weights + self.bias
        most = scores.max(axis=1, keepdims=True)
        return np.asarray(scores - most - np.log(np.exp(scores - most).sum(axis=1, keepdims=True)), np.float32)


def fit(lines: Lines, chosen: NDArray[np.bool_]) -> Fit:
    """Returns the classifier fitted to the chosen lines, as it is kept: in half precision."""
    from sklearn.linear_model import LogisticRegression

    x = lines.features[chosen]
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    mean, scale = mean.astype(np.float16).astype(np.float32), np.maximum(scale, 1e-3).astype(np.float16)
    values = np.clip((x - mean) / scale.astype(np.float32), -line_script.FARTHEST, line_script.FARTHEST)
    values[:, LINE_SHAPE_SIZE:] *= READING_SCALE
    model = LogisticRegression(C=C, max_iter=300, tol=1e-3).fit(values, lines.classes[chosen])
    order = [list(model.classes_).index(name) for name in LINE_CLASSES]
    weights = model.coef_[order].T
    weights[LINE_SHAPE_SIZE:] *= READING_SCALE
    kept = (part.astype(np.float16).astype(np.float32) for part in (scale, weights, model.intercept_[order]))
    return Fit(mean, *kept)


def cross_validated(lines: Lines) -> Floats:
    """Returns the scores of all lines, each by a classifier that saw no font of its design."""
    folds = np.array([zlib.crc32(design.encode()) % FOLDS for design in lines.designs])
    scores = np.zeros((len(folds), len(LINE_CLASSES)), np.float32)
    for fold in range(FOLDS):
        scores[folds == fold] = fit(lines, folds != fold).scores(lines.features[folds == fold])
    return scores


def report(lines: Lines, scores: Floats) -> Iterator[str]:
    """Yields what to print of the scores of lines: as what they are taken, and what layers of them are called."""
    found = np.array(LINE_CLASSES)[scores.argmax(axis=1)]
    yield f"{len(found)} lines, {len(set(lines.designs))} designs; right: {(found == lines.classes).mean():.3f}"
    yield "of a hundred lines of each class, how many are taken for which:"
    yield " " * 12 + "".join(f"{name[:6]:>7}" for name in LINE_CLASSES)
    for name in LINE_CLASSES:
        own = found[lines.classes == name]
        yield f"{name:12}" + "".join(f"{100 * (own == other).mean():7.1f}" for other in LINE_CLASSES) + f"{len(own):7}"
    yield "of a hundred layers of so many lines in one design, how many are unreadable (and of the right script):"
    yield " " * 12 + "".join(f"{size:>14}" for size in LAYER_SIZES)
    rng = np.random.default_rng(0)
    for name in LINE_CLASSES[:-1]:
        cells = [_layers(lines, scores, name, size, rng) for size in LAYER_SIZES]
        yield f"{name:12}" + "".join(f"{100 * unread:7.1f} ({100 * right:4.1f})" for unread, right in cells)


def _layers(lines: Lines, scores: Floats, name: str, size: int, rng: np.random.Generator) -> tuple[float, float]:
    own = np.flatnonzero(lines.classes == name)
    called = []
    for _ in range(LAYERS_DRAWN):
        alike = own[lines.designs[own] == lines.designs[rng.choice(own)]]
        members = rng.choice(alike, min(size, len(alike)), replace=False)
        called.append(unreadable_class(scores[members].tolist(), lines.lengths[members].tolist()))
    return float(np.mean([one is not None for one in called])), float(np.mean([one == name for one in called]))


def load(paths: Sequence[Path]) -> Lines:
    """Returns the lines that draw has kept in files."""
    parts = [np.load(path) for path in paths]
    return Lines(*(np.concatenate([part[name] for part in parts]) for name in Lines.__dataclass_fields__))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.scripts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    drawing, fitting = commands.add_parser("draw"), commands.add_parser("fit")
    drawing.add_argument("fonts", nargs="+", type=Path, metavar="FONTS")
    drawing.add_argument("--out", type=Path, required=True, metavar="LINES.npz")
    drawing.add_argument("--lines", type=int, default=10000, metavar="N")
    drawing.add_argument("--seed", type=int, default=1, metavar="N")
    fitting.add_argument("lines", nargs="+", type=Path, metavar="LINES.npz")
    fitting.add_argument("--report", type=Path, metavar="FILE")
    fitting.add_argument("--write", action="store_true")
    options = parser.parse_args(argv)
    if options.command == "draw":
        draw(faces_in(options.fonts), options.lines, options.seed, options.out)
        return 0
    lines = load(options.lines)
    told = "\n".join(report(lines, cross_validated(lines)))
    print(told)
    if options.report is not None:
        where = provenance(environment(packages=["scikit-learn"]), "Fitted")
        options.report.write_text(f"{_HEAD}```text\n{told}\n```\n\n{where}\n", encoding="utf-8")
    if options.write:
        fitted = fit(lines, np.ones(len(lines.classes), bool))
        parts = {name: getattr(fitted, name).astype(np.float16) for name in Fit.__dataclass_fields__}
        np.savez_compressed(WEIGHTS, classes=np.array(LINE_CLASSES), **parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
