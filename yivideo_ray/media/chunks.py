"""Reads a video chunk by chunk, so that the chunks' own frames together are exactly the whole video's.

A chunk's boundary for a time T is the first key packet, in the order of the file, whose time is >= T. A chunk owns the
frames from its start boundary's to the one before its end boundary's, in presentation order. Leading frames of an open
GOP are stored behind the key packet and shown before it: they belong to the chunk before, which decodes on past the
key frame anyway. Frames are recognised by the packet they came from, never by comparing times that may be damaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from av.video.frame import VideoFrame as AvFrame

from yivideo_ray.config import DecoderSettings
from yivideo_ray.media.clock import Clock
from yivideo_ray.media.frames import Geometry, VideoFrame
from yivideo_ray.media.hardware import GpuDecoderFailed
from yivideo_ray.media.opening import check_unchanged
from yivideo_ray.media.source import Packets, Source
from yivideo_ray.types import ChunkSpan, VideoInfo

__all__ = ["ChunkReader", "plan_chunks", "plan_even_chunks", "read_chunk"]

# Chunks overlap by so much or a little more: shorter ones would cost more than decoding them side by side gains.
_OVERLAP_S = 1.5
_SHORTEST_S = 10.0
# With more chunks for each decoder, what the last ones leave undone at the end is little.
_FEW_ROUNDS = 4
# Which frames keep the edges of their blocks, for that is less to do: those that no other refers to; in H.264 all that
# are predicted from both sides, to which few refer. A pixel is off by less than half a level in the mean.
_UNFILTERED, _UNFILTERED_H264 = "noref", "bidir"
# How much earlier decoding starts when the decoder needs a run-up to give the first frame (intra refresh).
_RUN_UPS_S = (0.0, 10.0, math.inf)


def plan_chunks(info: VideoInfo, chunk_s: float) -> tuple[ChunkSpan, ...]:
    """Returns spans of chunk_s seconds that cover the whole video, without looking at the file.

    The first starts at None and the last ends at None, so nothing is lost if the headers are wrong about the duration.
    The last lasts between half and one and a half times chunk_s. A video of unknown duration is one chunk.
    """
    count = _count(info, chunk_s)
    return _spans([info.first_pts + info.ticks(index * chunk_s) for index in range(1, count)])


def plan_even_chunks(info: VideoInfo, chunk_s: float, at_once: int, settings: DecoderSettings) -> tuple[ChunkSpan, ...]:
    """Returns spans of about chunk_s seconds that cover the whole video, for so many that are decoded at once to end
    together.

    Where each gets a few only, they are as many for each, none under 10 s for that, and are cut at key frames that
    the file's index tells of, so that they last equally long with what they overlap. Else as plan_chunks.
    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    count = _count(info, chunk_s)
    rounds = math.ceil(count / at_once)
    even = max(count, min(rounds * at_once, int((info.duration_s or 0) / _SHORTEST_S)))
    if even == 1 or rounds > _FEW_ROUNDS:
        return plan_chunks(info, chunk_s)
    work_s = (float(info.duration_s or 0) + (even - 1) * _OVERLAP_S) / even
    cuts = [info.first_pts + info.ticks(index * (work_s - _OVERLAP_S)) for index in range(1, even)]
    source = Source(info, settings)
    try:
        keys = [key for key in source.indexed_keys() if key > info.first_pts]
    finally:
        source.close()
    within = info.ticks(work_s / 2)
    return _spans(sorted({_nearest(keys, cut, within) for cut in cuts}))


def _nearest(keys: Sequence[int], cut: int, within: int) -> int:
    """Returns the key frame's time that is nearest to a cut, for the chunk before it goes on to a key frame, which may
    be seconds away; the cut itself if none is near: some files have an index of a few only, or none."""
    nearest = min(keys, key=lambda key: abs(key - cut), default=cut)
    return nearest if abs(nearest - cut) <= within else cut


def _count(info: VideoInfo, chunk_s: float) -> int:
    return max(1, round((info.duration_s or 0.0) / chunk_s))


def _spans(cuts: Sequence[int]) -> tuple[ChunkSpan, ...]:
    return tuple(
        ChunkSpan(index, start, end)
        for index, (start, end) in enumerate(zip([None, *cuts], [*cuts, None], strict=True))
    )


def read_chunk(info: VideoInfo, span: ChunkSpan, settings: DecoderSettings) -> ChunkReader:
    """Returns a reader of one chunk, to be used in a with statement and iterated once.

    Errors: InputError INPUT_CHANGED, or those of opening a file.
    """
    return ChunkReader(info, span, settings)


class _Key(NamedTuple):
    """A key packet: its number in the order read, and when it is shown."""

    number: int
    time: int | None


class _StartMissed(Exception):  # noqa: N818 - control flow, never seen outside
    """The decoder gave later frames, and never the one that the chunk starts with."""


