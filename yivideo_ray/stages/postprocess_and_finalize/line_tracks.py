"""Line tracks: one line of text over its life, over all the crops that show it. Texts and boxes; no pixels.

A track is for deciding what kind of text a line is; what its cue says is decided in cues. So lines are joined freely:
a sign that is read differently in every crop is one track, whose readings don't agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from rapidfuzz.distance import Levenshtein

from yivideo_ray.geometry import Box, share_row
from yivideo_ray.stages.likeness import are_of_one_height, are_together, shared_ticks
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine, one_line
from yivideo_ray.text.voting import folded

__all__ = ["LineTrack", "Sighting", "track_lines"]

# A line of the crop before goes on in a line of the next one that overlaps it and whose text is as much like it.
_SAME_TEXT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A line in one crop of a region: those of the lines of observation number `observation` that are its pieces."""

    region: int
    observation: int
    pieces: tuple[int, ...]
    read: ReadLine
    start_pts: int
    end_pts: int
    frames: int


class LineTrack:
    """A line of text over its life: its sightings, in order of time.

    head is the sighting that shows most of it: of those with the text that most frames show, the one with most frames.
    text and box (frame coordinates) are the head's, height is the median of all.
    """

    __slots__ = ("end_pts", "head", "height", "sightings", "start_pts", "text_weights")

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        self.sightings = tuple(sightings)
        self.start_pts = self.sightings[0].start_pts
        self.end_pts = max(one.end_pts for one in self.sightings)
        self.height = median(one.read.box.height for one in self.sightings)
        # How many frames show each of its folded texts.
        self.text_weights: dict[str, int] = {}
        texts = [folded(one.read.text) for one in self.sightings]
        for one, text in zip(self.sightings, texts, strict=True):
            self.text_weights[text] = self.text_weights.get(text, 0) + max(1, one.frames)
        most = max(self.text_weights, key=self.text_weights.__getitem__)
        shows = [one for one, text in zip(self.sightings, texts, strict=True) if text == most]
        self.head = max(shows, key=lambda one: (one.frames, one.read.confidence))

    @property
    def ticks(self) -> int:
        return self.end_pts - self.start_pts

    @property
    def text(self) -> str:
        return self.head.read.text

    @property
    def box(self) -> Box:
        return self.head.read.box

    @property
    def scores(self) -> tuple[float, ...]:
        """The mean of what its sightings say of its script, in the order of text.line_classes; none: unknown."""
        found = [one.read.scores for one in self.sightings if one.read.scores]
        return tuple(map(fmean, zip(*found, strict=True)))


def track_lines(
    observations: Sequence[Sequence[Observation]], line_heights: Sequence[float], gap_ticks: int
) -> list[LineTrack]:
    """Returns the tracks of all lines, in the order of their starts. observations has those of each region, in order of
    time, line_heights the height of the lines that it was looked at for, in frame pixels; a line that is gone for more
    than gap_ticks has ended. Pieces of one row that come and go together are one
    line."""
    tracks = [
        track
        for region, found in enumerate(observations)
        for track in _join_pieces(_tracks_of_region(region, found, gap_ticks))
    ]
    return sorted(_without_doubles(tracks, line_heights), key=lambda track: (track.start_pts, track.box))


def _without_doubles(tracks: Sequence[LineTrack], line_heights: Sequence[float]) -> list[LineTrack]:
    """Returns the tracks without those that regions which overlap show once more: that of the region which looks at
    lines of its height stays, and of regions alike in that what is read best."""
    misfit = [round(abs(math.log(track.height / line_heights[track.sightings[0].region])), 1) for track in tracks]
    order = [(misfit[at], -track.head.read.confidence, at) for at, track in enumerate(tracks)]
    dropped: set[int] = set()
    beside = _shown_together(tracks)
    for _, _, at in sorted(order):
        better = (other for other in beside.get(at, ()) if order[other] < order[at])
        if any(other not in dropped and _are_double(tracks[at], tracks[other]) for other in better):
            dropped.add(at)
    return [track for at, track in enumerate(tracks) if at not in dropped]


