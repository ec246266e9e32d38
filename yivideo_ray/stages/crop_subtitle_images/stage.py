"""Stage ffmpeg.crop_subtitle_images: a chunk of video and the area in, one crop per distinct picture of a band out.

Reading the text is left to perform_ocr, joining crops with the same text to postprocess_and_finalize. Crops are given
out as they are found, so that they can be read while the rest of the chunk is decoded, and gathered into groups of a
fixed size across the borders of chunks, so that what is read together does not depend on how long chunks are.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from yivideo_ray.config import DecoderSettings
from yivideo_ray.geometry import Box
from yivideo_ray.media import ChunkReader, VideoFrame, read_chunk
from yivideo_ray.pixels.strokes import ANALYSIS_LINE_PX, MIN_MARK_PX, Mask, analysis_scale
from yivideo_ray.stages.crop_subtitle_images.segments import GUARD_FRAMES, Segment, SegmentTracker
from yivideo_ray.types import Band, ChunkReport, ChunkSpan, CropMeta, Luma, SubtitleArea, VideoInfo

__all__ = [
    "CROPS_PER_PART",
    "CROP_LINE_PX",
    "HIGHEST_LINE",
    "ChunkCrops",
    "CropGroups",
    "GroupedCrop",
    "crop_subtitle_images",
    "keep_uncovered",
    "uncovered",
]

CROP_LINE_PX = 48
"""Height of a text line's box in a crop: what recognition models take in. Text that is smaller is not enlarged."""

CROPS_PER_PART = 8
"""How many crops a chunk gives out at once; fewer at its end only."""

HIGHEST_LINE = 1.8
"""A box that is higher than so many lines of its band is no line: the background, or several lines at once."""

# Runs are cut on this grid, so that a chunk ends at most so long after its last own frame.
_GRID_S = 10
_SPECK_PX = 12


def crop_subtitle_images(
    info: VideoInfo, span: ChunkSpan, area: SubtitleArea, settings: DecoderSettings
) -> tuple[ChunkReport, tuple[Luma, ...]]:
    """Returns the report on a chunk and the images of its crops, in the order of report.crops.

    The chunk is read beyond its end until the crops that begin in it have ended; chunks overlap therefore, and
    keep_uncovered says which crops are new. What it returns for those does not depend on how the video is cut up.
    Errors: as media.read_chunk.
    """
    crops = ChunkCrops(info, span, area, settings)
    images = tuple(image for _, part in crops for image in part)
    return crops.report, images


