"""Which modules and numbers of a checkout count as borders, and what a person looked at and took off the count.

A module of ROOMS that is not in LEFT_OUT counts, a new one too. Names here are as `--names` shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.borders.counting import Found, find_borders, find_lexical

__all__ = [
    "FEATURES",
    "LEFT_OUT",
    "NO_BORDERS",
    "NO_SPECIAL_CASES",
    "PACKAGE",
    "ROOMS",
    "Module",
    "count_fitted",
    "read_modules",
]

PACKAGE = "yivideo_ray"
ROOMS = ("stages", "pixels", "text", "ocr", "subtitles")

LEFT_OUT: Mapping[str, str] = {
    "ocr/adapter": "is an engine's life, and chooses its device",
    "ocr/backend": "runs the models: batches, and threads side by side",
    "ocr/device_backend": "runs the models on a GPU: full batches, and work beside the run",
    "ocr/device_model": "runs one model on a GPU, a session for each shape",
    "ocr/embedded": "writes down the configuration that PaddleOCR's models come with",
    "ocr/faults": "tells failures of the models' libraries apart",
    "ocr/graphs": "does the arithmetic before and behind the models on a GPU",
    "ocr/hub": "downloads models",
    "ocr/libraries": "finds CUDA's libraries",
    "ocr/models": "finds the files of a model",
    "ocr/onnx": "opens models",
    "ocr/pattern": "draws and reads the pictures of tests",
    "ocr/recording": "gives the answers of another engine, in tests",
    "ocr/scripted": "takes the place of the models in tests",
    "ocr/shapes": "has the shapes in which PaddleOCR's models take pictures",
    "stages/layer_warnings": "tells people what was decided, and where that is in doubt",
    "subtitles/formats": "writes down what was decided, where players show it",
    "subtitles/matching": "is the convention by which results are scored",
    "subtitles/scoring": "is the convention by which results are scored",
}
"""Modules that decide nothing about what a video says, by room and name, with what they do instead."""

FEATURES: Mapping[str, str] = {
    "pixels/line_shape": "what perform_ocr/script_weights.npz weighs of a line's picture",
    "stages/layer_features": "what postprocess_and_finalize/layer_weights.json weighs of a layer",
    "stages/line_script": "what perform_ocr/script_weights.npz weighs of a line's reading",
    "text/word_gaps": "what text/word_gaps.json weighs of a place between two characters",
}
"""Modules that describe something for a fitted model, by room and name, with what weighs it: their numbers are how
finely they describe it, and decide nothing by themselves. Counted apart."""

NO_BORDERS: Mapping[str, str] = {
    "CROPS_PER_PART": "a batch: crops are the same in parts of any size",
    "CROP_LINE_PX": "the height in which recognition models take a line",
    "READABLE_VERSIONS": "numbers the versions of the result's format",
    "SCHEMA_VERSION": "numbers the versions of the result's format",
    "SHEET_HEIGHT_PX": "the size of a sheet",
    "SHEET_WIDTHS_PX": "the size of a sheet",
    "_BLANK": "the class that is no character in every CTC model",
    "_BYTES": "how EUC-JP, GB 2312 and Big5 encode a character",
    "_GRID_S": "bounds how far a chunk is read beyond its end: text joins again what is cut there",
    "_MOST_COUNTED": "follows from how OpenCV mirrors a picture at its corner",
    "_NEIGHBOURS": "names the neighbours of a pixel, diagonal ones among them",
    "_PER_ELLIPSIS": "what an ellipsis is",
    "_RECENT": "bounds the cost of a film: layers are the same with a quarter of it, and without it",
    "_exactly() 16": "rounds to a fraction of a pixel of which sums are exact, whichever",
    "_ink() 8": "names the neighbours of a pixel, diagonal ones among them",
    "_median() 1 - 1e-09": "allows for the rounding of a sum",
    "_recognize() 3": "counts the pictures that were read",
    "shrink() 0.5": "a picture is halved while it stays large enough: the way to a size, not the size",
}
"""Numbers that decide nothing, or that nobody chose: each with its reason."""

NO_SPECIAL_CASES: Mapping[str, str] = {
    "REPORTED": "names the packages whose versions a result tells",
    "_entries() '#'": "begins a comment in OpenCC's tables",
    "_with_spaces() op.tag not in ('equal', 'replace')": "names what rapidfuzz tells of two texts",
}
"""The same of what looks like a special case of letters."""


@dataclass(frozen=True, slots=True)
class Module:
    """What was found in a module, in the order of its source; file is its path within the package. features are the
    numbers of a module of FEATURES, which has no borders."""

    file: str
    borders: tuple[Found, ...]
    lexical: tuple[Found, ...]
    features: tuple[Found, ...] = ()


def read_modules(root: Path, *, reviewed: bool = True) -> list[Module]:
    """Returns the modules of a checkout that count, in the order of their paths. reviewed: without what NO_BORDERS and
    NO_SPECIAL_CASES name. Errors: OSError where the checkout has no package, SyntaxError."""
    package = root / PACKAGE
    if not package.is_dir():
        raise FileNotFoundError(f"There is no {PACKAGE} in {root}: --root takes a checkout of it.")
    files = sorted(file for room in ROOMS for file in (package / room).rglob("*.py"))
    counted = ((file.relative_to(package).as_posix(), file) for file in files)
    return [_read(name, path, reviewed) for name, path in counted if not _is_left_out(name)]


def _read(name: str, path: Path, reviewed: bool) -> Module:
    source = path.read_text(encoding="utf-8")
    borders, lexical = find_borders(source), find_lexical(source)
    if reviewed:
        borders, lexical = _without(borders, NO_BORDERS), _without(lexical, NO_SPECIAL_CASES)
    if _key(name) in FEATURES:
        return Module(name, (), tuple(lexical), tuple(borders))
    return Module(name, tuple(borders), tuple(lexical))


def _without(found: Iterable[Found], reviewed: Mapping[str, str]) -> list[Found]:
    return [one for one in found if one.key not in reviewed]


def _is_left_out(name: str) -> bool:
    return _key(name) in LEFT_OUT


def _key(name: str) -> str:
    return f"{name.partition('/')[0]}/{Path(name).stem}"


def count_fitted(root: Path) -> dict[str, int]:
    """Returns how many numbers each JSON file of the package holds, by its path within it: those are fitted weights.
    Errors: ValueError for a file that is no JSON."""
    package = root / PACKAGE
    return {
        path.relative_to(package).as_posix(): _numbers(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(package.rglob("*.json"))
    }


def _numbers(told: Any) -> int:
    if isinstance(told, dict):
        return sum(map(_numbers, told.values()))
    if isinstance(told, list):
        return sum(map(_numbers, told))
    return isinstance(told, int | float) and not isinstance(told, bool)
