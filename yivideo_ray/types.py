"""The values that cross process boundaries: frozen, slotted, picklable. No behaviour beyond small derivations.

Time is an integer pts with the stream's time_base; seconds appear only where something is written.
Frame coordinates are those of the picture as a player shows it: rotated upright, with square pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yivideo_ray.geometry import Box

__all__ = [
    "STAGES",
    "Band",
    "BandEvidence",
    "CharReading",
    "ChunkReport",
    "ChunkSpan",
    "Crop",
    "CropMeta",
    "CropText",
    "Cue",
    "EngineFacts",
    "Layer",
    "LayerReason",
    "Luma",
    "Placement",
    "Reading",
    "RejectedRegion",
    "RejectionReason",
    "ReviewReason",
    "SampledFrame",
    "Sheet",
    "Stage",
    "SubtitleArea",
    "TextBox",
    "TextLine",
    "VideoInfo",
    "cues_of",
]

Luma = NDArray[np.uint8]
"""A grey picture, shape (H, W), dtype uint8, as the stream's luma (limited range stays limited)."""


class Stage(StrEnum):
    """The six stages, in the order in which a full chain runs them. The names are public API."""

    EXTRACT_KEYFRAMES = "ffmpeg.extract_keyframes"
    DETECT_SUBTITLE_AREA = "paddleocr.detect_subtitle_area"
    CROP_SUBTITLE_IMAGES = "ffmpeg.crop_subtitle_images"
    CREATE_STITCHED_IMAGES = "paddleocr.create_stitched_images"
    PERFORM_OCR = "paddleocr.perform_ocr"
    POSTPROCESS_AND_FINALIZE = "paddleocr.postprocess_and_finalize"


STAGES: tuple[Stage, ...] = tuple(Stage)


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
    warnings: tuple[str, ...] = ()
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
    MOVES = "moves"
    TOO_RARE = "too_rare"
    EXCLUDED = "excluded"
    PAGE = "page"


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


@dataclass(frozen=True, slots=True)
class CropMeta:
    """What is known of a crop without its pixels.

    A crop stands for the frames with start_pts <= pts < end_pts, in all of which the band showed the same strokes;
    for stable_pts <= pts < stable_end_pts they stood still (beside that: fades). stable_pts also tells the crops of
    overlapping chunks apart.
    frames counts them, averaged_frames those that its picture rests on. box is in frame coordinates; one frame pixel
    is `scale` crop pixels. stroke_px counts the strokes that stayed put, in pixels of a 32-pixel line.
    joined_to_pts is the stable_end_pts of the picture before, if what both show was there in all frames between them.
    crop_id is unique within the workflow.
    """

    crop_id: str
    band: int
    box: Box
    scale: float
    start_pts: int
    stable_pts: int
    end_pts: int
    frames: int
    averaged_frames: int
    stroke_px: int
    stable_end_pts: int = -1
    joined_to_pts: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A crop with its pixels: the band's luma averaged over the frames it stands for, which keeps the
    subtitle sharp while a moving background fades. image has shape (round(box.height * scale), ...)."""

    meta: CropMeta
    image: Luma


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """What became of one chunk, without pixels.

    The chunk decoded frames with first_pts <= pts < end_pts, where end_pts lies behind the chunk's own end by as much
    as its last crops needed. covered holds, for each band, the stable_pts of the first crop that is not in this report
    but in a later chunk's; a later chunk's crop with a smaller stable_pts has been seen already.
    crops are in the order of (stable_pts, band).
    """

    index: int
    first_pts: int | None
    end_pts: int | None
    covered: tuple[int, ...]
    crops: tuple[CropMeta, ...]
    frames: int
    corrupt_packets: int
    reached_end: bool
    decoder: str
    decode_s: float
    analyse_s: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one crop lies on a sheet: box in sheet coordinates; one crop pixel is `scale` sheet pixels."""

    crop: CropMeta
    box: Box
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Several crops stitched into one picture, shape (H, W), dtype uint8, with the map back to each of them."""

    image: Luma
    placements: tuple[Placement, ...]


@dataclass(frozen=True, slots=True)
class CharReading:
    """One character of a line. x0 and x1 are where the model saw it, as shares (0 to 1) of the line image's width.

    space_before is the highest probability that the model gave to a space between the previous character
    and this one (0 for the first), whether or not the space won. gap_before is the blank between the ink of both, as a
    share of the capitals' height (None: unknown).
    """

    text: str
    confidence: float
    x0: float
    x1: float
    space_before: float
    gap_before: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One recognised line: its text as the model's best path gives it (spaces included where one won),
    the mean confidence of its characters (0 to 1), and the characters without spaces."""

    text: str
    confidence: float
    chars: tuple[CharReading, ...] = ()


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in a crop; box in crop coordinates. text is empty where nothing was read of a script that the
    model doesn't know.

    fill and ground are the luma (0 to 255) of its strokes and of what is right beside them, in the median (None: it has
    too few strokes to tell). scores are the log probabilities of text.line_classes.LINE_CLASSES (none: unknown).
    """

    text: str
    confidence: float
    box: Box
    chars: tuple[CharReading, ...] = ()
    fill: int | None = None
    ground: int | None = None
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CropText:
    """What was read in one crop: its lines from top to bottom, left to right; none where no text was found.

    recognised counts the pictures of its lines that went through the recognition model.
    """

    crop_id: str
    lines: tuple[TextLine, ...]
    recognised: int = 0


class ReviewReason(StrEnum):
    """Why a person should look at a cue; stages.postprocess_and_finalize.review says what each means."""

    UNSURE_LINE = "unsure_line"
    UNSURE_CHARACTER = "unsure_character"
    CROPS_DISAGREE = "crops_disagree"
    ODD_MARKS = "odd_marks"
    OTHER_WRITING = "other_writing"
    BRIEF = "brief"
    REPEATED = "repeated"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: shown in the frames with start_pts <= pts < end_pts.

    lines are its text lines from top to bottom; box is in frame coordinates; frames and crops count what it rests on.
    needs_review holds each reason once; none: nothing looks wrong.
    """

    start_pts: int
    end_pts: int
    lines: tuple[str, ...]
    confidence: float
    box: Box
    band: str
    frames: int
    crops: int
    needs_review: tuple[ReviewReason, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class LayerReason:
    """What speaks for or against a layer: a feature of it, what that adds to the log odds, and the same in words."""

    feature: str
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class Layer:
    """Text of one kind in one place: the dialogue, its translation, a title, the signs of a street.

    number counts the layers of a video from 1, the most probable first. probability: that it is the video's subtitles,
    0 to 1; reasons are those that weigh most. taken: its cues are among the video's. box (in frame coordinates) is
    around all of it, line_height_px the median of its lines'. cues are in the order of their start. unreadable: the
    script (text.line_classes.UNREADABLE) that it is in, if the model doesn't know it: what its cues say is nonsense, or
    nothing. shown are the times, half-open and in order, in which some of it is there, read or not.
    """

    number: int
    probability: float
    taken: bool
    reasons: tuple[LayerReason, ...]
    box: Box
    line_height_px: float
    cues: tuple[Cue, ...]
    unreadable: str | None = None
    shown: tuple[tuple[int, int], ...] = ()


def cues_of(layers: Iterable[Layer]) -> tuple[Cue, ...]:
    """Returns the cues of the layers that are taken, in the order of their start, then from the top of the frame."""
    cues = (cue for layer in layers if layer.taken for cue in layer.cues)
    return tuple(sorted(cues, key=lambda cue: (cue.start_pts, cue.box.y0, cue.box.x0)))


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
