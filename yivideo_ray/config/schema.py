"""The settings as frozen, picklable values, each with its range. Every key is explained in defaults.yml beside this."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from yivideo_ray.geometry import Box
from yivideo_ray.locations import require_prefix

__all__ = [
    "ENV_PREFIX",
    "AreaDetectorSettings",
    "DecoderSettings",
    "GpuLockSettings",
    "GpuSettings",
    "LayerChoice",
    "LoggingSettings",
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
    "read_layers",
]

ENV_PREFIX = "YIVIDEO_"
_LAYER = re.compile("[1-9][0-9]{0,8}")


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


def read_layers(given: Any) -> Literal["auto", "all"] | tuple[int, ...]:
    """Returns which layers to take: auto, all, or their numbers in the JSON result, each once, from a list, one number,
    or text such as "1,3". Errors: ValueError."""
    if given in ("auto", "all"):
        return cast(Literal["auto", "all"], given)
    named = given.split(",") if isinstance(given, str) else [given] if isinstance(given, int) else given
    if isinstance(named, list | tuple) and named and all(_LAYER.fullmatch(str(one).strip()) for one in named):
        return tuple(dict.fromkeys(int(one) for one in named))
    raise ValueError("it must be auto, all or numbers of layers from 1 on, such as 1,3")


SubtitleFormat = Literal["srt", "vtt", "ass", "txt"]
LayerChoice = Annotated[Literal["auto", "all"] | tuple[int, ...], BeforeValidator(read_layers)]
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
    fallback: Literal["none", "cpu"] = "none"
    actors: Literal["auto"] | Annotated[int, Field(ge=1, le=1000)] = 1
    per_device: int = Field(1, ge=1, le=16)
    mailbox_size: int = Field(256, ge=1, le=1000)
    max_calls_before_restart: int = Field(0, ge=0)
    calls_together: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = "auto"
    decode_lanes: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = "auto"


class OcrSettings(_Section):
    engine: Literal["onnxruntime", "paddle", "scripted"] = "onnxruntime"
    detection_model: str = "embedded"
    recognition_model: str = "embedded"
    batch_size: int = Field(8, ge=1, le=256)
    threads: int = Field(0, ge=0)
    language: Language | None = None
    script: LocalPath | None = None


class DecoderSettings(_Section):
    backend: Literal["auto", "cuda", "cpu"] = "auto"
    threads: int = Field(1, ge=1, le=64)
    max_dimension_px: int = Field(8192, ge=16)
    max_pixels: int = Field(50_000_000, ge=256)
    max_duration_s: float = Field(43200, gt=0)
    url_timeout_s: float = Field(60, gt=0)
    strict: bool = False


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

    def of(self, frame: Box) -> Box:
        """Returns the region in the coordinates of a frame, whose origin is 0, 0: each side at the nearest pixel."""
        x0, x1 = round(self.x0 * frame.width), round(self.x1 * frame.width)
        y0, y1 = round(self.y0 * frame.height), round(self.y1 * frame.height)
        return Box(x0, y0, x1, y1)


DAY_S = 86_400
MAX_REGIONS = 64


class AreaDetectorSettings(_Section):
    samples: int = Field(24, ge=1, le=1000)
    sample_interval_s: float = Field(15, ge=1, le=DAY_S)
    frame_side_px: int = Field(640, ge=160, le=4096)
    regions: tuple[RegionSetting, ...] = Field((), max_length=MAX_REGIONS)
    exclude: tuple[RegionSetting, ...] = Field((), max_length=MAX_REGIONS)


class PostprocessorSettings(_Section):
    min_confidence: Share = 0.6
    min_duration_ms: float = Field(200, ge=0, le=1000 * DAY_S)
    merge_gap_ms: float = Field(90, ge=0, le=1000 * DAY_S)
    space_probability: Share = 0.5
    review_confidence: Share = 0.75
    layers: LayerChoice = "auto"


class ScriptLanguages(_Section):
    """The language that stands for each script (text.scripts.Script), as a BCP 47 code."""

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
    max_ongoing_requests: int = Field(500, ge=1, le=100_000)
    max_watchers: int = Field(200, ge=1, le=100_000)
    max_uploads: int = Field(32, ge=1, le=10_000)
    max_requests_per_key: int = Field(350, ge=1, le=100_000)
    receive_timeout_s: float = Field(20, ge=0.1, le=3600)
    min_upload_bytes_per_s: int = Field(4096, ge=1)
    watch_idle_s: float = Field(600, ge=1)
    max_upload_bytes: int = Field(8 * 1024**3, ge=1)
    allow_private_callbacks: bool = False
    callback_secret: CallbackSecret | None = None

    @property
    def url(self) -> str:
        """Returns the address under which the service is reached from its own machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class StorageSettings(_Section):
    """url: None for an SQLite file in work_dir, or a URL of PostgreSQL. keep_…: 0 is for ever, without limit."""

    work_dir: LocalPath = Path("~/.cache/yivideo")
    url: SecretStr | None = None
    allowed_roots: tuple[Root, ...] = ()
    allowed_urls: tuple[UrlPrefix, ...] = ()
    keep_days: float = Field(90, ge=0)
    keep_bytes: int = Field(100 * 1024**3, ge=0)
    keep_uploads_days: float = Field(7, ge=0)


class LoggingSettings(_Section):
    """The service's log, work_dir/logs/service.log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    max_bytes: int = Field(10_000_000, ge=10_000)
    files: int = Field(5, ge=1, le=1000)


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
    logging: LoggingSettings = LoggingSettings()

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
