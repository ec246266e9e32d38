"""Text, from the characters that a model read to the cues and the layers of a video."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from yivideo_ray.geometry import Box

__all__ = [
    "CharReading",
    "CropText",
    "Cue",
    "Layer",
    "LayerReason",
    "Reading",
    "ReviewReason",
    "TextLine",
    "UnreadableText",
    "cues_of",
]


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
    needs_review holds each reason once; none: nothing looks wrong. layer is the number of its layer; None: cues_of has
    not given it out, or an earlier version read it.
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
    layer: int | None = None

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
class UnreadableText:
    """Text in a script that the models don't know, which is by its likely name; box is in frame coordinates. Shown in
    the frames with start_pts <= pts < end_pts."""

    script: str
    box: Box
    start_pts: int
    end_pts: int


@dataclass(frozen=True, slots=True)
class Layer:
    """Text of one kind in one place: the dialogue, its translation, a title, the signs of a street.

    number counts the layers of a video from 1, the most probable first. probability: that it is the video's subtitles,
    0 to 1; reasons are those that weigh most. taken: its cues are among the video's. box (in frame coordinates) is
    around all of it, line_height_px the median of its lines'. cues are in the order of their start; unreadable is what
    could not be read, and is in none of them.
    """

    number: int
    probability: float
    taken: bool
    reasons: tuple[LayerReason, ...]
    box: Box
    line_height_px: float
    cues: tuple[Cue, ...]
    unreadable: tuple[UnreadableText, ...] = ()


def cues_of(layers: Iterable[Layer]) -> tuple[Cue, ...]:
    """Returns the cues of the layers that are taken, in the order of their start, then from the top of the frame."""
    cues = (replace(cue, layer=layer.number) for layer in layers if layer.taken for cue in layer.cues)
    return tuple(sorted(cues, key=lambda cue: (cue.start_pts, cue.box.y0, cue.box.x0)))
