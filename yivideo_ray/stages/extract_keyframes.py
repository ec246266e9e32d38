"""Stage 1, ffmpeg.extract_keyframes: a few small grey frames from all over the video, to find its subtitles in."""

from __future__ import annotations

import cv2
import numpy as np

from yivideo_ray.config import Settings
from yivideo_ray.media import VideoFrame, sample_frames
from yivideo_ray.types import SampledFrame, VideoInfo

__all__ = ["extract_keyframes"]


def extract_keyframes(info: VideoInfo, settings: Settings) -> tuple[SampledFrame, ...]:
    """Returns about area_detector.samples frames spread evenly over the video, in order of time.

    Each is at most area_detector.frame_width_px wide; its scale leads back to frame coordinates. The same video and
    settings give the same frames. Fewer where the video has fewer, or where it is damaged.
    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    wanted = settings.area_detector
    frames = sample_frames(info, wanted.samples, settings.decoder)
    return tuple(_sample(frame, info, wanted.frame_width_px) for frame in frames)


def _sample(frame: VideoFrame, info: VideoInfo, width_limit_px: int) -> SampledFrame:
    luma = frame.luma()
    width = min(info.width, width_limit_px)
    if width < info.width:
        height = max(1, round(info.height * width / info.width))
        luma = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return SampledFrame(frame.pts, np.ascontiguousarray(luma), width / info.width)
