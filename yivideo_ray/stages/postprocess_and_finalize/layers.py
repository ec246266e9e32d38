"""Layers: line tracks of like place and style. The dialogue, the translation above it, a title, the signs of a street.

Which of them are the subtitles is decided in layer_decision.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from yivideo_ray.geometry import Box, bounding_box, share_row
from yivideo_ray.stages.likeness import NEARLY_ALL, are_of_one_height, are_together, shared_ticks
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack

__all__ = ["TrackLayer", "layers_of"]


@dataclass(frozen=True, slots=True, eq=False)
class TrackLayer:
    """The tracks of a layer, in order of their starts."""

    tracks: tuple[LineTrack, ...]

    @property
    def box(self) -> Box:
        return bounding_box(track.box for track in self.tracks)

    @property
    def height(self) -> float:
        return median(track.height for track in self.tracks)

    @property
    def fill(self) -> float | None:
        """The luma of its strokes, None if unknown."""
        fills = [track.head.read.fill for track in self.tracks if track.head.read.fill is not None]
        return median(fills) if fills else None


@dataclass(slots=True, eq=False)
class _Growing:
    """A layer to which tracks are added in order of their starts."""

    lines: list[LineTrack] = field(default_factory=list)

    @property
    def recent(self) -> Sequence[LineTrack]:
        return self.lines[-_RECENT:]

    def takes(self, line: LineTrack) -> bool:
        near = [other for other in self.recent if shared_ticks(other, line) > 0]
        if any(_in_each_others_way(other, line) for other in near):
            return False
        return any(_in_one_cue(other, line) for other in near) or any(
            _in_one_row(other.box, line.box) for other in self.recent
        )


# How many of a layer's tracks the next line is compared with.
_RECENT = 64


def layers_of(tracks: Sequence[LineTrack]) -> list[TrackLayer]:
    """Returns the layers; tracks are in the order of their starts.

    A track goes to the layer that has shown a line like it, or shows one of the same cue.
    """
    growing: list[_Growing] = []
    for track in tracks:
        fits = [layer for layer in growing if layer.takes(track)]
        if fits:
            # Where several do: two lines of one cue that were seen alone before. The rest of them joins below.
            max(fits, key=lambda layer: len(layer.lines)).lines.append(track)
        else:
            growing.append(_Growing())
            growing[-1].lines.append(track)
    return [TrackLayer(tuple(layer.lines)) for layer in _joined(growing)]


def _joined(layers: Iterable[_Growing]) -> list[_Growing]:
    """Returns the layers, as one those that have shown lines like each other and never in each other's way."""
    joined: list[_Growing] = []
    for layer in layers:
        other = next((one for one in joined if _are_one(one, layer)), None)
        if other is None:
            joined.append(layer)
            continue
        other.lines = sorted((*other.lines, *layer.lines), key=lambda line: (line.start_pts, line.box))
    return joined


def _are_one(one: _Growing, other: _Growing) -> bool:
    meetings = list(_meetings(one, other))
    if any(_in_each_others_way(a, b) for a, b in meetings):
        return False
    return any(_in_one_cue(a, b) for a, b in meetings) or any(
        _in_one_row(a.box, b.box) for a in one.recent for b in other.recent
    )


def _meetings(one: _Growing, other: _Growing) -> Iterator[tuple[LineTrack, LineTrack]]:
    """Yields the pairs of lines, one of each layer, that are shown at one time."""
    few, many = sorted((one, other), key=lambda layer: len(layer.lines))
    starts = [line.start_pts for line in many.lines]
    for line in few.lines:
        first = bisect_left(starts, line.start_pts) - _RECENT
        for met in many.lines[max(0, first) : bisect_left(starts, line.end_pts)]:
            if met.end_pts > line.start_pts:
                yield line, met


def _in_each_others_way(a: LineTrack, b: LineTrack) -> bool:
    """Returns whether two lines stand in one row for most of the shorter one's time: at a cross-fade they do so for
    less."""
    shared = shared_ticks(a, b)
    return share_row(a.box, b.box) and shared > min(a.ticks, b.ticks) - shared


def _in_one_row(a: Box, b: Box) -> bool:
    """Returns whether two lines of like height stand in one row, with a middle or an end in common, to a line's
    height."""
    if not (are_of_one_height(a.height, b.height) and share_row(a, b)):
        return False
    ends = (a.x0 - b.x0, a.x1 - b.x1, a.center[0] - b.center[0])
    return min(abs(end) for end in ends) <= min(a.height, b.height)


def _in_one_cue(a: LineTrack, b: LineTrack) -> bool:
    low = min(a.box.height, b.box.height)
    gap = max(a.box.y0, b.box.y0) - min(a.box.y1, b.box.y1)
    shared_x = min(a.box.x1, b.box.x1) - max(a.box.x0, b.box.x0)
    return -low / 2 <= gap <= low and shared_x > 0 and _is_together(a, b)


def _is_together(a: LineTrack, b: LineTrack) -> bool:
    if are_together(a, b):
        return True
    shorter = min(a.ticks, b.ticks)
    apart = min(abs(a.start_pts - b.start_pts), abs(a.end_pts - b.end_pts))
    within = shared_ticks(a, b) >= NEARLY_ALL * shorter and apart <= shorter - NEARLY_ALL * shorter
    return within and are_of_one_height(a.height, b.height)
