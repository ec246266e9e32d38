"""A few frames from all over a video, as cheaply as they can be had."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TypeAlias, TypeVar

from av.packet import Packet
from av.video.stream import VideoStream

from yivideo_ray.config import DecoderSettings
from yivideo_ray.media.clock import Clock
from yivideo_ray.media.ending import tolerance_s
from yivideo_ray.media.frames import Geometry, VideoFrame
from yivideo_ray.media.source import Source
from yivideo_ray.types import VideoInfo

__all__ = ["SamplePlan", "SampleReader", "plan_samples", "sample_frames"]

Item = TypeVar("Item")
_Window: TypeAlias = "tuple[int, tuple[int, ...]]"

# Key frames cost next to nothing each; fewer than this share of what is wanted are too few to judge by, and too few
# for a quick look.
_ENOUGH = 2 / 3
_GLANCE = 1 / 2
# Where key frames are rare, at most this much of the video is decoded behind them; more where there are hardly any,
# since then what is decoded is not spread over the video.
_BUDGET_S = 30.0
_LARGE_BUDGET_S = 60.0
_BUDGET_SHARE = 0.1
_FEW_KEYS = 4
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
_LATE_S = 1.0
# Without the deblocking filter a third of the time is saved, and a pixel is 1.5 levels off in the mean.
_DRAFT = {"skip_frame": "noref", "skip_loop_filter": "all"}


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """Which frames a look at a video takes: a key frame for each of the times in keys, or for each (start, points) of
    windows the frames at those points, decoded from the start on. All in the stream's time_base.

    full: no look at it would take more. holes counts the times that were aimed at from which a seek leads to no key
    frame before or soon after them, though the file has an index: none in an undamaged video.
    """

    keys: tuple[int, ...]
    windows: tuple[_Window, ...]
    full: bool
    holes: int


def plan_samples(
    info: VideoInfo, count: int, settings: DecoderSettings, *, least: int | None = None, quick: bool = False
) -> SamplePlan:
    """Returns where to find up to count frames spread evenly over the video; the same every time. Nothing is decoded.

    Key frames where the video has enough of them for `least` frames, which is count by default; at a quick look half as
    many are looked at, where there are that many. Else the frames between are decoded too, without those that no other
    frame needs: half a minute to a minute, or a tenth of a longer video, in equal stretches behind key frames.
    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    end_pts = _end_pts(info, settings)
    span = max(1, end_pts - info.first_pts)
    targets = [info.first_pts + (2 * index + 1) * span // (2 * count) for index in range(count)]
    keys, holes = _key_times(info, targets, settings)
    wanted = count if least is None else least
    if len(keys) >= _ENOUGH * wanted:
        return SamplePlan(tuple(keys.values()), (), True, holes)
    few = math.ceil(_GLANCE * wanted)
    if quick and len(keys) >= few:
        times = tuple(keys.values())
        return SamplePlan(tuple(times[index * len(times) // few] for index in range(few)), (), False, holes)
    starts = sorted({info.first_pts, *keys})
    least_s = _LARGE_BUDGET_S if len(starts) < _FEW_KEYS else _BUDGET_S
    budget_s = max(least_s, _BUDGET_SHARE * float(span * info.time_base))
    longest = round(budget_s / len(starts) / info.time_base)
    windows = [(start, min(end, start + longest)) for start, end in pairwise([*starts, end_pts]) if start < end]
    return SamplePlan((), tuple(_spread(windows, count)), True, holes)


def sample_frames(
    info: VideoInfo, plan: SamplePlan, settings: DecoderSettings, part: tuple[int, int] = (0, 1)
) -> SampleReader:
    """Returns the frames of a plan in order of time, to be iterated once.

    part (i, n) asks for the share i of n: all shares, one after the other, are what one call gives, and each is made
    without the others, so that they can be made side by side.
    Errors while iterating: those of opening a file, and InputError INPUT_CHANGED.
    """
    return SampleReader(info, _share(plan.keys, part), _share(plan.windows, part), settings)


class SampleReader:
    """Frames of a plan. When all are given out, corrupt_packets counts what could not be read or decoded on the way, or
    with errors only, or is shown behind the video's end: nothing of an undamaged video."""

    def __init__(
        self, info: VideoInfo, keys: Sequence[int], windows: Sequence[_Window], settings: DecoderSettings
    ) -> None:
        self.corrupt_packets = 0
        self._info = info
        self._keys = keys
        self._windows = windows
        self._settings = settings
        self._geometry = Geometry.of(info)
        duration_s = math.inf if info.duration_s is None else info.duration_s + tolerance_s(info)
        self._end_pts = info.first_pts + duration_s / info.time_base

    def __iter__(self) -> Iterator[VideoFrame]:
        # Windows are decoded without the deblocking filter and what no other frame needs.
        source = Source(self._info, self._settings, {"skip_frame": "nokey"} if self._keys else _DRAFT)
        try:
            for target in self._keys:
                yield from self._counted(self._key_frame(source, target))
            for start, points in self._windows:
                yield from self._counted(self._frames_in_window(source, start, points))
        finally:
            self.corrupt_packets += source.corrupt_packets
            source.close()

    def _counted(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        for frame in frames:
            self.corrupt_packets += frame.corrupt or frame.pts > self._end_pts
            yield frame

    def _key_frame(self, source: Source, target: int) -> Iterator[VideoFrame]:
        time, packet = _next_key(source, self._info, target)
        # Emptying the decoder makes it give the frame without waiting for others; the next seek resets it.
        if time is not None and packet is not None:
            for frame in [*source.decode(packet), *source.decode(None)][:1]:
                yield VideoFrame(frame, self._geometry, time, key=True, after_end=False)

    def _frames_in_window(self, source: Source, start: int, wanted: Sequence[int]) -> Iterator[VideoFrame]:
        """Yields the first frame that others refer to at or after each point, every one once."""
        remaining = list(wanted)
        clock = Clock(self._info)
        packets = source.from_start() if start <= self._info.first_pts else source.from_key_before(start)
        shown = None
        # None empties the decoder where the file ends before every point has had its frame.
        for packet in chain(packets, [None]):
            clock.feed(packet.dts if packet else None)
            for frame in source.decode(packet):
                raw = frame.dts if self._info.pts_from_dts else frame.pts
                pts = clock.stamp(raw, frame.duration, key=frame.opaque is not None)
                shown = VideoFrame(frame, self._geometry, pts, key=False, after_end=False)
                if pts >= remaining[0]:
                    yield shown
                    remaining = [point for point in remaining if point > pts]
                    shown = None
                if not remaining:
                    return
        if shown is not None:
            yield shown


def _share(items: Sequence[Item], part: tuple[int, int]) -> Sequence[Item]:
    index, parts = part
    return items[index * len(items) // parts : (index + 1) * len(items) // parts]


def _end_pts(info: VideoInfo, settings: DecoderSettings) -> int:
    if info.duration_s is not None:
        return info.first_pts + info.ticks(info.duration_s)
    source = Source(info, settings)
    try:
        return max((source.time(packet) or 0 for packet in source.from_start()), default=info.first_pts)
    finally:
        source.close()


def _key_times(info: VideoInfo, targets: list[int], settings: DecoderSettings) -> tuple[dict[int, int], int]:
    """Returns the times of the key packets that seeking to the targets leads to, each with its first target, and the
    number of holes as in SamplePlan. Nothing is decoded.
    """
    source = Source(info, settings)
    found: dict[int, int] = {}
    holes = 0
    try:
        for target in targets:
            time, packet = _next_key(source, info, target)
            if time is None or packet is None:
                holes += 1
                continue
            found.setdefault(time, target)
            # Before a pause a frame may be decoded that is shown behind it.
            decoded = time if packet.dts is None else min(time, packet.dts)
            holes += decoded > target + info.ticks(_LATE_S)
    finally:
        source.close()
    # Where seeking is rough, or no packet is marked as a key, that means nothing.
    return found, holes if found and info.container in _INDEXED else 0


def _next_key(source: Source, info: VideoInfo, target: int) -> tuple[int | None, Packet[VideoStream] | None]:
    for packet in source.from_key_before(target):
        if source.is_boundary(packet, info.first_pts):
            return source.time(packet), packet
    return None, None


def _spread(windows: list[tuple[int, int]], count: int) -> list[_Window]:
    """Returns count points spread evenly over the windows' total length, as (window start, points in it).

    The first is the first window's start: where each window gets as many, one of them is its key frame, and nothing
    is decoded behind the last.
    """
    total = sum(end - start for start, end in windows)
    offsets = [index * total // count for index in range(count)]
    spread = []
    before = 0
    for start, end in windows:
        inside = tuple(start + offset - before for offset in offsets if before <= offset < before + end - start)
        before += end - start
        if inside:
            spread.append((start, inside))
    return spread
