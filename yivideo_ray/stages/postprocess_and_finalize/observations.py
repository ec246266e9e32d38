"""What was read in the crops of one band, as values: the lines that one crop shows, and for how long it shows them."""

from __future__ import annotations

from dataclasses import dataclass

from yivideo_ray.geometry import Box
from yivideo_ray.types import CharReading

__all__ = ["Observation", "ReadLine"]


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a cue: its text with spaces, and its characters without them (none: not known); box in the frame.

    The characters' places are shares of the box's width.
    """

    text: str
    confidence: float
    box: Box
    chars: tuple[CharReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one crop shows: its lines from the top, for the frames with start_pts <= pts < end_pts.

    stable_end_pts, joined_to_pts, stroke_px and box, in the frame, are the crop's (types.CropMeta): what the first two
    join has no gap.
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
        return self.averaged_frames * self.confidence**4
