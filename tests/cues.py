"""Values that tests of formats and results need: a video's facts, and cues in it."""

from __future__ import annotations

from fractions import Fraction

from yivideo_ray.geometry import Box
from yivideo_ray.types import Cue, VideoInfo

__all__ = ["cue", "video"]


def video(time_base: Fraction = Fraction(1, 1000), start_pts: int = 0) -> VideoInfo:
    return VideoInfo(
        path="/videos/a.mp4",
        size_bytes=1000,
        mtime_ns=1,
        container="mp4",
        codec="h264",
        pixel_format="yuv420p",
        stream_index=0,
        coded_width=1280,
        coded_height=720,
        width=1280,
        height=720,
        rotation_deg=0,
        sample_aspect_ratio=Fraction(1),
        time_base=time_base,
        start_pts=start_pts,
        duration_s=60.0,
        frame_rate=Fraction(25),
        interlaced=False,
    )


def cue(start_pts: int, end_pts: int, *lines: str, top: bool = False) -> Cue:
    box = Box(400, 30, 880, 90) if top else Box(400, 600, 880, 660)
    return Cue(start_pts, end_pts, lines, 0.98, box, "top" if top else "bottom", 20, 1)
