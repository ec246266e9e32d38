"""Settings: config.yml and environment variables in, one validated, frozen and picklable Settings out.

Every key is explained in config.yml at the top of the project, which holds the defaults.
Environment variables override the file: YIVIDEO_GPU_LOCK__LOCK_TIMEOUT=30; lists are JSON:
YIVIDEO_AREA_DETECTOR__EXCLUDE='[{"y1": 0.2}]'. Where a value came from shows in the error that refuses it.
"""

from __future__ import annotations

import base64
import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from yivideo_ray.errors import ConfigError
from yivideo_ray.urls import require_prefix

__all__ = [
    "AreaDetectorSettings",
    "DecoderSettings",
    "GpuLockSettings",
    "GpuSettings",
    "OcrSettings",
    "PipelineSettings",
    "PostprocessorSettings",
    "RegionSetting",
    "ScriptLanguages",
    "ServeSettings",
    "Settings",
    "StorageSettings",
    "SubtitleFormat",
    "SubtitleSettings",
    "load_settings",
    "with_address",
    "with_formats",
]

ENV_PREFIX = "YIVIDEO_"
# Not settings: the command's own variable, and what Kubernetes puts into every container of a namespace that has a
# service called yivideo.
_FOREIGN_ENV = re.compile(
    r"YIVIDEO_(CONFIG|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)

# Never shown, not even where they are wrong.
SECRETS = {("serve", "keys"), ("serve", "callback_secret"), ("storage", "url"), ("storage", "allowed_urls")}


def _expand_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("the home directory is unknown, so ~ can't be used") from error


def _require_absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("a root must be an absolute path")
    return path


def _require_url(prefix: str) -> str:
    try:
        require_prefix(prefix)
    except ValueError as error:
        raise ValueError(f"the prefix {error}") from error
    return prefix


def _require_webhook_secret(secret: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not 24 <= size <= 64:
        raise ValueError("it must be 24 to 64 bytes in base64, with or without whsec_ before them")
    return secret


SubtitleFormat = Literal["srt", "vtt", "ass", "txt"]
# It becomes part of file names.
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
Share = Annotated[float, Field(ge=0, le=1)]
LocalPath = Annotated[Path, AfterValidator(_expand_home)]
Root = Annotated[LocalPath, AfterValidator(_require_absolute)]
UrlPrefix = Annotated[str, AfterValidator(_require_url)]
# What goes into a header, and is no word that somebody guesses.
Key = Annotated[SecretStr, Field(min_length=16, max_length=512)]
CallbackSecret = Annotated[SecretStr, AfterValidator(_require_webhook_secret)]


class _Section(BaseModel):
    # Defaults are validated too, for ~ to be expanded in them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class GpuLockSettings(_Section):
    """How calls to the GPU actor wait, time out and are tried again. All times in seconds."""

    retry_interval: float = Field(10, gt=0)
    max_retries: int = Field(60, ge=0)
    lock_timeout: float = Field(600, gt=0)
    exponential_backoff: bool = True
    max_retry_interval: float = Field(60, gt=0)
    max_wait: float = Field(86400, gt=0)
    enable_priority_queue: bool = False


class GpuSettings(_Section):
    device: Literal["auto", "gpu", "cpu"] = "auto"
    actors: Literal["auto"] | Annotated[int, Field(ge=1, le=1000)] = 1
    mailbox_size: int = Field(256, ge=1, le=1000)
    max_calls_before_restart: int = Field(0, ge=0)
    calls_together: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = "auto"
    overlap_decode: bool = False


class OcrSettings(_Section):
    engine: Literal["onnxruntime", "paddle", "scripted"] = "onnxruntime"
    detection_model: str = "embedded"
    recognition_model: str = "embedded"
    batch_size: int = Field(8, ge=1, le=256)
    threads: int = Field(0, ge=0)
    script: LocalPath | None = None


class DecoderSettings(_Section):
    backend: Literal["auto", "cuda", "cpu"] = "auto"
    runs_on: Literal["auto", "actor", "task"] = "auto"
    threads: int = Field(1, ge=1, le=64)
    max_dimension_px: int = Field(8192, ge=16)
    max_duration_s: float = Field(43200, gt=0)
    url_timeout_s: float = Field(60, gt=0)
    strict: bool = False

    @model_validator(mode="after")
    def _has_a_place(self) -> DecoderSettings:
        if self.backend == "cuda" and self.runs_on == "task":
            raise ValueError("tasks have no GPU: with backend cuda, runs_on must be auto or actor")
        return self


class RegionSetting(_Section):
    """A rectangle in shares (0 to 1) of the frame's width and height, origin top left."""

    x0: Share = 0.0
    y0: Share = 0.0
    x1: Share = 1.0
    y1: Share = 1.0

    @model_validator(mode="after")
    def _has_an_area(self) -> RegionSetting:
        if self.x0 >= self.x1 or self.y0 >= self.y1:
            raise ValueError("x0 must be less than x1, and y0 less than y1")
        return self


class AreaDetectorSettings(_Section):
    samples: int = Field(24, ge=1, le=1000)
    sample_interval_s: float = Field(15, ge=1)
    frame_side_px: int = Field(640, ge=160, le=4096)
    regions: tuple[RegionSetting, ...] = ()
    exclude: tuple[RegionSetting, ...] = ()


class PostprocessorSettings(_Section):
    min_confidence: Share = 0.6
    min_duration_ms: float = Field(200, ge=0)
    merge_gap_ms: float = Field(90, ge=0)
    space_probability: Share = 0.01
    review_confidence: Share = 0.75


class ScriptLanguages(_Section):
    """The language that stands for each script (subtitles.tracks.SCRIPTS), as a BCP 47 code."""

    han: Language = "zh"
    kana: Language = "ja"
    hangul: Language = "ko"
    latin: Language = "en"
    cyrillic: Language = "ru"
    greek: Language = "el"
    arabic: Language = "ar"
    hebrew: Language = "he"
    thai: Language = "th"
    devanagari: Language = "hi"
    other: Language = "und"


class SubtitleSettings(_Section):
    formats: tuple[SubtitleFormat, ...] = ("srt",)
    split_by_script: bool = False
    script_languages: ScriptLanguages = ScriptLanguages()


class PipelineSettings(_Section):
    chunk_s: float = Field(30, ge=1)
    chunks_in_flight: int = Field(0, ge=0)
    crops_per_call: int = Field(16, ge=1, le=256)


class ServeSettings(_Section):
    """The service behind HTTP. keys and storage.url are secrets: get_secret_value gives what str and repr hide."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8788, ge=1, le=65535)
    keys: tuple[Key, ...] = ()
    max_queued: int = Field(1000, ge=1, le=1_000_000)
    max_running: int = Field(0, ge=0, le=1000)
    max_ongoing_requests: int = Field(1000, ge=1, le=100_000)
    max_upload_bytes: int = Field(8 * 1024**3, ge=1)
    allow_private_callbacks: bool = False
    callback_secret: CallbackSecret | None = None

    @property
    def url(self) -> str:
        """Returns the address under which the service is reached from its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class StorageSettings(_Section):
    """url: None for an SQLite file in work_dir, or a URL of PostgreSQL."""

    work_dir: LocalPath = Path("~/.cache/yivideo")
    url: SecretStr | None = None
    allowed_roots: tuple[Root, ...] = ()
    allowed_urls: tuple[UrlPrefix, ...] = ()


class Settings(BaseSettings):
    """All settings. The environment wins over values given to the constructor, which win over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    gpu_lock: GpuLockSettings = GpuLockSettings()
    gpu: GpuSettings = GpuSettings()
    ocr: OcrSettings = OcrSettings()
    decoder: DecoderSettings = DecoderSettings()
    area_detector: AreaDetectorSettings = AreaDetectorSettings()
    postprocessor: PostprocessorSettings = PostprocessorSettings()
    subtitles: SubtitleSettings = SubtitleSettings()
    pipeline: PipelineSettings = PipelineSettings()
    serve: ServeSettings = ServeSettings()
    # Made anew each time: it holds the home directory of the process that asks.
    storage: StorageSettings = Field(default_factory=StorageSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The file's values come in through the constructor, and the environment overrides the file.
        return env_settings, init_settings


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
