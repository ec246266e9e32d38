"""Segments: stretches of frames in which a band shows the same strokes. Frames of one band in, segments out, as they
end.

Every decision looks at a few frames around it and at nothing else, so that a tracker that starts later in the video
comes to the same segments as one that started at its beginning, once it has seen GUARD_FRAMES frames. Chunks rely on
that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.pixels.strokes import (
    LETTER,
    MIN_CONTRAST,
    MIN_EXCHANGED_PX,
    MIN_LETTER_PX,
    MIN_MARK_PX,
    Mask,
    count_changed,
    count_exchanged,
    dilate,
)
from yivideo_ray.stages.crop_subtitle_images.shaking import STABLE_FRAMES, BandFrame, Steadier, band_frame
from yivideo_ray.stages.likeness import NEARLY_ALL
from yivideo_ray.types import Luma

__all__ = ["GUARD_FRAMES", "MAX_TRANSITION_FRAMES", "STABLE_FRAMES", "Segment", "SegmentTracker"]

MAX_TRANSITION_FRAMES = 12
"""Frames on either side of a transition that are searched for a trace of the segment before or after it."""

# Beside a transition: the frames before and behind a boundary, and those in which a picture goes to and fro.
GUARD_FRAMES = MAX_TRANSITION_FRAMES + 2 * STABLE_FRAMES + STABLE_FRAMES

# How many of the pixels on strokes and right beside them must have changed in a letter's window to make a boundary, at
# least and as a share. Where another text takes a text's place, 190 and more do, 125 for a 7 that becomes a 1; a
# background that shines through between letters seldom changes as many.
_MIN_CHANGED_PX = 110
_CHANGED_SHARE = 0.5
# A mark alone is believed where little else stands still.
_LONE_SHARE, _LONE_SHARE_OF_BAND = 0.6, 0.25
_VISIBLE_SHARE = 0.3
# A line of two is half of what two segments show, and by chance no background lies on so many strokes.
_MOST_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Frames with start_pts <= pts < end_pts that show the same strokes; it may turn out that they hold no text.

    For stable_pts <= pts < stable_end_pts nothing changed; average (h, w) float32, the mean luma in frame pixels, and
    strokes (analysis pixels) rest on those `averaged` frames. `frames` counts the traces of a fade beside them as well.
    joined_to_pts is the stable_end_pts of the segment before, if the strokes that both show were in all frames between.
    begins_before, ends_after: beside it lie unsteady frames as far as one looks, and show its strokes again and again:
    a flash or noise hides where it really begins or ends.
    """

    stable_pts: int
    stable_end_pts: int
    start_pts: int
    end_pts: int
    frames: int
    averaged: int
    average: NDArray[np.float32]
    strokes: Mask
    joined_to_pts: int | None
    begins_before: bool
    ends_after: bool


@dataclass(slots=True, eq=False)
class _Piece:
    """Frames without a boundary between them. It is a segment once it has STABLE_FRAMES of them."""

    head: list[BandFrame] = field(default_factory=list)
    tail: deque[BandFrame] = field(default_factory=lambda: deque(maxlen=STABLE_FRAMES))
    early: Sequence[BandFrame] = ()
    joined_to_pts: int | None = None
    begins_before: bool = False
    count: int = 0
    total: NDArray[np.float32] | None = None
    stroke_count: NDArray[np.float32] | None = None

    @property
    def place(self) -> tuple[float, float]:
        """The offset that its pictures are put at: that of its first frame."""
        return self.head[0].offset

    def add(self, frame: BandFrame) -> None:
        moved = frame.moved_to(self.place) if self.head else frame
        if self.total is None or self.stroke_count is None:
            self.total = np.zeros(moved.luma.shape, np.float32)
            self.stroke_count = np.zeros(moved.mask.shape, np.float32)
        cv2.accumulate(moved.luma, self.total)
        cv2.accumulate(moved.mask, self.stroke_count)
        if len(self.head) < STABLE_FRAMES:
            self.head.append(frame)
        self.tail.append(frame)
        self.count += 1

    @property
    def is_stable(self) -> bool:
        return self.count >= STABLE_FRAMES

    def as_segment(self, late: Sequence[BandFrame], *, ends_after: bool = False) -> Segment:
        assert self.total is not None
        assert self.stroke_count is not None
        return Segment(
            stable_pts=self.head[0].pts,
            stable_end_pts=self.tail[-1].end_pts,
            start_pts=(self.early or self.head)[0].pts,
            end_pts=(late or self.tail)[-1].end_pts,
            frames=len(self.early) + self.count + len(late),
            averaged=self.count,
            average=self.total / np.float32(self.count),
            strokes=(self.stroke_count >= NEARLY_ALL * self.count).astype(np.uint8),
            joined_to_pts=self.joined_to_pts,
            begins_before=self.begins_before,
            ends_after=ends_after,
        )


