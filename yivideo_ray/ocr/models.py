"""Finds the model that a setting names: embedded, in a directory, or by a PaddleOCR name.

Nothing here touches the network or imports PaddleOCR: `hub` does, for names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from yivideo_ray.errors import ModelError

__all__ = ["CONFIG_FILE", "EMBEDDED", "Model", "Role", "characters_in", "check_directory", "directory_named"]

EMBEDDED = "embedded"
CONFIG_FILE = "inference.yml"

_MODEL_FILES = {
    "onnxruntime": (("inference.onnx",),),
    "paddle": (("inference.json", "inference.pdiparams"), ("inference.pdmodel", "inference.pdiparams")),
}
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Role(StrEnum):
    DETECTION = "det"
    RECOGNITION = "rec"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is there: the name that PaddleOCR knows it by, and the directory that holds its files."""

    name: str
    directory: Path


def directory_named(setting: str) -> Path | None:
    """Returns the directory that a setting means, None if it is a name. Errors: ModelError if it does not exist."""
    path = Path(setting).expanduser()
    if path.is_dir():
        return path
    if path.name != setting:
        raise ModelError(f"The model directory {path} does not exist.", directory=str(path))
    return None


def check_directory(path: Path, engine: str) -> Model:
    """Returns the model in a directory. Errors: ModelError MODEL_UNAVAILABLE that names what it lacks."""
    missing = [] if (path / CONFIG_FILE).is_file() else [CONFIG_FILE]
    choices = _MODEL_FILES[engine]
    if not any(all((path / name).is_file() for name in names) for names in choices):
        missing.append(", or ".join(" with ".join(names) for names in choices))
    if missing:
        raise ModelError(
            f"The model directory {path} lacks {' and '.join(missing)}.",
            remedy=f"Export the model for ocr.engine {engine}, or use the embedded models.",
            directory=str(path),
        )
    return Model(str(_configured(path, "Global", "model_name")), path)


def characters_in(model: Model) -> list[str]:
    """Returns the characters that a recognition model in a directory knows. Errors: ModelError if it names none."""
    return [str(character) for character in _configured(model.directory, "PostProcess", "character_dict")]


def _configured(path: Path, section: str, key: str) -> Any:
    try:
        with (path / CONFIG_FILE).open(encoding="utf-8") as file:
            return yaml.load(file, _YamlLoader)[section][key]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError) as error:
        raise ModelError(f"{path / CONFIG_FILE} has no {section}.{key}.", directory=str(path)) from error
