"""Values that tests of texts need: a video's facts, cues in it, lines and observations as crops would give them, and
tracks and layers of such lines."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.layers import TrackLayer
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack, Sighting
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.types import CharReading, Cue, VideoInfo

__all__ = ["cue", "layer", "line", "seen", "track", "video"]


def video(time_base: Fraction = Fraction(1, 1000), first_pts: int = 0, origin_s: Fraction | None = None) -> VideoInfo:
    """Returns the facts about a minute of video; its file begins with the first frame unless origin_s says so."""
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
        first_pts=first_pts,
        origin_s=first_pts * time_base if origin_s is None else origin_s,
        duration_s=60.0,
        frame_rate=Fraction(25),
        interlaced=False,
    )


def cue(start_pts: int, end_pts: int, *lines: str, top: bool = False) -> Cue:
    box = Box(400, 30, 880, 90) if top else Box(400, 600, 880, 660)
    return Cue(start_pts, end_pts, lines, 0.98, box, "top" if top else "bottom", 20, 1)


_FRAME_WIDTH = 1280


def line(
    text: str,
    confidence: float = 0.99,
    doubtful: str = "",
    *,
    x0: int | None = 100,
    y0: int = 10,
    height: int = 30,
    fill: int | None = None,
    ground: int | None = None,
) -> ReadLine:
    """Returns a line of characters of equal width, those in `doubtful` read with little confidence. x0: None for the
    middle of a frame of 1280 pixels."""
    width = height * 2 // 3 * max(1, len(text))
    left = (_FRAME_WIDTH - width) // 2 if x0 is None else x0
    shown = [(place, char) for place, char in enumerate(text) if char != " "]
    chars = tuple(
        CharReading(
            char,
            0.5 if char in doubtful else confidence,
            place / len(text),
            (place + 1) / len(text),
            0.9 if place and text[place - 1] == " " else 0.0,
        )
        for place, char in shown
    )
    return ReadLine(text, confidence, Box(left, y0, left + width, y0 + height), chars, fill, ground)


def seen(
    start: int, end: int, *texts: str | ReadLine, confidence: float = 0.99, doubtful: str = "", **facts: Any
) -> Observation:
    """Returns an observation of these lines below each other; facts are further fields of Observation."""
    lines = tuple(
        text if isinstance(text, ReadLine) else line(text, confidence, doubtful, y0=10 + 40 * row)
        for row, text in enumerate(texts)
    )
    return Observation(start, end, lines, end - start, end - start, **facts)


def track(start: int, end: int, *reads: str | ReadLine, **place: Any) -> LineTrack:
    """Returns a track that was read in these ways one after the other, each for an equal share of its time, a frame a
    tick. Texts are lines in the middle of the lowest row, unless `place` (arguments of line) says otherwise."""
    step = (end - start) // len(reads)
    where = {"x0": None, "y0": 600, **place}
    return LineTrack(
        [
            Sighting(
                region=0,
                observation=number,
                pieces=(0,),
                read=read if isinstance(read, ReadLine) else line(read, **where),
                start_pts=start + number * step,
                end_pts=start + (number + 1) * step,
                frames=step,
            )
            for number, read in enumerate(reads)
        ]
    )


def layer(*tracks: LineTrack) -> TrackLayer:
    return TrackLayer(tuple(sorted(tracks, key=lambda one: one.start_pts)))
