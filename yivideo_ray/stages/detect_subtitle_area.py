"""Stage paddleocr.detect_subtitle_area: sampled frames in, the bands where subtitles come and go out.

Subtitles are text that appears and disappears in rows of one place and size. What stays for good (logos), turns up in
places of its own (scene text) or lies where the settings exclude it is rejected, each with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.config import AreaDetectorSettings
from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.stages.likeness import NEARLY_ALL, are_of_one_height
from yivideo_ray.types import (
    Band,
    BandEvidence,
    Luma,
    RejectedRegion,
    RejectionReason,
    SampledFrame,
    SubtitleArea,
    VideoInfo,
)

__all__ = ["detect_subtitle_area", "is_conclusive"]

# Text that is lower in a sampled frame can't be read, and what is higher than this share of the frame's size (the root
# of its area) is no line.
_LOWEST_PX = 6
_HIGHEST_SHARE = 0.25
# What looks the same in one place in nearly all samples of a video, which is longer than any cue, is no subtitle.
_ALWAYS_SHARE = 0.95
_LONG_S = 60.0
# Lines of several samples belong together when their middles lie within this share of the lower one's height.
_ROW_REACH = 0.5
# Rows closer than this many lines are lines of one region.
_ROW_GAP_LINES = 0.9
_MARGIN_LINES = 0.5
# Room for a further line of a cue that no sample happened to show.
_EXTRA_LINE = 1.25
# Equal parts of the frame, from the top.
_PLACES = ("top", "middle", "bottom")
# What a quick look must have seen of each region: text in most samples, and so many texts. Where a region shows less,
# another may take turns with it that no sample happened to show.
_CLEAR_TEXTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A text line seen in a sample; box in frame coordinates, look its pixels at a fixed size."""

    sample: int
    box: Box
    score: float
    look: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class _Row:
    seen: list[_Seen] = field(default_factory=list)

    @property
    def middle(self) -> float:
        return median(one.box.center[1] for one in self.seen)

    @property
    def height(self) -> float:
        return median(one.box.height for one in self.seen)

    def runs_through(self, info: VideoInfo) -> bool:
        """Returns whether it reaches an edge in most samples, as a ticker does: subtitles keep away from the edges."""
        cut = fmean(one.box.x0 <= 0 or one.box.x1 >= info.width for one in self.seen)
        return cut >= 1 - cut


def detect_subtitle_area(
    info: VideoInfo, frames: Sequence[SampledFrame], models: OcrModels, settings: AreaDetectorSettings
) -> SubtitleArea:
    """Returns the subtitle area of a video; it has no band if no frame shows a subtitle.

    frames are in order of time. Regions in the settings are taken as the bands, whatever is seen there.
    Errors: as OcrModels.detect.
    """
    seen = _look(info, frames, models)
    rejected: list[RejectedRegion] = []
    excluded = [region.of(info.bounds) for region in settings.exclude]
    seen = _reject(seen, RejectionReason.EXCLUDED, rejected, lambda one: _lies_in(one.box, excluded))
    if settings.regions:
        bands = [_forced_band(region.of(info.bounds), seen, len(frames)) for region in settings.regions]
        return SubtitleArea(_named(bands, info), tuple(rejected))
    standing = _always_there(info, seen, frames)
    seen = _reject(seen, RejectionReason.ALWAYS_THERE, rejected, lambda one: id(one) in standing)
    groups = _merge_overlapping(_stack(_rows(seen), info))
    bands = [_band(group, info, len(frames), groups) for group in groups]
    return SubtitleArea(_named(bands, info), tuple(rejected))


def is_conclusive(area: SubtitleArea) -> bool:
    """Returns whether an area that was found at a quick look needs no full one: every region rests on enough."""
    return bool(area.bands) and all(
        band.evidence.samples_with_text >= band.evidence.samples - band.evidence.samples_with_text
        and band.evidence.distinct_texts >= _CLEAR_TEXTS
        for band in area.bands
    )


def _look(info: VideoInfo, frames: Sequence[SampledFrame], models: OcrModels) -> list[_Seen]:
    highest_px = _HIGHEST_SHARE * math.sqrt(info.width * info.height)
    seen = []
    for index, (frame, found) in enumerate(zip(frames, models.detect([f.luma for f in frames]), strict=True)):
        for text_box in found:
            box = text_box.box.scale(1 / frame.scale).clip(info.bounds)
            is_line = text_box.box.height >= _LOWEST_PX and box.height <= highest_px
            if is_line and box.width >= box.height // 2:
                seen.append(_Seen(index, box, text_box.score, _appearance(frame.luma, text_box.box)))
    return seen


