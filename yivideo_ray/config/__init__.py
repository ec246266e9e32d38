"""Settings: config.yml and environment variables in, one validated, frozen and picklable Settings out."""

from yivideo_ray.config.loading import load_settings, settings_file, with_address, with_formats, with_language
from yivideo_ray.config.schema import (
    AreaDetectorSettings,
    DecoderSettings,
    GpuLockSettings,
    GpuSettings,
    OcrSettings,
    PipelineSettings,
    PostprocessorSettings,
    RegionSetting,
    ScriptLanguages,
    ServeSettings,
    Settings,
    StorageSettings,
    SubtitleFormat,
    SubtitleSettings,
)

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
    "settings_file",
    "with_address",
    "with_formats",
    "with_language",
]
