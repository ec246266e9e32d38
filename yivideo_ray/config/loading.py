"""A YAML file and environment variables in, validated Settings out; what is wrong is told with where it came from.

Environment variables override the file: YIVIDEO_GPU_LOCK__LOCK_TIMEOUT=30; lists are JSON:
YIVIDEO_AREA_DETECTOR__EXCLUDE='[{"y1": 0.2}]'.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from yivideo_ray.config.schema import (
    ENV_PREFIX,
    LayerChoice,
    OcrSettings,
    ServeSettings,
    Settings,
    SubtitleFormat,
    read_layers,
)
from yivideo_ray.errors import ConfigError

__all__ = [
    "layer_choice",
    "load_settings",
    "settings_file",
    "with_address",
    "with_formats",
    "with_language",
    "with_layers",
]

# Not settings: the variable that names the file, and what Kubernetes puts into every container of a namespace that has
# a service called yivideo.
_FOREIGN_ENV = re.compile(
    r"YIVIDEO_(CONFIG|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)

# Never shown, not even where they are wrong.
SECRETS = {("serve", "keys"), ("serve", "callback_secret"), ("storage", "url"), ("storage", "allowed_urls")}


def settings_file(given: Path | None) -> Path | None:
    """Returns the file that is given, else the one that YIVIDEO_CONFIG names, else None."""
    named = os.environ.get(f"{ENV_PREFIX}CONFIG")
    return given or (Path(named) if named else None)


def load_settings(path: Path | None = None) -> Settings:
    """Returns the settings of a YAML file (None: the defaults), with the environment's on top.

    Errors: ConfigError CONFIG_INVALID for a file that can't be read, isn't YAML, names a key twice, or has a key or
    value that is wrong, and for a variable that names no setting; what is unknown is reported with the nearest known.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**({} if path is None else _read(path)))
    except ValidationError as error:
        raise ConfigError(_explain(error, path)) from error
    except SettingsError as error:
        raise ConfigError(f"{_unreadable_variable(error)} must be JSON, such as '[{{\"y0\": 0.5}}]'.") from error


def with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Returns the settings with another address to serve at. Errors: ConfigError CONFIG_INVALID for a port that is
    none."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        serve = ServeSettings.model_validate(settings.serve.model_dump() | given)
    except ValidationError as error:
        raise ConfigError(_explain(error, None)) from error
    return settings.model_copy(update={"serve": serve})


def with_language(settings: Settings, code: str) -> Settings:
    """Returns the settings with the language that the subtitles are in. Errors: ConfigError CONFIG_INVALID for what is
    no BCP 47 code."""
    try:
        ocr = OcrSettings.model_validate({**settings.ocr.model_dump(), "language": code})
    except ValidationError as error:
        raise ConfigError(f"{code!r} is no code of a language.", remedy="Name it as zh, en or pt-BR.") from error
    return settings.model_copy(update={"ocr": ocr})


def with_formats(settings: Settings, names: Sequence[str]) -> Settings:
    """Returns the settings with other subtitle formats, each once. Errors: ConfigError CONFIG_INVALID for one that is
    none."""
    known = get_args(SubtitleFormat)
    for name in names:
        if name not in known:
            reason = "is always written" if name == "json" else "is no subtitle format"
            raise ConfigError(f"{name!r} {reason}.", remedy=f"The formats to choose from are {', '.join(known)}.")
    if not names:
        raise ConfigError("No subtitle format is named.", remedy=f"Name some of {', '.join(known)}.")
    chosen = settings.subtitles.model_copy(update={"formats": tuple(dict.fromkeys(names))})
    return settings.model_copy(update={"subtitles": chosen})


def layer_choice(text: str) -> LayerChoice:
    """Returns postprocessor.layers as a person writes it: auto, all, or numbers such as 1,3. Errors: ConfigError
    CONFIG_INVALID."""
    try:
        return read_layers(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} names no layers: {error}.", remedy="The JSON result has the layers with their numbers."
        ) from error


def with_layers(settings: Settings, text: str) -> Settings:
    """Returns the settings with other layers to take, as layer_choice reads them. Errors: the same."""
    chosen = settings.postprocessor.model_copy(update={"layers": layer_choice(text)})
    return settings.model_copy(update={"postprocessor": chosen})


class _StrictLoader(yaml.SafeLoader):
    """YAML whose mappings name no key twice: the first section would be dropped without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} can't be read: {reason}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date with a 13th month
        raise ConfigError(f"{path} is not valid YAML: {_one_line(error)}.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold sections with keys, not {type(values).__name__}.")
    # A section whose keys are all commented out is None.
    return {str(name): {} if section is None else section for name, section in values.items()}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace('in "<unicode string>", ', "at ").split())


def _refuse_unknown_variables() -> None:
    known = {_variable([section, key]) for section in Settings.model_fields for key in _known_keys([section])}
    known |= {_variable([section]) for section in Settings.model_fields}
    for name in sorted(os.environ):
        upper = name.upper()
        if upper.startswith(ENV_PREFIX) and upper not in known and not _FOREIGN_ENV.fullmatch(upper):
            near = difflib.get_close_matches(upper, known, n=1, cutoff=0.0)
            raise ConfigError(f"The environment variable {name} names no setting: did you mean {near[0]}?")


def _unreadable_variable(error: SettingsError) -> str:
    # pydantic-settings tells the section only, and that only in its sentence.
    section = re.search(r'field "(\w+)"', str(error))
    start = _variable([section.group(1)]) if section else ENV_PREFIX
    return (
        f"The environment variable {' or '.join(sorted(name for name in os.environ if name.upper().startswith(start)))}"
    )


def _explain(error: ValidationError, path: Path | None) -> str:
    """Returns plain sentences on the first three things that are wrong, each with where it came from."""
    sentences = []
    for item in error.errors(include_url=False)[:3]:
        where = [str(part) for part in item["loc"]]
        variable = next((name for name in os.environ if name.upper() == _variable(where[:2])), None)
        source = f"{variable} in the environment: " if variable else f"{path}: " if path else ""
        if item["type"] == "extra_forbidden":
            known = _known_keys(where[:-1])
            near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.0)
            hint = f"did you mean {'.'.join([*where[:-1], near[0]])}?" if near else "nothing can stand there."
            sentences.append(f"{source}{'.'.join(where)} is unknown: {hint}")
        else:
            problem = item["msg"].removeprefix("Value error, ")
            given = "a secret" if tuple(where[:2]) in SECRETS else repr(item["input"])
            shown = given if len(given) <= 60 else f"{given[:57]}..."
            sentences.append(f"{source}{'.'.join(where)}: {problem[:1].lower()}{problem[1:]}, got {shown}.")
    return " ".join(sentences)


def _variable(where: list[str]) -> str:
    return ENV_PREFIX + "__".join(where).upper()


def _known_keys(where: list[str]) -> list[str]:
    """Returns the keys that may stand at a place: ["gpu_lock"] or ["area_detector", "regions", "0"]."""
    kind: Any = Settings
    for name in where:
        fields = getattr(kind, "model_fields", {})
        if name in fields:
            kind = fields[name].annotation
        elif name.isdigit() and get_args(kind):
            kind = get_args(kind)[0]
        else:
            return []
    return list(getattr(kind, "model_fields", {}))
