"""Stage 1, ffmpeg.extract_keyframes: a few small grey frames from all over the video, to find its subtitles in."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from yivideo_ray.config import Settings
from yivideo_ray.media import SamplePlan, VideoFrame, plan_samples, sample_frames
from yivideo_ray.types import SampledFrame, Samples, VideoInfo

__all__ = ["extract_keyframes", "whole_frames"]

# With so many, a line at the top that shows for 2 % of a film is seen twice; more would hold the device for longer than
# a chunk does, and others wait for that.
_MOST_SAMPLES = 120
# The height of a frame of 16:9 as a share of its width.
_AREA_SHARE = 9 / 16


def extract_keyframes(
    info: VideoInfo, settings: Settings, part: tuple[int, int] = (0, 1), *, quick: bool = False
) -> Samples:
    """Returns frames spread evenly over the video: about area_detector.samples of them, or one in every
    area_detector.sample_interval_s seconds where that is more.

    A frame has at most the pixels of one of 16:9 whose longer side is area_detector.frame_side_px, or no side
    longer than that; its scale leads back to frame coordinates. The same video and settings give the same frames.
    Fewer where the video has fewer, or where it is damaged, and at a quick look: then key frames alone, if there
    are half as many. part (i, n) asks for the share i of n, in order: shares can be made side by side.
    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    limit_px = settings.area_detector.frame_side_px
    plan = _plan(info, settings, quick)
    reader = sample_frames(info, plan, settings.decoder, part)
    frames = tuple(_sample(frame, info, limit_px) for frame in reader)
    return Samples(frames, plan.full, plan.holes, reader.corrupt_packets)


def whole_frames(info: VideoInfo, settings: Settings, *, quick: bool = False) -> Iterator[VideoFrame]:
    """Yields the frames that extract_keyframes makes its own from, in their full size. Errors: the same."""
    yield from sample_frames(info, _plan(info, settings, quick), settings.decoder)


def _plan(info: VideoInfo, settings: Settings, quick: bool) -> SamplePlan:
    wanted = settings.area_detector
    by_length = min(_MOST_SAMPLES, int(float(info.duration_s or 0) / wanted.sample_interval_s))
    count = max(wanted.samples, by_length)
    return plan_samples(info, count, settings.decoder, least=wanted.samples, quick=quick)


def _sample(frame: VideoFrame, info: VideoInfo, side_limit_px: int) -> SampledFrame:
    luma = frame.luma()
    # By its sides alone, a strip of subtitles would be scaled to lines of a few pixels.
    by_area = math.sqrt(_AREA_SHARE * side_limit_px**2 / (info.width * info.height))
    scale = min(1.0, max(by_area, side_limit_px / max(info.width, info.height)))
    if scale < 1.0:
        size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    return SampledFrame(frame.pts, np.ascontiguousarray(luma), luma.shape[1] / info.width)
