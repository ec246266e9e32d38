"""The subtitle area of a video, found in this process as a workflow finds it."""

from __future__ import annotations

from yivideo_ray.config import Settings
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area, is_conclusive
from yivideo_ray.stages.extract_keyframes import extract_keyframes
from yivideo_ray.types import SubtitleArea, VideoInfo

__all__ = ["find_area"]


def find_area(info: VideoInfo, settings: Settings, engine: OcrEngine) -> SubtitleArea:
    """Returns the area, from a full look where a quick one doesn't tell. Errors: those of the first two stages."""
    samples = extract_keyframes(info, settings, quick=True)
    area = detect_subtitle_area(info, samples.frames, engine, settings.area_detector)
    if samples.full or is_conclusive(area):
        return area
    samples = extract_keyframes(info, settings)
    return detect_subtitle_area(info, samples.frames, engine, settings.area_detector)
