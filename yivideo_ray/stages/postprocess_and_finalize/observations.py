"""What was read in the crops of one band, as values: the lines that one crop shows, and for how long it shows them.

A sign on a car, a name on a shop may pass through the band while a subtitle stands there. A subtitle that is there
before and after shows the same text all the time; what is read beside it only in between, and only briefly, is none of
its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.text.spaces import WIDE_SPACE, tidy
from yivideo_ray.text.voting import folded
from yivideo_ray.types import CharReading

__all__ = ["Observation", "ReadLine", "one_line", "without_passing_lines"]


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a cue: its text with spaces, and its characters without them (none: not known); box in the frame.

    The characters' places are shares of the box's width. fill, ground and scores as in types.TextLine.
    """

    text: str
    confidence: float
    box: Box
    chars: tuple[CharReading, ...] = ()
    fill: int | None = None
    ground: int | None = None
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one crop shows: its lines from the top, for the frames with start_pts <= pts < end_pts.

    stable_end_pts, joined_to_pts, stroke_px, box, in the frame, begins_before and ends_after are the crop's
    (types.CropMeta): what the first two join has no gap.
    """

    start_pts: int
    end_pts: int
    lines: tuple[ReadLine, ...]
    frames: int
    averaged_frames: int
    stable_end_pts: int = -1
    joined_to_pts: int | None = None
    stroke_px: int = 0
    box: Box | None = None
    begins_before: bool = False
    ends_after: bool = False

    @property
    def key(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        weights = [max(1, len(line.chars)) for line in self.lines]
        return sum(w * line.confidence for w, line in zip(weights, self.lines, strict=True)) / sum(weights)

    @property
    def weight(self) -> float:
        """Returns how much its reading says beside those of other crops."""
        return self.averaged_frames * self.confidence


def one_line(pieces: Sequence[ReadLine]) -> ReadLine:
    """Returns the pieces of a row, from the left, as one line: detection cuts a line at wide gaps, as between two
    speakers, or two phrases of Chinese."""
    if len(pieces) == 1:
        return pieces[0]
    box = bounding_box(piece.box for piece in pieces)
    known = all(piece.chars for piece in pieces)
    return replace(
        max(pieces, key=lambda piece: piece.box.width),
        text=tidy(WIDE_SPACE.join(piece.text for piece in pieces)),
        confidence=sum(piece.confidence for piece in pieces) / len(pieces),
        box=box,
        chars=tuple(char for piece in pieces for char in _chars_within(piece, box)) if known else (),
    )


def _chars_within(piece: ReadLine, box: Box) -> list[CharReading]:
    """Returns a piece's characters with their places as shares of the whole line's box, and before them a sure space as
    wide as capitals are high: detection cuts a line at no less."""
    scale, shift = piece.box.width / box.width, (piece.box.x0 - box.x0) / box.width
    chars = [replace(char, x0=shift + scale * char.x0, x1=shift + scale * char.x1) for char in piece.chars]
    chars[0] = replace(chars[0], space_before=1.0, gap_before=1.0)
    return chars


def without_passing_lines(observations: Sequence[Observation], brief_ticks: int, gap_ticks: int) -> list[Observation]:
    """Returns the observations, which are in order of time, without the lines that pass through for up to brief_ticks.

    Observations with at most gap_ticks between follow each other; where more lies between, nothing passes through.
    """
    found: list[Observation] = []
    for at, observation in enumerate(observations):
        before = found[-1] if found else None
        kept: tuple[ReadLine, ...] | None = None
        if before is not None and before.lines and observation.start_pts - before.end_pts <= gap_ticks:
            kept = _shared(before.lines, observation.lines)
            if kept is not None and not _returns(before, observations[at:], brief_ticks, gap_ticks):
                kept = None
        found.append(observation if kept is None else replace(observation, lines=kept))
    return found


def _returns(before: Observation, ahead: Sequence[Observation], brief_ticks: int, gap_ticks: int) -> bool:
    """Returns whether the lines of before stand alone again soon after the first of those ahead began, and were there
    all the time."""
    start_pts, end_pts = ahead[0].start_pts, before.end_pts
    for observation in ahead:
        if observation.start_pts - start_pts > brief_ticks or observation.start_pts - end_pts > gap_ticks:
            return False
        kept = _shared(before.lines, observation.lines)
        if kept is None:
            return False
        if len(kept) == len(observation.lines):
            return True
        end_pts = observation.end_pts
    return False


def _shared(lines: Sequence[ReadLine], among: Sequence[ReadLine]) -> tuple[ReadLine, ...] | None:
    """Returns those lines of `among` that say what `lines` say, in their order; None if some are missing there."""
    wanted = [folded(line.text) for line in lines]
    shared: list[ReadLine] = []
    for line in among:
        if len(shared) < len(wanted) and folded(line.text) == wanted[len(shared)]:
            shared.append(line)
    return tuple(shared) if len(shared) == len(wanted) else None