def uncovered(crops: Iterable[CropMeta], covered: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the indexes of a chunk's crops that no chunk before has covered; covered is () before the first."""
    return tuple(index for index, crop in enumerate(crops) if not covered or crop.stable_pts >= covered[crop.band])


def keep_uncovered(
    report: ChunkReport, covered: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[CropMeta, ...], tuple[int, ...]]:
    """Returns the indexes of the crops that no chunk before has covered, their metas, and the new `covered`.

    Chunks are to be taken in order; covered is () before the first.
    """
    # A chunk without frames covers nothing and ends nothing.
    merged = tuple(max(pair) for pair in zip(covered, report.covered, strict=True)) if covered else report.covered
    indexes = uncovered(report.crops, covered)
    return indexes, tuple(report.crops[index] for index in indexes), merged


_Part = tuple[tuple[CropMeta, ...], tuple[Luma, ...]]


class ChunkCrops:
    """The crops of a chunk, to be iterated once, in parts of CROPS_PER_PART: their metas, and their images.

    Together, in this order, they are what crop_subtitle_images returns, and the same whenever they are asked for.
    report is there when all are given out. Errors while iterating: as media.read_chunk.
    """

    def __init__(self, info: VideoInfo, span: ChunkSpan, area: SubtitleArea, settings: DecoderSettings) -> None:
        self.report: ChunkReport
        self._info = info
        self._span = span
        self._bands = area.bands
        self._settings = settings
        grid_ticks = info.ticks(_GRID_S)
        self._trackers = [
            SegmentTracker(analysis_scale(band.line_height_px), info.first_pts, grid_ticks) for band in area.bands
        ]
        self._covered: list[int | None] = [None] * len(area.bands)
        self._found: list[tuple[CropMeta, Luma]] = []
        self._given: list[CropMeta] = []
        self._analyse_s = 0.0

    def __iter__(self) -> Iterator[_Part]:
        with read_chunk(self._info, self._span, self._settings) as reader:
            yield from self._read(reader)

    def _read(self, reader: ChunkReader) -> Iterator[_Part]:
        started = time.perf_counter()
        first_pts: int | None = None
        end_pts = 0
        guard_pts: int | None = None
        behind_end = 0
        for frame, frame_end_pts in _with_end(reader):
            first_pts = frame.pts if first_pts is None else first_pts
            end_pts = frame_end_pts
            if behind_end or reader.is_end(frame):
                behind_end += 1
                if behind_end == GUARD_FRAMES:
                    guard_pts = frame.pts
            self._analyse(frame, frame_end_pts, guard_pts)
            while self._final() >= CROPS_PER_PART:
                yield self._part()
            # Without a band, what is to be known is what the chunk's own frames are.
            if all(covered is not None for covered in self._covered) and (self._bands or behind_end):
                break
        else:
            self._finish(end_pts)
        while self._found:
            yield self._part()
        elapsed = time.perf_counter() - started
        self.report = ChunkReport(
            index=self._span.index,
            first_pts=first_pts,
            end_pts=end_pts if first_pts is not None else None,
            covered=tuple(end_pts if covered is None else covered for covered in self._covered),
            crops=tuple(self._given),
            frames=reader.frames,
            corrupt_packets=reader.corrupt_packets + reader.lost_keys(),
            reached_end=reader.reached_end,
            decoder=reader.decoder,
            decode_s=elapsed - self._analyse_s,
            analyse_s=self._analyse_s,
            gpu_fault=reader.gpu_fault,
        )

    def _final(self) -> int:
        """Returns how many of the crops found come before any that may still be found."""
        if len(self._found) < CROPS_PER_PART:
            return 0
        final = len(self._found)
        for band, tracker in enumerate(self._trackers):
            if self._covered[band] is None:
                earliest = tracker.earliest_pts
                if earliest is None:
                    return 0
                final = min(final, bisect_left(self._found, (earliest, band), key=_order))
        return final

    def _part(self) -> _Part:
        part, self._found = self._found[:CROPS_PER_PART], self._found[CROPS_PER_PART:]
        metas = tuple(meta for meta, _ in part)
        self._given.extend(metas)
        return metas, tuple(image for _, image in part)

    def _analyse(self, frame: VideoFrame, frame_end_pts: int, guard_pts: int | None) -> None:
        started = time.perf_counter()
        for index, (band, tracker) in enumerate(zip(self._bands, self._trackers, strict=True)):
            if self._covered[index] is not None:
                continue
            # A copy: the frame's own buffer is as large as the frame, and the tracker keeps several.
            luma = frame.luma(band.box).copy()
            self._take(index, tracker.push(frame.pts, frame_end_pts, luma))
            following = tracker.next_run_pts
            if guard_pts is not None and following is not None and following >= guard_pts:
                self._covered[index] = following
        self._analyse_s += time.perf_counter() - started

    def _finish(self, end_pts: int) -> None:
        for index, tracker in enumerate(self._trackers):
            if self._covered[index] is None:
                self._take(index, tracker.finish())
                self._covered[index] = end_pts

    def _take(self, index: int, segments: Iterable[Segment]) -> None:
        for segment in segments:
            crop = _crop(segment, index, self._bands[index])
            if crop is not None:
                insort(self._found, crop, key=_order)


def _order(found: tuple[CropMeta, Luma]) -> tuple[int, int]:
    return found[0].stable_pts, found[0].band


def _with_end(frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, int]]:
    """Yields each frame with the pts at which the next one takes its place."""
    previous: VideoFrame | None = None
    interval = 1
    for frame in frames:
        if previous is not None:
            interval = frame.pts - previous.pts
            yield previous, frame.pts
        previous = frame
    if previous is not None:
        yield previous, previous.pts + (previous.duration or interval)


