"""What can be said of a layer that a person can understand, as numbers: what the fitted decision rests on. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from yivideo_ray.stages.postprocess_and_finalize.layers import TrackLayer
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack
from yivideo_ray.text.line_classes import is_unreadable
from yivideo_ray.text.voting import bare, folded
from yivideo_ray.types import VideoInfo

__all__ = ["FEATURES", "OF_READING", "features_of"]

FEATURES = (
    "texts",
    "texts_per_s",
    "shown_s",
    "usual_time",
    "coverage",
    "confidence",
    "agreement",
    "repeats",
    "centred",
    "lined_up",
    "height",
    "usual_height",
    "below",
    "middle",
    "length",
    "letters",
    "moves",
    "stands",
    "turns",
    "contrast",
    "same_fill",
    "share_of_text",
    "share_of_style",
)
"""The names of the features, in the order of the weights."""

OF_READING = frozenset({"texts", "texts_per_s", "confidence", "agreement", "repeats", "length", "letters"})
"""Those that say nothing of a layer that can't be read."""

_USUAL_S = 2.0
_USUAL_HEIGHT = 0.07
_NEXT_S = 0.25
_SAME_TEXT = 0.5
# Letters of one style have heights within this ratio, and lumas within so many of 255.
_STYLE_RATIO, _STYLE_FILL = 1.15, 25
# How long a text is that is as wide as its line is high, as _length counts.
_LENGTH_OF_HEIGHT = 2.0
# A row of likenesses for each: of a film's texts, all at once would take 100 MB.
_TEXTS_AT_ONCE = 256


def features_of(layers: Sequence[TrackLayer], info: VideoInfo, end_pts: int) -> list[dict[str, float]]:
    """Returns the features of each of all layers of a video whose last text is shown to end_pts."""
    amounts = [_amount(layer) for layer in layers]
    total = sum(amounts)
    features = []
    for layer, amount in zip(layers, amounts, strict=True):
        in_style = sum(shown for one, shown in zip(layers, amounts, strict=True) if _in_one_style(layer, one))
        shares = {
            "share_of_text": amount / total if total else 1.0,
            "share_of_style": in_style / total if total else 1.0,
        }
        features.append(_own_features(layer, info, end_pts) | shares)
    return features


def _own_features(layer: TrackLayer, info: VideoInfo, end_pts: int) -> dict[str, float]:
    """Returns what can be said of a layer alone."""
    tracks = layer.tracks
    whole_s = max(0.1, float((end_pts - info.first_pts) * info.time_base))
    seconds = [max(0.02, float(track.ticks * info.time_base)) for track in tracks]
    shown_s = median(seconds)
    texts = len({folded(track.text) for track in tracks})
    size = math.sqrt(info.width * info.height)
    _, y = layer.box.center
    return {
        "texts": math.log2(texts),
        "texts_per_s": math.log2((texts + 0.5) / whole_s),
        "shown_s": math.log2(shown_s),
        "usual_time": abs(math.log2(shown_s / _USUAL_S)),
        "coverage": min(1.0, _covered_ticks(tracks) * float(info.time_base) / whole_s),
        "confidence": -math.log2(1.01 - _mean([track.head.read.confidence for track in tracks], seconds)),
        "agreement": _mean([_agreement(track) for track in tracks], seconds),
        "repeats": _repeated_share(tracks),
        "centred": _mean([_off_centre(track, info) for track in tracks], seconds),
        "lined_up": math.log2(0.05 + _spread(tracks) / layer.height),
        "height": math.log2(layer.height / size),
        "usual_height": abs(math.log2(layer.height / size / _USUAL_HEIGHT)),
        "below": y / info.height,
        "middle": abs(y / info.height - 0.5),
        "length": math.log2(1 + _mean([_length(track.text) for track in tracks], seconds)),
        "letters": _mean([_letters(track.text) for track in tracks], seconds),
        "moves": math.log2(0.05 + _mean([_moved(track) for track in tracks], seconds)),
        "stands": min(1.0, max(seconds) / whole_s),
        "turns": _followed_share(tracks, info),
        "contrast": fmean(_contrast(track) for track in tracks),
        "same_fill": _fill_spread(tracks),
    }


