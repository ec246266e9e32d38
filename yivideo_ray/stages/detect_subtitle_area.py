"""Stage paddleocr.detect_subtitle_area: sampled frames in, the bands where subtitles come and go out.

Subtitles are text that appears and disappears in rows of one place and size. What stays for good (logos), turns up in
places of its own (scene text) or lies where the settings exclude it is rejected, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.config import AreaDetectorSettings
from yivideo_ray.geometry import Box, bounding_box, in_rows
from yivideo_ray.ocr.contract import OcrModels
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

_MIN_SCORE = 0.6
# Text lines of subtitles, as shares of the frame's shorter side.
_MIN_LINE_SHARE = 0.02
_MAX_LINE_SHARE = 0.16
_SAME_PLACE_IOU = 0.6
_SAME_CONTENT = 0.8
_ALWAYS_SHARE = 0.5
_WHOLE_SHARE = 0.95
_STEADY_SHARE = 0.5
_SAME_END = 0.5
# A ticker runs from edge to edge; subtitles keep away from them.
_EDGE_SHARE = 0.01
_CUT_SHARE = 0.5
_LONGEST_CUE_S = 12.0
# A sample with so many rows, over so much of the frame's height, is a page: two lines in each of two languages at the
# bottom, and two lines at the top, are fewer.
_PAGE_ROWS, _PAGE_SHARE = 7, 0.5
_FEW_PAGES_SHARE = 0.5
# Lines of several samples belong together when their middles lie within this share of the lower one's height.
_ROW_REACH = 0.5
_SIZE_RATIO = 1.5
_CENTERED_SHARE = 0.05
_MIN_ALIGNED_SHARE = 0.6
# Of rows that are not centred: their least number of samples, as a share of all and at all.
_OFTEN_SHARE = 0.3
_OFTEN_FLUSH_SHARE = 0.15
_LEAST_BESIDE = 4
_LEAST_TEXTS_BESIDE = 3
# A single text is believed only where subtitles usually stand.
_USUAL_TOP = 0.65
# Rows closer than this many lines are lines of one band.
_BAND_GAP_LINES = 0.9
_MARGIN_LINES = 0.5
# Room for a further line of a cue that no sample happened to show.
_EXTRA_LINE = 1.25
# What a quick look must have seen of each band: text in this share of the samples, and so many texts. Where a band
# shows less, another may take turns with it that no sample happened to show. Of what was rejected, some might be
# subtitles if more samples showed more of it.
_CLEAR_SHARE = 1 / 2
_CLEAR_TEXTS = 4
_IN_DOUBT = {RejectionReason.MOVES, RejectionReason.TOO_RARE, RejectionReason.PAGE}


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

    @property
    def samples(self) -> set[int]:
        return {one.sample for one in self.seen}


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
    pages = _pages(seen, info)
    seen = _reject(seen, RejectionReason.PAGE, rejected, lambda one: one.sample in pages)
    rows = []
    for row in _rows(seen):
        reason = _why_not(row, info, len(frames))
        if reason is None:
            rows.append(row)
        else:
            rejected.append(_rejected(row.seen, reason))
    bands = _merge_overlapping([_band(group, info, len(frames)) for group in _stack(rows)])
    return SubtitleArea(_named(bands, info), tuple(rejected))


def is_conclusive(area: SubtitleArea) -> bool:
    """Returns whether an area that was found at a quick look needs no full one: every band rests on enough, and nothing
    was rejected for having been seen too seldom."""
    return (
        bool(area.bands)
        and all(
            band.evidence.samples_with_text >= _CLEAR_SHARE * band.evidence.samples
            and band.evidence.distinct_texts >= _CLEAR_TEXTS
            for band in area.bands
        )
        and not any(region.reason in _IN_DOUBT for region in area.rejected)
    )


def _look(info: VideoInfo, frames: Sequence[SampledFrame], models: OcrModels) -> list[_Seen]:
    shorter = min(info.width, info.height)
    seen = []
    for index, (frame, found) in enumerate(zip(frames, models.detect([f.luma for f in frames]), strict=True)):
        for text_box in found:
            box = text_box.box.scale(1 / frame.scale).clip(info.bounds)
            is_line = _MIN_LINE_SHARE <= box.height / shorter <= _MAX_LINE_SHARE
            if text_box.score >= _MIN_SCORE and is_line and box.width >= box.height // 2:
                seen.append(_Seen(index, box, text_box.score, _appearance(frame.luma, text_box.box)))
    return seen


def _appearance(luma: Luma, box: Box) -> NDArray[np.float32]:
    patch = luma[box.y0 : box.y1, box.x0 : box.x1]
    small = cv2.resize(patch, (64, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return small / (float(np.linalg.norm(small)) or 1.0)


def _always_there(info: VideoInfo, seen: Sequence[_Seen], frames: Sequence[SampledFrame]) -> set[int]:
    """Returns the ids of what looks the same in one place in at least half of the samples, for longer than a cue."""
    standing: set[int] = set()
    for one in seen:
        if id(one) in standing:
            continue
        alike = [
            other
            for other in seen
            # A box that is one even grey, which detection may take for text, looks like nothing, not even itself.
            if other is one
            or (other.box.iou(one.box) >= _SAME_PLACE_IOU and float((other.look * one.look).sum()) >= _SAME_CONTENT)
        ]
        share = len({other.sample for other in alike}) / len(frames)
        first, last = (info.seconds(frames[alike[end].sample].pts) for end in (0, -1))
        too_long = last - first >= _LONGEST_CUE_S
        # A clock changes its looks, and a logo that shines through with what is behind it; neither leaves its place.
        steady = [other for other in seen if _same_ends(other.box, one.box)]
        places = {other.sample for other in steady}
        lasts = info.seconds(frames[max(places)].pts) - info.seconds(frames[min(places)].pts) >= _LONGEST_CUE_S
        if len(places) >= _STEADY_SHARE * len(frames) and lasts and not _is_usual(one.box, info):
            standing.update(id(other) for other in steady)
            continue
        # In a clip shorter than that, a line that never goes may be a subtitle where subtitles usually stand.
        unusual = share >= _WHOLE_SHARE and not _is_usual(one.box, info)
        if share >= _ALWAYS_SHARE and (too_long or unusual):
            standing.update(id(other) for other in alike)
    return standing


def _pages(seen: Sequence[_Seen], info: VideoInfo) -> set[int]:
    """Returns the samples that are full of lines, as rolling credits and title pages are, if few are."""
    pages: set[int] = set()
    with_text = {one.sample for one in seen}
    for sample in with_text:
        lines = [one for one in seen if one.sample == sample]
        middles = [row[0].box.center[1] for row in in_rows(lines, lambda line: line.box)]
        if len(middles) >= _PAGE_ROWS and max(middles) - min(middles) >= _PAGE_SHARE * info.height:
            pages.add(sample)
    # Where text is all over the frame all the time, as in a lecture, subtitles are among it.
    return pages if len(pages) < _FEW_PAGES_SHARE * len(with_text) else set()


def _same_ends(a: Box, b: Box) -> bool:
    """Returns whether two lines have the same ends and height: those of subtitles hardly ever are in many samples."""
    reach = _SAME_END * min(a.height, b.height)
    return abs(a.x0 - b.x0) <= reach and abs(a.x1 - b.x1) <= reach and abs(a.center[1] - b.center[1]) <= reach


def _is_usual(box: Box, info: VideoInfo) -> bool:
    """Returns whether a line lies where subtitles usually stand: centred, in the lower part of the frame."""
    x, y = box.center
    return abs(x - info.width / 2) <= _CENTERED_SHARE * info.width and y >= _USUAL_TOP * info.height


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
    return near and max(height, one.box.height) <= _SIZE_RATIO * min(height, one.box.height)


def _why_not(row: _Row, info: VideoInfo, samples: int) -> RejectionReason | None:
    centered = fmean(abs(one.box.center[0] - info.width / 2) <= _CENTERED_SHARE * info.width for one in row.seen)
    left = median(one.box.x0 for one in row.seen)
    flush = fmean(abs(one.box.x0 - left) <= _CENTERED_SHARE * info.width / 2 for one in row.seen)
    count = len(row.samples)
    margin = _EDGE_SHARE * info.width
    cut = fmean(one.box.x0 <= margin or one.box.x1 >= info.width - margin for one in row.seen)
    if cut >= _CUT_SHARE:
        return RejectionReason.MOVES
    if count == 1 or _texts(row) == 1:
        return None if _is_usual(row.seen[0].box, info) else RejectionReason.TOO_RARE
    if centered >= _MIN_ALIGNED_SHARE:
        return None
    # Signs and credits stand together for a moment as well: beside the middle it takes more to be believed.
    often = _OFTEN_FLUSH_SHARE if flush >= _MIN_ALIGNED_SHARE else _OFTEN_SHARE
    # A sign that passes slowly is one text in many samples.
    if count >= max(_LEAST_BESIDE, often * samples) and _texts(row) >= max(_LEAST_TEXTS_BESIDE, count / 2):
        return None
    return RejectionReason.MOVES


def _texts(row: _Row) -> int:
    """Returns how many different texts the row showed, as far as their looks tell."""
    looks: list[NDArray[np.float32]] = []
    for one in row.seen:
        if all(float((one.look * look).sum()) < _SAME_CONTENT for look in looks):
            looks.append(one.look)
    return len(looks)


def _stack(rows: Iterable[_Row]) -> list[list[_Row]]:
    """Groups rows that lie close above each other, as the lines of one cue do."""
    groups: list[list[_Row]] = []
    for row in sorted(rows, key=lambda row: row.middle):
        last = groups[-1][-1] if groups else None
        if last is not None:
            height = max(row.height, last.height)
            if row.middle - last.middle <= (1 + _BAND_GAP_LINES) * height:
                groups[-1].append(row)
                continue
        groups.append([row])
    return groups


def _band(rows: Sequence[_Row], info: VideoInfo, samples: int) -> Band:
    seen = [one for row in rows for one in row.seen]
    line = median(one.box.height for one in seen)
    text = bounding_box(one.box for one in seen)
    margin = round(_MARGIN_LINES * line)
    per_sample = [sum(one.sample == sample for one in seen) for sample in {o.sample for o in seen}]
    extra = round(_EXTRA_LINE * line) if max(per_sample) == 1 else 0
    # Cues at the bottom grow upwards, those at the top downwards.
    above, below = (extra, 0) if text.center[1] > info.height / 2 else (0, extra)
    box = Box(0, text.y0 - margin - above, info.width, text.y1 + margin + below).clip(info.bounds)
    return Band("", box, line, _evidence(seen, samples, f"{len(rows)} rows of text that comes and goes"))


def _forced_band(region: Box, seen: Sequence[_Seen], samples: int) -> Band:
    inside = [one for one in seen if _lies_in(one.box, [region])]
    line = median(one.box.height for one in inside) if inside else region.height / 2.5
    return Band("", region, line, _evidence(inside, samples, "area_detector.regions"))


def _evidence(seen: Sequence[_Seen], samples: int, reason: str) -> BandEvidence:
    ordered = sorted(seen, key=lambda one: one.sample)
    changes = sum(float((a.look * b.look).sum()) < _SAME_CONTENT for a, b in pairwise(ordered))
    return BandEvidence(
        samples=samples,
        samples_with_text=len({one.sample for one in seen}),
        distinct_texts=changes + 1 if seen else 0,
        mean_score=fmean(one.score for one in seen) if seen else 0.0,
        reason=reason,
    )


def _merge_overlapping(bands: Sequence[Band]) -> list[Band]:
    merged: list[Band] = []
    for band in sorted(bands, key=lambda band: band.box.y0):
        last = merged[-1] if merged else None
        if last is None or last.box.intersect(band.box) is None:
            merged.append(band)
            continue
        strong, weak = sorted((last, band), key=lambda b: -b.evidence.samples_with_text)
        merged[-1] = Band("", bounding_box([strong.box, weak.box]), strong.line_height_px, strong.evidence)
    return merged


def _named(bands: Sequence[Band], info: VideoInfo) -> tuple[Band, ...]:
    """Returns the bands from the top, each named after its place and, where several share one, its number."""
    named: list[Band] = []
    for band in sorted(bands, key=lambda band: (band.box.y0, band.box.x0)):
        share = band.box.center[1] / info.height
        place = "top" if share < 1 / 3 else "bottom" if share > 2 / 3 else "middle"
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