def _crop(segment: Segment, index: int, band: Band) -> tuple[CropMeta, Luma] | None:
    """Returns the part of the segment's picture in which strokes stood still, or None where none did."""
    strokes = _without_specks(segment.strokes)
    stroke_px = cv2.countNonZero(strokes)
    if stroke_px < MIN_MARK_PX:
        return None
    x, y, width, height = cv2.boundingRect(strokes)
    margin = ANALYSIS_LINE_PX
    within = Box(0, 0, band.box.width, band.box.height)
    box = Box(x - margin, y - margin // 2, x + width + margin, y + height + margin // 2)
    box = box.scale(1 / analysis_scale(band.line_height_px)).clip(within)
    image = segment.average[box.y0 : box.y1, box.x0 : box.x1]
    scale = min(1.0, CROP_LINE_PX / band.line_height_px)
    if scale < 1.0:
        size = max(1, round(box.width * scale)), max(1, round(box.height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    meta = CropMeta(
        crop_id=f"{index}-{segment.stable_pts}",
        band=index,
        box=box.translate(band.box.x0, band.box.y0),
        scale=scale,
        start_pts=segment.start_pts,
        stable_pts=segment.stable_pts,
        end_pts=segment.end_pts,
        frames=segment.frames,
        averaged_frames=segment.averaged,
        stroke_px=stroke_px,
        stable_end_pts=segment.stable_end_pts,
        joined_to_pts=segment.joined_to_pts,
        begins_before=segment.begins_before,
        ends_after=segment.ends_after,
    )
    return meta, np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _without_specks(strokes: Mask) -> Mask:
    """Returns the strokes without lone spots, which would stretch the crop over the whole band."""
    count, labels, _, _ = cv2.connectedComponentsWithStats(cv2.dilate(strokes, np.ones((5, 5), np.uint8)))
    inside = np.bincount(labels[strokes > 0], minlength=count)
    keep = inside >= _SPECK_PX
    keep[0] = False
    return np.where(keep[labels], strokes, 0).astype(np.uint8)


Source = TypeVar("Source")


@dataclass(frozen=True, slots=True, eq=False)
class GroupedCrop(Generic[Source]):
    """A crop: its picture is number `index` of those that the source of its chunk's pictures has."""

    meta: CropMeta
    source: Source
    index: int


class CropGroups(Generic[Source]):
    """Takes the crops of chunks in order, leaves out those that a chunk before has shown, and gives out groups of size.

    metas are the crops of the chunks that have ended.
    """

    def __init__(self, size: int) -> None:
        self.metas: list[CropMeta] = []
        self._size = size
        self._covered: tuple[int, ...] = ()
        self._taken = 0
        self._waiting: list[GroupedCrop[Source]] = []

    def take(self, crops: Sequence[CropMeta], source: Source) -> None:
        """Takes the next crops of the chunk at hand."""
        for index in uncovered(crops, self._covered):
            self._waiting.append(GroupedCrop(crops[index], source, self._taken + index))
        self._taken += len(crops)

    def end_chunk(self, report: ChunkReport) -> tuple[CropMeta, ...]:
        """Ends the chunk at hand, all of whose crops were taken, and returns those of them that count."""
        _, metas, self._covered = keep_uncovered(report, self._covered)
        self.metas.extend(metas)
        self._taken = 0
        return metas

    def full(self, *, rest: bool = False) -> Iterator[list[GroupedCrop[Source]]]:
        """Yields the groups that are full, and with rest what remains."""
        while len(self._waiting) >= self._size or (rest and self._waiting):
            group, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            yield group