class SegmentTracker:
    """Finds the segments of one band.

    scale is that of the stroke analysis (strokes.analysis_scale). Runs are cut at origin_pts and at every multiple of
    grid_ticks after it, so that none, nor the wait for its end, lasts longer; their text joins them again later.
    """

    def __init__(self, scale: float, origin_pts: int, grid_ticks: int) -> None:
        self._scale = scale
        self._steadier = Steadier()
        self._origin_pts = origin_pts
        self._grid_ticks = max(1, grid_ticks)
        self._window: deque[BandFrame] = deque(maxlen=2 * STABLE_FRAMES)
        self._undecided = 0
        self._before: _Piece | None = None
        self._between: list[BandFrame] = []
        self._current = _Piece()

    @property
    def next_run_pts(self) -> int | None:
        """stable_pts of the segment that follows those yielded so far; None while none has begun."""
        return self._current.head[0].pts if self._current.is_stable else None

    @property
    def earliest_pts(self) -> int | None:
        """The least stable_pts that a segment can have that is not yielded yet; None before anything is known."""
        piece = self._before or self._current
        return piece.head[0].pts if piece.count else None

    def push(self, pts: int, end_pts: int, luma: Luma) -> Iterator[Segment]:
        """Takes the band's next frame, shown from pts to end_pts, and yields the segment that is known to have ended.

        luma must stay as it is: the tracker keeps it for a few frames.
        """
        for frame in self._steadier.push(band_frame(pts, end_pts, luma, self._scale)):
            yield from self._take(frame)

    def finish(self) -> Iterator[Segment]:
        """Yields what the end of the video ends."""
        for frame in self._steadier.finish():
            yield from self._take(frame)
        while self._undecided:
            yield from self._decide()
        if self._current.is_stable:
            yield self._current.as_segment(())
        elif self._before is not None:
            between = _put([*self._between, *self._current.head], self._before.place)
            late, _ = _share_out(_put(self._before.tail, self._before.place), between, ())
            yield self._before.as_segment(late)

    def _take(self, frame: BandFrame) -> Iterator[Segment]:
        self._window.append(frame)
        self._undecided += 1
        if self._undecided == STABLE_FRAMES:
            yield from self._decide()

    def _decide(self) -> Iterator[Segment]:
        """Takes the oldest undecided frame into the current piece or into a new one."""
        frames = list(self._window)
        at = len(frames) - self._undecided
        self._undecided -= 1
        if self._current.count and self._is_boundary(frames[:at], frames[at:]):
            if self._current.is_stable:
                self._before, self._between = self._current, []
            else:
                # Too short to be a segment: a step of a fade, a flash. Whose it is shows when the next segment stands.
                self._between += self._current.head
                # What is farther from both segments than one looks is not needed, and such a stretch may be long.
                del self._between[MAX_TRANSITION_FRAMES:-MAX_TRANSITION_FRAMES]
            self._current = _Piece()
        self._current.add(frames[at])
        if self._current.count == STABLE_FRAMES:
            begun = _put(self._current.head, self._current.place)
            between = _put(self._between, self._current.place)
            stood = _put(self._before.tail, self._current.place) if self._before is not None else []
            late, self._current.early = _share_out(stood, between, begun)
            if self._before is not None:
                if _lasts(stood, between, begun):
                    self._current.joined_to_pts = stood[-1].end_pts
                yield self._before.as_segment(late, ends_after=_is_hidden(stood, between))
            self._current.begins_before = _is_hidden(begun, between[::-1])
            self._before, self._between = None, []

    def _is_boundary(self, past: Sequence[BandFrame], future: Sequence[BandFrame]) -> bool:
        place = past[-1].offset
        past, future = _put(past[-STABLE_FRAMES:], place), _put(future[:STABLE_FRAMES], place)
        if self._grid_cell(past[-1].pts) != self._grid_cell(future[0].pts):
            return True
        stood, stays = _common(past), _common(future)
        before, now = past[-1], future[0]
        return _strokes_changed(before, now, stood, stays) or _picture_changed(before, now, stood, stays)

    def _grid_cell(self, pts: int) -> int:
        return (pts - self._origin_pts) // self._grid_ticks


def _strokes_changed(before: BandFrame, now: BandFrame, stood: Mask, stays: Mask) -> bool:
    """Returns whether strokes came and stay, or stayed and went: also where a fade takes them a step at a time.

    stood are the strokes of the frames up to `before`, stays those of the frames from `now` on.
    """
    came, went = _without(stays, before.near), _without(stood, now.near)
    changed, union = _either(came, went), _either(before.mask, now.mask)
    return count_changed(changed, union, _CHANGED_SHARE, least=MIN_LETTER_PX) > 0


