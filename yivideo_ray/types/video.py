"""A video, its frames, the stages that it goes through and the engine that runs their models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yivideo_ray.errors import ResultWarning
from yivideo_ray.geometry import Box

__all__ = [
    "STAGES",
    "ChunkSpan",
    "EngineFacts",
    "Luma",
    "SampledFrame",
    "Samples",
    "Stage",
    "VideoInfo",
]


class Stage(StrEnum):
    """The six stages, in the order in which a full chain runs them. The names are public API."""

    EXTRACT_KEYFRAMES = "ffmpeg.extract_keyframes"
    DETECT_SUBTITLE_AREA = "paddleocr.detect_subtitle_area"
    CROP_SUBTITLE_IMAGES = "ffmpeg.crop_subtitle_images"
    CREATE_STITCHED_IMAGES = "paddleocr.create_stitched_images"
    PERFORM_OCR = "paddleocr.perform_ocr"
    POSTPROCESS_AND_FINALIZE = "paddleocr.postprocess_and_finalize"


STAGES: tuple[Stage, ...] = tuple(Stage)


Luma = NDArray[np.uint8]
"""A grey picture, shape (H, W), dtype uint8, as the stream's luma (limited range stays limited)."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Facts about one video, read from its headers without decoding all of it. path is absolute, or an address.

    width and height are in frame coordinates (upright, square pixels). rotation_deg is what a player turns the
    stored picture by, clockwise: 0, 90, 180 or 270. first_pts is the pts of the first frame, duration_s how long the
    container says that the picture lasts from there (None: it doesn't say). origin_s is where the file begins, in
    seconds on the clock of the pts: players show it as 0, and where sound begins before the picture it is less than the
    first frame's time, never more. track_duration: duration_s is told of the picture itself, not of the whole file,
    whose sound may last longer. frame_rate is the average, for display and scoring only.
    size_bytes, mtime_ns (of a file) and version (what a server tells of what is at an address; "" if that is nothing)
    show whether the video changed since it was probed. pts_from_dts: the container stores no
    usable pts (AVI), and every pts of this video is counted from the decoding timestamps.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    container: str
    codec: str
    pixel_format: str
    stream_index: int
    coded_width: int
    coded_height: int
    width: int
    height: int
    rotation_deg: int
    sample_aspect_ratio: Fraction
    time_base: Fraction
    first_pts: int
    origin_s: Fraction
    duration_s: float | None
    frame_rate: Fraction | None
    interlaced: bool
    warnings: tuple[ResultWarning, ...] = ()
    pts_from_dts: bool = False
    track_duration: bool = False
    version: str = ""

    @property
    def identity(self) -> tuple[int, int | str]:
        """What is another for other content, as far as can be told without reading it."""
        return self.size_bytes, self.version or self.mtime_ns

    @property
    def bounds(self) -> Box:
        return Box(0, 0, self.width, self.height)

    def time(self, pts: int) -> Fraction:
        """Returns the exact time of pts in seconds from where the file begins, as players count it."""
        return pts * self.time_base - self.origin_s

    def seconds(self, pts: int) -> float:
        """Returns the time of pts in seconds from where the file begins, as players count it."""
        return float(self.time(pts))

    def pts_at(self, seconds: float) -> int:
        """Returns the pts nearest to a time in seconds from where the file begins. The inverse of seconds."""
        return round((Fraction(seconds) + self.origin_s) / self.time_base)

    def ticks(self, seconds: float) -> int:
        """Returns how many units of time_base are nearest to a duration in seconds."""
        return round(seconds / self.time_base)


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """A stretch of video that one task works on: from the first key frame with pts >= start_pts
    to the first key frame with pts >= end_pts, not included. None: from the first, or to the last frame."""

    index: int
    start_pts: int | None
    end_pts: int | None


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """A frame as the area detection sees it: scaled to luma.shape, frame coordinates = pixel / scale."""

    pts: int
    luma: Luma
    scale: float


@dataclass(frozen=True, slots=True)
class Samples:
    """Frames from all over a video, in order of time. full: a longer look at it would give no more.

    holes counts the places aimed at, in all of the video, that the file has nothing for though it has an index;
    corrupt_packets what could not be decoded, or with errors only. Both are 0 in an undamaged video.
    """

    frames: tuple[SampledFrame, ...]
    full: bool
    holes: int = 0
    corrupt_packets: int = 0


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What really runs the models. provider is what the session reports, not what was asked for."""

    engine: str
    device: str
    provider: str
    detection_model: str
    recognition_model: str
    versions: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "versions": dict(self.versions)}
