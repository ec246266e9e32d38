"""Layers in a script that the recognition model doesn't know: which they are, and what they show.

What was read in such a layer is nonsense, or nothing. Lines that the model reads may stand right beside it, as a
translation does: they become a layer of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from yivideo_ray.stages.postprocess_and_finalize.layers import TrackLayer
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack
from yivideo_ray.text.line_classes import is_unreadable, unreadable_class
from yivideo_ray.text.voting import folded
from yivideo_ray.types import UnreadableText

__all__ = ["parted_by_script", "unreadable_texts"]

# A text beside another one in another script has at least so many lines, most of them while one of the other is shown:
# single short lines that look unreadable are in every text.
_MIN_LINES = 2


def unreadable_texts(layer: TrackLayer) -> tuple[UnreadableText, ...]:
    """Returns what a layer shows in a script that the model doesn't know, in order of time; nothing if it knows it."""
    script = _script_of(layer.tracks)
    if script is None:
        return ()
    return tuple(UnreadableText(script, track.box, track.start_pts, track.end_pts) for track in layer.tracks)


def parted_by_script(layers: Iterable[TrackLayer]) -> list[TrackLayer]:
    """Returns the layers, as two those that hold a text that can be read and one that can't."""
    return list(chain.from_iterable(map(_parts, layers)))


def _parts(layer: TrackLayer) -> list[TrackLayer]:
    unread = [track for track in layer.tracks if is_unreadable(track.scores)]
    read = [track for track in layer.tracks if track not in unread]
    beside = sum(any(_are_shown_together(one, other) for other in read) for one in unread)
    if min(len(read), len(unread)) < _MIN_LINES or beside < len(unread) - beside:
        return [layer]
    if _script_of(unread) is None or _script_of(read) is not None:
        return [layer]
    return [TrackLayer(tuple(read)), TrackLayer(tuple(unread))]


def _are_shown_together(one: LineTrack, other: LineTrack) -> bool:
    return min(one.end_pts, other.end_pts) > max(one.start_pts, other.start_pts)


def _script_of(tracks: Sequence[LineTrack]) -> str | None:
    """Returns the script of tracks that the model doesn't know. A text that comes again tells nothing new."""
    texts: dict[object, LineTrack] = {}
    for track in tracks:
        if track.scores:
            texts.setdefault(folded(track.text) or track, track)
    known = list(texts.values())
    return unreadable_class([track.scores for track in known], [track.box.width / track.height for track in known])
