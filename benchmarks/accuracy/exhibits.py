"""What a page shows of a miss: which frames, which pieces of them, and what truth and result say there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.accuracy.cases import BoxTuple, CaseResult
from benchmarks.accuracy.pictures import Shot
from yivideo_ray.evaluation.misses import Kind, Miss
from yivideo_ray.subtitles.scoring import TimedText, nearest_frame

__all__ = ["Boundary", "Exhibit", "Side", "exhibit"]

FRAME_WIDTH_PX, CROP_WIDTH_PX, BOUNDARY_WIDTH_PX = 640, 960, 400
# Round the text, as shares of its height: enough to see outline, box and what lies beside it.
CROP_MARGIN, BOUNDARY_MARGIN = 0.5, 0.2
# Where truth and result are no further apart than this, the frames between them are shown too.
CLOSE_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Side:
    """What the truth, or the result, has: the cue, its frames first <= number < end, its box in the frame (None: not
    known)."""

    cue: TimedText
    first: int
    end: int
    box: BoxTuple | None


@dataclass(frozen=True, slots=True)
class Boundary:
    """The frames around a start or an end that is off, in order."""

    kind: Kind
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A miss with all that is shown of it. crop is None where nobody knows where the text is; beside are the cues that
    the result (for a miss without one), or the truth, has at that time."""

    miss: Miss
    truth: Side | None
    result: Side | None
    beside: tuple[TimedText, ...]
    frame: Shot
    crop: Shot | None
    boundaries: tuple[Boundary, ...]

    @property
    def shots(self) -> list[Shot]:
        crop = [] if self.crop is None else [self.crop]
        return [self.frame, *crop, *(shot for boundary in self.boundaries for shot in boundary.shots)]


def exhibit(case: CaseResult, miss: Miss) -> Exhibit:
    """Returns what to show of a miss."""
    times = [float((pts - case.truth.frame_pts[0]) * case.truth.time_base) for pts in case.truth.frame_pts]
    truth = result = None
    if miss.reference is not None:
        truth = _side(case.reference[miss.reference], times, case.truth.cues[miss.reference].box)
    if miss.result is not None:
        box = case.found.boxes[miss.result] if case.found.boxes else None
        result = _side(case.result[miss.result], times, box)
    sides = [side for side in (truth, result) if side is not None]
    boxes = [side.box for side in sides if side.box is not None]
    first, end = max(side.first for side in sides), min(side.end for side in sides)
    if end <= first:
        # They never show at the same time: the truth's own frames, then.
        first, end = sides[0].first, sides[0].end
    middle = min((first + end) // 2, len(times) - 2)
    crop = Shot(middle, _around(boxes, CROP_MARGIN), CROP_WIDTH_PX) if boxes else None
    boundaries = []
    if truth is not None and result is not None and boxes:
        place = _around(boxes, BOUNDARY_MARGIN)
        if Kind.START in miss.kinds:
            frames = _frames_around(truth.first, result.first, len(times) - 1)
            boundaries.append(Boundary(Kind.START, tuple(Shot(f, place, BOUNDARY_WIDTH_PX) for f in frames)))
        if Kind.END in miss.kinds:
            frames = _frames_around(truth.end - 1, result.end - 1, len(times) - 1)
            boundaries.append(Boundary(Kind.END, tuple(Shot(f, place, BOUNDARY_WIDTH_PX) for f in frames)))
    return Exhibit(
        miss, truth, result, _beside(case, truth, result), Shot(middle, None, FRAME_WIDTH_PX), crop, tuple(boundaries)
    )


def _side(cue: TimedText, times: Sequence[float], box: BoxTuple | None) -> Side:
    return Side(cue, nearest_frame(times, cue.start_s), nearest_frame(times, cue.end_s), box)


def _beside(case: CaseResult, truth: Side | None, result: Side | None) -> tuple[TimedText, ...]:
    if truth is not None and result is not None:
        return ()
    side, others = (truth, case.result) if truth is not None else (result, case.reference)
    assert side is not None
    return tuple(cue for cue in others if cue.start_s < side.cue.end_s and cue.end_s > side.cue.start_s)


def _around(boxes: Sequence[BoxTuple], margin: float) -> BoxTuple:
    x0, y0, x1, y1 = (pick(box[i] for box in boxes) for i, pick in enumerate((min, min, max, max)))
    pad = round(margin * (y1 - y0))
    return max(0, x0 - pad), max(0, y0 - pad), x1 + pad, y1 + pad


def _frames_around(true: int, found: int, count: int) -> list[int]:
    if abs(true - found) <= CLOSE_FRAMES:
        wanted = set(range(min(true, found) - 1, max(true, found) + 2))
    else:
        wanted = {edge + step for edge in (true, found) for step in (-1, 0, 1)}
    return sorted(frame for frame in wanted if 0 <= frame < count)