def _shown_together(tracks: Sequence[LineTrack]) -> dict[int, list[int]]:
    """Returns for each track, by its number, those of other regions that are shown at a time when it is."""
    together: dict[int, list[int]] = {}
    going_on: list[int] = []
    for at in sorted(range(len(tracks)), key=lambda at: tracks[at].start_pts):
        going_on = [other for other in going_on if tracks[other].end_pts > tracks[at].start_pts]
        for other in going_on:
            if tracks[at].sightings[0].region != tracks[other].sightings[0].region:
                together.setdefault(at, []).append(other)
                together.setdefault(other, []).append(at)
        going_on.append(at)
    return together


def _are_double(track: LineTrack, other: LineTrack) -> bool:
    """Returns whether the other shows most of a track, for most of its time."""
    shared = shared_ticks(track, other)
    area = track.box.intersect(other.box)
    return shared >= track.ticks - shared and area is not None and area.area >= track.box.area - area.area


def _tracks_of_region(region: int, observations: Sequence[Observation], gap_ticks: int) -> list[LineTrack]:
    ended: list[list[Sighting]] = []
    going_on: list[list[Sighting]] = []
    for number, observation in enumerate(observations):
        still = [seen for seen in going_on if _reaches(seen[-1], observation, gap_ticks, observations)]
        ended += [seen for seen in going_on if not any(seen is one for one in still)]
        free = list(still)
        for at, line in enumerate(observation.lines):
            alike = [seen for seen in free if _goes_on(seen[-1].read, line)]
            seen = max(alike, key=lambda one: one[-1].read.box.iou(line.box)) if alike else []
            if alike:
                free = [one for one in free if one is not seen]
            else:
                still.append(seen)
            seen.append(
                Sighting(
                    region, number, (at,), line, observation.start_pts, observation.end_pts, observation.averaged_frames
                )
            )
        going_on = still
    return [LineTrack(seen) for seen in (*ended, *going_on)]


def _reaches(last: Sighting, observation: Observation, gap_ticks: int, observations: Sequence[Observation]) -> bool:
    joined = observations[last.observation].stable_end_pts == observation.joined_to_pts
    return joined or observation.start_pts - last.end_pts <= gap_ticks


def _goes_on(last: ReadLine, line: ReadLine) -> bool:
    if last.box.intersect(line.box) is None:
        return False
    return Levenshtein.normalized_similarity(folded(last.text), folded(line.text)) >= _SAME_TEXT


def _join_pieces(tracks: Sequence[LineTrack]) -> list[LineTrack]:
    joined: list[LineTrack] = []
    going_on: list[LineTrack] = []
    for track in sorted(tracks, key=lambda one: (one.start_pts, one.box.x0)):
        going_on = [one for one in going_on if one.end_pts > track.start_pts]
        other = next((one for one in going_on if _are_pieces(one, track)), None)
        if other is None:
            going_on.append(track)
            joined.append(track)
        else:
            whole = _whole(other, track)
            for found in (going_on, joined):
                found[next(at for at in range(len(found) - 1, -1, -1) if found[at] is other)] = whole
    return joined


def _are_pieces(one: LineTrack, other: LineTrack) -> bool:
    """Returns whether two tracks have like heights and stand in one row, however far apart, for as good as the same
    time."""
    a, b = one.box, other.box
    overlap = min(a.x1, b.x1) - max(a.x0, b.x0)
    if overlap > min(a.height, b.height) or not (are_of_one_height(a.height, b.height) and share_row(a, b)):
        return False
    return are_together(one, other)


def _whole(one: LineTrack, other: LineTrack) -> LineTrack:
    """Returns the track of both pieces: what only one of them shows is shown as it is."""
    by_observation: dict[int, list[Sighting]] = {}
    for sighting in (*one.sightings, *other.sightings):
        by_observation.setdefault(sighting.observation, []).append(sighting)
    sightings = []
    for _, seen in sorted(by_observation.items()):
        in_order = sorted(seen, key=lambda sighting: sighting.read.box.x0)
        pieces = tuple(piece for sighting in in_order for piece in sighting.pieces)
        sightings.append(replace(seen[0], pieces=pieces, read=one_line([sighting.read for sighting in in_order])))
    return LineTrack(sightings)
