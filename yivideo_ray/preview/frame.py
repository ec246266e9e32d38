"""Which frame of a video to show: the sampled one that holds most text where subtitles were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from yivideo_ray import media
from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError
from yivideo_ray.geometry import Box
from yivideo_ray.pixels.strokes import analysis_scale, stroke_mask
from yivideo_ray.stages.extract_keyframes import whole_frames
from yivideo_ray.types import SubtitleArea, VideoInfo

__all__ = ["telling_frame"]


def telling_frame(
    info: VideoInfo, found: SubtitleArea, sampled: Iterable[int], settings: Settings, *, quick: bool = False
) -> media.VideoFrame:
    """Returns the sampled frame that shows most text in the bands, all of them together; without bands, the one in
    the middle. quick: they were sampled at a quick look. Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    wanted = frozenset(sampled)
    # A region that the settings force may hold nothing but background.
    bands = [band for band in found.bands if band.evidence.samples_with_text] or found.bands

    def frames() -> Iterator[media.VideoFrame]:
        return (frame for frame in whole_frames(info, settings, quick=quick) if frame.pts in wanted)

    # Two passes, for large frames can't all be kept.
    strokes = {frame.pts: [_strokes(frame, band.box, band.line_height_px) for band in bands] for frame in frames()}
    if not strokes:
        raise InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")
    most = [max(1, *counts) for counts in zip(*strokes.values(), strict=True)]
    telling = sorted(strokes)[len(strokes) // 2]
    if most:
        # A band full of letters counts as much as another, whatever its size.
        telling = max(strokes, key=lambda pts: sum(n / m for n, m in zip(strokes[pts], most, strict=True)))
    return next(frame for frame in frames() if frame.pts == telling)


def _strokes(frame: media.VideoFrame, box: Box, line_height_px: float) -> int:
    return int(stroke_mask(frame.luma(box), analysis_scale(line_height_px)).sum())
