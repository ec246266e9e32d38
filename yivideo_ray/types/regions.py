"""Where in the frame text is: what detection finds in a picture, and the regions of a video."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from yivideo_ray.geometry import Box

__all__ = [
    "Band",
    "BandEvidence",
    "RejectedRegion",
    "RejectionReason",
    "SubtitleArea",
    "TextBox",
]


@dataclass(frozen=True, slots=True)
class TextBox:
    """Text found by detection: its upright box and the detector's score (0 to 1), in the image it was given."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class BandEvidence:
    """What a band rests on: of how many sampled frames how many showed text there, and how often it changed."""

    samples: int
    samples_with_text: int
    distinct_texts: int
    mean_score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the frame in which subtitles appear and disappear, box in frame coordinates.

    line_height_px is the median height of one text line's box there, in frame pixels.
    """

    name: str
    box: Box
    line_height_px: float
    evidence: BandEvidence


class RejectionReason(StrEnum):
    """Why text that was found in the frame is not a subtitle."""

    ALWAYS_THERE = "always_there"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class RejectedRegion:
    """Text in the frame that is not a subtitle, with the reason; box in frame coordinates."""

    box: Box
    reason: RejectionReason
    samples_with_text: int


@dataclass(frozen=True, slots=True)
class SubtitleArea:
    """Where the subtitles are: no band at all means that the video shows none."""

    bands: tuple[Band, ...]
    rejected: tuple[RejectedRegion, ...] = ()