def _appearance(luma: Luma, box: Box) -> NDArray[np.float32]:
    patch = luma[box.y0 : box.y1, box.x0 : box.x1]
    small = cv2.resize(patch, (64, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return small / (float(np.linalg.norm(small)) or 1.0)


def _always_there(info: VideoInfo, seen: Sequence[_Seen], frames: Sequence[SampledFrame]) -> set[int]:
    """Returns the ids of what looks the same in one place in nearly all samples of a video that is longer than a
    cue."""
    if not frames or info.seconds(frames[-1].pts) - info.seconds(frames[0].pts) < _LONG_S:
        return set()
    standing: set[int] = set()
    for one in seen:
        if id(one) not in standing:
            alike = [other for other in seen if other is one or _looks_the_same(one, other)]
            if len({other.sample for other in alike}) >= _ALWAYS_SHARE * len(frames):
                standing.update(id(other) for other in alike)
    return standing


def _looks_the_same(one: _Seen, other: _Seen) -> bool:
    return other.box.iou(one.box) >= NEARLY_ALL and float((other.look * one.look).sum()) >= NEARLY_ALL


def _rows(seen: Sequence[_Seen]) -> list[_Row]:
    """Groups the lines of all samples that have like heights and lie at one height of the frame."""
    rows: list[_Row] = []
    for one in sorted(seen, key=lambda one: (one.box.center[1], one.sample)):
        row = next((row for row in rows if _in_row(one, row)), None)
        if row is None:
            row = _Row()
            rows.append(row)
        row.seen.append(one)
    return rows


def _in_row(one: _Seen, row: _Row) -> bool:
    height = row.height
    near = abs(one.box.center[1] - row.middle) <= _ROW_REACH * min(height, one.box.height)
    return near and are_of_one_height(height, one.box.height)


def _stack(rows: Iterable[_Row], info: VideoInfo) -> list[list[_Row]]:
    """Groups rows of like heights that lie close above each other, as the lines of one cue do."""
    groups: list[list[_Row]] = []
    for row in sorted(rows, key=lambda row: row.middle):
        group = next((group for group in groups if _is_next_row(group[-1], row, info)), None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    return groups


def _is_next_row(above: _Row, below: _Row, info: VideoInfo) -> bool:
    near = below.middle - above.middle <= (1 + _ROW_GAP_LINES) * max(above.height, below.height)
    alike = are_of_one_height(above.height, below.height) and above.runs_through(info) == below.runs_through(info)
    return near and alike


def _text_box(rows: Iterable[_Row]) -> Box:
    return bounding_box(one.box for row in rows for one in row.seen)


def _merge_overlapping(groups: Iterable[list[_Row]]) -> list[list[_Row]]:
    """Returns the groups, as one those whose text overlaps and has like heights: text of another size is looked at by
    itself."""
    merged: list[list[_Row]] = []
    for group in groups:
        other = next((one for one in merged if _are_one(one, group)), None)
        if other is None:
            merged.append(group)
        else:
            other += group
    return merged


def _are_one(one: Sequence[_Row], other: Sequence[_Row]) -> bool:
    overlap = _text_box(one).intersect(_text_box(other)) is not None
    return overlap and are_of_one_height(median(row.height for row in one), median(row.height for row in other))


def _band(rows: Sequence[_Row], info: VideoInfo, samples: int, groups: Sequence[Sequence[_Row]]) -> Band:
    """Returns the band of a group of rows: with room for a further line, but none of another group's."""
    seen = [one for row in rows for one in row.seen]
    line = median(one.box.height for one in seen)
    text = _text_box(rows)
    margin = round(_MARGIN_LINES * line)
    per_sample = [sum(one.sample == sample for one in seen) for sample in {o.sample for o in seen}]
    extra = round(_EXTRA_LINE * line) if max(per_sample) == 1 else 0
    # Cues at the bottom grow upwards, those at the top downwards.
    above, below = (extra, 0) if text.center[1] > info.height / 2 else (0, extra)
    others = [_text_box(group) for group in groups if group is not rows]
    top = max((box.y1 for box in others if box.y1 <= text.y0), default=0)
    bottom = min((box.y0 for box in others if box.y0 >= text.y1), default=info.height)
    box = Box(0, max(top, text.y0 - margin - above), info.width, min(bottom, text.y1 + margin + below))
    return Band("", box, line, _evidence(seen, samples, f"{len(rows)} rows of text"))


def _forced_band(region: Box, seen: Sequence[_Seen], samples: int) -> Band:
    inside = [one for one in seen if _lies_in(one.box, [region])]
    line = median(one.box.height for one in inside) if inside else region.height / 2.5
    return Band("", region, line, _evidence(inside, samples, "area_detector.regions"))


def _evidence(seen: Sequence[_Seen], samples: int, reason: str) -> BandEvidence:
    ordered = sorted(seen, key=lambda one: one.sample)
    changes = sum(float((a.look * b.look).sum()) < NEARLY_ALL for a, b in pairwise(ordered))
    return BandEvidence(
        samples=samples,
        samples_with_text=len({one.sample for one in seen}),
        distinct_texts=changes + 1 if seen else 0,
        mean_score=fmean(one.score for one in seen) if seen else 0.0,
        reason=reason,
    )


def _named(bands: Sequence[Band], info: VideoInfo) -> tuple[Band, ...]:
    """Returns the bands from the top, each named after its place and, where several share one, its number."""
    named: list[Band] = []
    for band in sorted(bands, key=lambda band: (band.box.y0, band.box.x0)):
        place = _PLACES[int(len(_PLACES) * band.box.center[1] / info.height)]
        same = sum(other.name.split("-")[0] == place for other in named)
        named.append(Band(f"{place}-{same + 1}" if same else place, band.box, band.line_height_px, band.evidence))
    return tuple(named)


def _reject(
    seen: Sequence[_Seen], reason: RejectionReason, rejected: list[RejectedRegion], is_out: Callable[[_Seen], bool]
) -> list[_Seen]:
    out = [one for one in seen if is_out(one)]
    rejected += [_rejected(row.seen, reason) for row in _rows(out)]
    return [one for one in seen if not is_out(one)]


def _rejected(seen: Sequence[_Seen], reason: RejectionReason) -> RejectedRegion:
    return RejectedRegion(bounding_box(one.box for one in seen), reason, len({one.sample for one in seen}))


def _lies_in(box: Box, regions: Iterable[Box]) -> bool:
    return any(region.x0 <= box.center[0] < region.x1 and region.y0 <= box.center[1] < region.y1 for region in regions)