def _in_one_style(one: TrackLayer, other: TrackLayer) -> bool:
    """Returns whether the letters of two layers have like height and, as far as known, brightness."""
    low, high = sorted((one.height, other.height))
    alike = one.fill is None or other.fill is None or abs(one.fill - other.fill) <= _STYLE_FILL
    return alike and high <= _STYLE_RATIO * low


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def _covered_ticks(tracks: Sequence[LineTrack]) -> int:
    """Returns how long some track of them is shown."""
    covered, reached = 0, None
    for track in tracks:
        start = track.start_pts if reached is None else max(reached, track.start_pts)
        covered += max(0, track.end_pts - start)
        reached = track.end_pts if reached is None else max(reached, track.end_pts)
    return covered


def _agreement(track: LineTrack) -> float:
    """Returns the share of frames that are read as one text, or as the beginning of it: some texts are typed."""
    weights = track.text_weights
    agreeing = max(sum(frames for read, frames in weights.items() if text.startswith(read)) for text in weights)
    return agreeing / sum(weights.values())


def _repeated_share(tracks: Sequence[LineTrack]) -> float:
    """Returns the share of tracks of which another shows nearly the same text: a sign is read anew whenever it is
    seen."""
    texts = [folded(track.text) for track in tracks]
    repeated = 0
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        alike = cdist(
            texts[start : start + _TEXTS_AT_ONCE],
            texts,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=_SAME_TEXT,
        )
        # Each is like itself.
        repeated += int(((alike > 0).sum(axis=1) > 1).sum())
    return repeated / len(texts)


def _off_centre(track: LineTrack, info: VideoInfo) -> float:
    return min(0.5, abs(track.box.center[0] / info.width - 0.5))


def _spread(tracks: Sequence[LineTrack]) -> float:
    """Returns how far the ends or the middles of the tracks, whichever lie closest together, lie from their median."""
    boxes = [track.box for track in tracks]
    anchors: list[list[float]] = [
        [box.x0 for box in boxes],
        [box.x1 for box in boxes],
        [box.center[0] for box in boxes],
    ]
    middles = [median(anchor) for anchor in anchors]
    return min(fmean(abs(value - middle) for value in anchor) for anchor, middle in zip(anchors, middles, strict=True))


def _length(text: str) -> int:
    """Returns the characters of a text, those as wide as two letters counted twice."""
    return sum(2 if ord(char) > 0x2E7F else 1 for char in bare(text))


def _letters(text: str) -> float:
    chars = bare(text)
    return sum(char.isalpha() for char in chars) / max(1, len(chars))


def _moved(track: LineTrack) -> float:
    """Returns how far a track's lines moved in all, in line heights: the nearest of both ends and the middle."""
    moved = 0.0
    for one, other in pairwise(track.sightings):
        a, b = one.read.box, other.read.box
        aside = min(abs(a.x0 - b.x0), abs(a.x1 - b.x1), abs(a.center[0] - b.center[0]))
        moved += (aside + abs(a.center[1] - b.center[1])) / max(1, a.height)
    return moved


def _followed_share(tracks: Sequence[LineTrack], info: VideoInfo) -> float:
    """Returns the share of tracks at whose end another begins."""
    reach = info.ticks(_NEXT_S)
    starts = sorted(track.start_pts for track in tracks)
    followed = 0
    for track in tracks:
        near = bisect_right(starts, track.end_pts + reach) - bisect_left(starts, track.end_pts - reach)
        is_itself = abs(track.start_pts - track.end_pts) <= reach
        followed += near > is_itself
    return followed / len(tracks)


def _amount(layer: TrackLayer) -> float:
    return sum(_shown_length(track) * track.ticks for track in layer.tracks)


def _shown_length(track: LineTrack) -> float:
    """Returns the length of a track's text, by its width where it can't be read."""
    return _LENGTH_OF_HEIGHT * track.box.width / track.height if is_unreadable(track.scores) else _length(track.text)


def _contrast(track: LineTrack) -> float:
    read = track.head.read
    return 0.0 if read.fill is None or read.ground is None else (read.fill - read.ground) / 255


def _fill_spread(tracks: Sequence[LineTrack]) -> float:
    fills = [track.head.read.fill for track in tracks if track.head.read.fill is not None]
    return pstdev(fills) / 255 if len(fills) > 1 else 0.1