class ChunkReader:
    """The frames of one chunk in presentation order, and those behind it for as long as the consumer iterates.

    A chunk in which no key frame begins has no frame at all: the chunk before it owns them.

    frames counts the frames given out, corrupt_packets the packets that could not be read or decoded, or with errors
    only. end_pts is the last frame's pts plus its duration (None before the first): how far the video really decoded.
    reached_end says that the file was read to its end.

    What the GPU's decoder fails at the CPU decodes, from the chunk's start on, so that damage looks the same whoever
    decodes; what was given out already is not given again.
    """

    def __init__(self, info: VideoInfo, span: ChunkSpan, settings: DecoderSettings) -> None:
        self.frames = 0
        self.end_pts: int | None = None
        self._info = info
        self._span = span
        self._settings = settings
        self._geometry = Geometry.of(info)
        self._hardware_frames = 0
        self._corrupt_frames = 0
        # Frames up to there were given out, before the decoder changed.
        self._given_until: int | None = None
        unfiltered = _UNFILTERED_H264 if info.codec == "h264" else _UNFILTERED
        self._source = Source(info, settings, {"skip_loop_filter": unfiltered}, hardware=True)
        self._start_key: _Key | None = None
        self._end_key: _Key | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    @property
    def corrupt_packets(self) -> int:
        return self._source.corrupt_packets + self._corrupt_frames

    def lost_keys(self) -> int:
        """Returns how many key frames never came that the file's index tells of. To be asked when reading is done."""
        return self._source.lost_keys()

    @property
    def decoder(self) -> str:
        """What gave the frames so far: cuda, cpu, or cpu+cuda where the decoder changed on the way."""
        names = [("cpu", self._hardware_frames < self.frames or not self.frames), ("cuda", self._hardware_frames > 0)]
        return "+".join(name for name, gave in names if gave)

    @property
    def gpu_fault(self) -> str:
        """What is wrong with a GPU that was to decode, and did not to the end; "" where it did, or was not asked to,
        or where the video is what is damaged."""
        return self._source.gpu_fault

    @property
    def reached_end(self) -> bool:
        return self._source.reached_end

    def is_end(self, frame: VideoFrame) -> bool:
        """Returns whether the frame, given out by this reader, lies behind the chunk: the next chunk owns it."""
        return frame.after_end

    def __iter__(self) -> Iterator[VideoFrame]:
        """Errors while iterating: InputError TIMESTAMPS_UNUSABLE, INPUT_CHANGED, those of RemoteFile.check; those of
        Source.leave_gpu."""
        last: int | None = None
        try:
            for frame in self._read():
                last = frame.pts
                yield frame
            return
        except GpuDecoderFailed as failure:
            self._source.leave_gpu(failure)
        self._given_until = last
        self._corrupt_frames = 0
        yield from self._read()

    def _read(self) -> Iterator[VideoFrame]:
        for run_up_s in _RUN_UPS_S:
            packets = self._packets(run_up_s)
            if packets is None:
                return
            try:
                yield from self._frames(packets, patient=run_up_s < math.inf)
            except _StartMissed:
                continue
            if self.reached_end:
                check_unchanged(self._info, self._settings)
            return

    def _packets(self, run_up_s: float) -> Packets | None:
        start = self._span.start_pts
        if start is None or run_up_s == math.inf:
            return self._source.from_start()
        if run_up_s == 0:
            return self._source.from_boundary(start, self._span.end_pts)
        return self._source.from_key_before(start - round(run_up_s / self._info.time_base))

    def _frames(self, packets: Packets, patient: bool) -> Iterator[VideoFrame]:
        """Yields frames from the start key's on. Raises _StartMissed before the first if that never comes out."""
        self._start_key = self._end_key = None
        clock = Clock(self._info)
        started = self._span.start_pts is None
        after_end = False
        for frame in self._decoded(packets, clock):
            raw = frame.dts if self._info.pts_from_dts else frame.pts
            if not started and self._start_key is not None:
                if self._start_key == self._end_key:
                    return
                passed = self._passed(frame, self._start_key)
                if passed and patient:
                    raise _StartMissed
                started = passed or _number(frame) == self._start_key.number
            if not started:
                continue
            key = _number(frame) is not None
            after_end = after_end or self._is_end(frame)
            shown = VideoFrame(frame, self._geometry, clock.stamp(raw, frame.duration, key), key, after_end)
            self._corrupt_frames += shown.corrupt
            if self._given_until is not None and shown.pts <= self._given_until:
                continue
            self.frames += 1
            self._hardware_frames += self._source.on_gpu
            self.end_pts = shown.pts + (shown.duration or 0)
            yield shown
        if not started and patient and self._start_key is not None:
            raise _StartMissed

    def _decoded(self, packets: Packets, clock: Clock) -> Iterator[AvFrame]:
        """Yields the decoder's frames; those of key packets have the packet's number, see _number."""
        start, end = self._span.start_pts, self._span.end_pts
        for number, packet in enumerate(packets):
            if packet.is_keyframe:
                # Not the number itself: PyAV tells what it keeps by its address, and forgets it for all decoders of
                # the process when the first one is done with it. A tuple made here is nobody else's.
                packet.opaque = (number,)
                time = self._source.time(packet)
                if self._start_key is None and start is not None and self._source.is_boundary(packet, start):
                    self._start_key = _Key(number, time)
                if self._end_key is None and end is not None and self._source.is_boundary(packet, end):
                    self._end_key = _Key(number, time)
            clock.feed(packet.dts)
            yield from self._source.decode(packet)
        yield from self._source.decode(None)

    def _is_end(self, frame: AvFrame) -> bool:
        key = self._end_key
        return key is not None and (_number(frame) == key.number or self._passed(frame, key))

    def _passed(self, frame: AvFrame, key: _Key) -> bool:
        """Returns whether the frame is shown after a key frame, which the decoder may have failed to give."""
        number = _number(frame)
        if number is not None and number > key.number:
            return True
        # Decoding times don't tell leading frames of an open GOP from those shown after the key frame.
        if self._info.pts_from_dts or frame.pts is None or key.time is None:
            return False
        return frame.pts > key.time


def _number(frame: AvFrame) -> int | None:
    """Returns the number of the key packet that a frame came from; None of one that came from another packet."""
    opaque = frame.opaque
    return opaque[0] if isinstance(opaque, tuple) else None