def _picture_changed(before: BandFrame, now: BandFrame, stood: Mask, stays: Mask) -> bool:
    """Returns whether steady strokes, or what is right beside them, look different from one frame to the next.

    Letters that stay look the same, outline and all, whatever moves behind them. Strokes that come or go by enough to
    see them don't tell enough: those of "Ah." and of "No." in its place nearly cover each other.
    """
    steady = dilate(_either(stood, stays))
    differs = cv2.threshold(cv2.absdiff(before.small, now.small), MIN_CONTRAST, 1, cv2.THRESH_BINARY)[1]
    changed: Mask = cv2.bitwise_and(steady, differs)  # type: ignore[assignment]
    changed_px = cv2.countNonZero(changed)
    if changed_px < MIN_MARK_PX:
        return False
    came = cv2.bitwise_and(_without(stays, before.mask), differs)
    went = cv2.bitwise_and(_without(stood, now.mask), differs)
    if count_exchanged(came, went, _either(before.mask, now.mask), least=MIN_EXCHANGED_PX):  # type: ignore[arg-type]
        return True
    union = _either(before.near, now.near)
    if count_changed(changed, union, _CHANGED_SHARE, LETTER, least=_MIN_CHANGED_PX):
        return True
    is_lone = changed_px >= _LONE_SHARE_OF_BAND * cv2.countNonZero(steady)
    return is_lone and count_changed(changed, union, _LONE_SHARE, least=MIN_MARK_PX) > 0


def _put(frames: Iterable[BandFrame], place: tuple[float, float]) -> list[BandFrame]:
    return [frame.moved_to(place) for frame in frames]


def _share_out(
    stood: Sequence[BandFrame], between: Sequence[BandFrame], begun: Sequence[BandFrame]
) -> tuple[list[BandFrame], list[BandFrame]]:
    """Returns the frames of a transition that still show the segment before it, whose last frames are stood, and those
    that show the one after, whose first are begun; there may be none of either.

    Both may claim a frame of a cross-fade. What lies beyond a longer transition says nothing of it: a tracker that
    began within it has not seen it.
    """
    is_short = len(between) <= MAX_TRANSITION_FRAMES
    late: list[BandFrame] = []
    if stood:
        for frame in between[:MAX_TRANSITION_FRAMES]:
            if not _is_visible(_common(stood), frame, begun[0] if begun and is_short else None):
                break
            late.append(frame)
    early: list[BandFrame] = []
    if begun:
        for frame in reversed(between[-MAX_TRANSITION_FRAMES:]):
            if not _is_visible(_common(begun), frame, stood[-1] if stood and is_short else None):
                break
            early.insert(0, frame)
    return late, early


def _lasts(stood: Sequence[BandFrame], between: Sequence[BandFrame], begun: Sequence[BandFrame]) -> bool:
    """Returns whether no letter that both segments show was missing in a frame between them.

    The gaps between outlined letters are strokes as well before a grey background, and none before a dark one: only
    where nearly all is gone, a letter is. The edges of a white box are strokes before anything but white: a frame that
    shows most of what both segments show shows the text, whatever is gone.
    """
    shared = _common([*stood, *begun])
    if cv2.countNonZero(shared) < MIN_LETTER_PX or len(between) > MAX_TRANSITION_FRAMES:
        return False
    most = _MOST_SHARE * cv2.countNonZero(shared)
    doubtful = (frame for frame in between if cv2.countNonZero(cv2.bitwise_and(shared, frame.mask)) < most)
    missing = (_without(shared, frame.near) for frame in doubtful)
    return not any(count_changed(letters, shared, NEARLY_ALL, least=MIN_LETTER_PX) for letters in missing)


def _is_hidden(frames: Sequence[BandFrame], beside: Sequence[BandFrame]) -> bool:
    """Returns whether unsteady frames, in order from the segment that frames belong to, show its strokes again and
    again, as far as one looks."""
    looked_at = beside[:MAX_TRANSITION_FRAMES]
    if len(looked_at) < MAX_TRANSITION_FRAMES:
        return False
    strokes = _common(frames)
    total = cv2.countNonZero(strokes)
    if total < MIN_LETTER_PX:
        return False
    shown = [cv2.countNonZero(cv2.bitwise_and(strokes, frame.mask)) >= _MOST_SHARE * total for frame in looked_at]
    return any(shown[-len(shown) // 2 :])


def _is_visible(strokes: Mask, frame: BandFrame, beyond: BandFrame | None) -> bool:
    """Returns whether the frame shows enough of strokes, given that the frame beyond the transition shows none of them.

    What the frame beyond shows all the same is background, and chance where other text lies across.
    """
    own = strokes if beyond is None else _without(strokes, beyond.mask)
    total = cv2.countNonZero(own)
    if total < MIN_LETTER_PX:
        return False
    return cv2.countNonZero(cv2.bitwise_and(own, frame.mask)) >= _VISIBLE_SHARE * total


def _common(frames: Iterable[BandFrame]) -> Mask:
    return reduce(cv2.bitwise_and, (frame.mask for frame in frames))  # type: ignore[arg-type]


def _without(mask: Mask, taken: Mask) -> Mask:
    return cv2.subtract(mask, taken)  # type: ignore[return-value]


def _either(first: Mask, second: Mask) -> Mask:
    return cv2.bitwise_or(first, second)  # type: ignore[return-value]
