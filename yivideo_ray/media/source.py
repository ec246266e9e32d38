"""Packets of one video stream from any point on, and the decoder they go to; whether a file goes on to the end that its
headers promise. Damage is counted, not raised."""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias, cast

import av
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.media.hardware import accelerator
from yivideo_ray.media.opening import Opened, check_unchanged, max_pixels, open_container
from yivideo_ray.types import VideoInfo

__all__ = ["Packets", "Source", "reaches_end", "tolerance_s"]

Packets: TypeAlias = "Iterator[Packet[VideoStream]]"

# A seek may land late (damaged indexes): each try aims further back than the one before.
_STEPS_BACK_S = (0, 4, 40)
# MPEG streams have no index, and timestamps only where a PES packet begins: those in between are counted from there,
# which is right only after some packets have been read.
_MPEG_STEPS_BACK_S = (4, 40)
# A packet is decoded at most this long before it is shown: whoever starts reading earlier than that misses no key.
_REORDER_S = 30
_MAX_FAILURES_IN_A_ROW = 100
_SILENT = {"matroska,webm"}
_ASSUMED_RATE = 25


class Source:
    """An opened video stream. corrupt_packets counts what could not be read or decoded, reached_end says that all
    of the file was read. hardware: the GPU decodes where settings.backend lets it and it can. with_sound: packets of
    sound come as well, which are not for the decoder.

    Errors when opened: those of opening a file, InputError INPUT_CHANGED, DeviceError DECODER_UNAVAILABLE. While
    packets are read, for an address: those of RemoteFile.check.
    """

    def __init__(
        self,
        info: VideoInfo,
        settings: DecoderSettings,
        decoder_options: dict[str, str] | None = None,
        *,
        hardware: bool = False,
        with_sound: bool = False,
    ) -> None:
        self.corrupt_packets = 0
        self.reached_end = False
        self._fresh = False
        self._times: list[int] = []
        self._accelerator = accelerator(info, settings) if hardware else None
        self._info = info
        self._settings = settings
        self._with_sound = with_sound
        self._options = {"max_pixels": str(max_pixels(settings)), **(decoder_options or {})}
        self._opened, self._stream = self._open()

    def close(self) -> None:
        self._settle()
        self._opened.container.close()

    def time(self, packet: Packet[VideoStream]) -> int | None:
        """Returns when the packet's frame is shown, on the video's own clock."""
        return packet.dts if self._info.pts_from_dts else packet.pts

    def is_boundary(self, packet: Packet[VideoStream], wanted: int) -> bool:
        """Returns whether a chunk can start here: at a key frame that is shown, at or after a time."""
        if not packet.is_keyframe or packet.is_discard:
            return False
        time = self.time(packet)
        return time is not None and time >= wanted

    def indexed_keys(self) -> list[int]:
        """Returns when the key frames are decoded that the file's index tells of; none where it has no index."""
        # Some formats read their index when it is first needed.
        self._seek(self._info.first_pts)
        return [entry.timestamp for entry in self._stream.index_entries if entry.is_keyframe]

    def lost_keys(self) -> int:
        """Returns how many key frames the file's index tells of, among the packets last read, that did not come.

        It seeks: to be asked when reading is done. Of Matroska alone, in which FFmpeg goes on behind damage without a
        word; most others are read by their index, and what is missing there can't be decoded.
        """
        if self._info.container not in _SILENT or not self._times:
            return 0
        came = sorted(self._times)
        until = math.inf if self.reached_end else came[-1]
        # Some muxers index the time of a cluster, which is a little before its first frame.
        near = self._info.ticks(float(2 / (self._info.frame_rate or _ASSUMED_RATE)))
        keys = [key for key in self.indexed_keys() if came[0] < key < until]
        return sum(bisect_left(came, key) == bisect_right(came, key + near) for key in keys)

    def from_start(self) -> Packets:
        """Returns all packets of the stream."""
        if not self._fresh:
            self.close()
            self._opened, self._stream = self._open()
        return self._packets()

    def from_key_before(self, wanted: int) -> Packets:
        """Returns the packets from a key packet at or before a time on, or from the start where seeking fails."""
        return self._packets() if self._seek(wanted) else self.from_start()

    def from_boundary(self, wanted: int, end: int | None) -> Packets | None:
        """Returns the packets from the first boundary at or after `wanted` on; None if there is none before `end`."""
        for back_s in _MPEG_STEPS_BACK_S if self._info.container in {"mpeg", "mpegts"} else _STEPS_BACK_S:
            target = wanted - 1 - self._info.ticks(back_s)
            if target <= self._info.first_pts or not self._seek(target):
                break
            packets = self._packets()
            first = next(packets, None)
            if first is not None and first.dts is not None and first.dts < wanted - 4 * self._info.ticks(_REORDER_S):
                # Long GOPs: to read all of one again for each of its chunks would take time that grows with its square.
                if not self._seek(wanted - 2 * self._info.ticks(_REORDER_S), any_frame=True):
                    break
                packets = self._packets()
            elif first is not None:
                packets = chain([first], packets)
            sure, found = self._scan(packets, wanted, end, sure=False)
            if sure:
                return found
        return self._scan(self.from_start(), wanted, end, sure=True)[1]

    def decode(self, packet: Packet[VideoStream] | None) -> list[AvFrame]:
        """Returns the frames that the decoder gives for one more packet (None: the end), in presentation order."""
        try:
            return self._stream.decode(packet)
        except (av.FFmpegError, EOFError) as error:
            # Of a damaged packet a decoder says that its data is invalid; a GPU's troubles are none of the video's.
            if self._accelerator is not None and isinstance(error, av.error.MemoryError):
                raise DeviceError("The GPU has no memory left to decode.", code="DEVICE_OUT_OF_MEMORY") from error
            if self._accelerator is not None and isinstance(error, av.error.ExternalError):
                raise DeviceError(f"The GPU's decoder failed: {error}.", code="DEVICE_FAILED") from error
            self.corrupt_packets += 1
            return []

    @property
    def _threads(self) -> int:
        # A GPU decodes by itself; threads would only keep several of its pictures in flight.
        return self._settings.threads if self._accelerator is None else 1

    def _open(self) -> tuple[Opened, VideoStream]:
        check_unchanged(self._info, self._settings)
        opened = open_container(self._info.path, self._info.size_bytes, self._settings, self._accelerator)
        container = opened.container
        for other in container.streams:
            wanted = other.index == self._info.stream_index or (self._with_sound and other.type == "audio")
            other.discard = Discard.default if wanted else Discard.all
        stream = container.streams[self._info.stream_index]
        assert isinstance(stream, VideoStream), "the file has not changed since it was probed"
        stream.codec_context.options = self._options
        stream.codec_context.thread_count = self._threads
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.copy_opaque = True
        self.reached_end = False
        self._fresh = True
        return opened, stream

    def _seek(self, target: int, any_frame: bool = False) -> bool:
        self._fresh = False
        self._settle()
        try:
            self._opened.container.seek(target, stream=self._stream, any_frame=any_frame)
        except av.FFmpegError:
            self._opened.check()
            return False
        self._opened.check()
        return True

    def _settle(self) -> None:
        """Lets the decoder's threads come to rest.

        They take the GIL to let go of a packet's opaque, and PyAV keeps it while it waits for them in a seek or a
        close: one that is still at work then never ends, and neither does the wait.
        """
        if self._threads > 1 and self._stream.codec_context.is_open:
            # PyAV gives the GIL back while it decodes. Emptied before, the decoder says that it is at its end.
            with contextlib.suppress(av.FFmpegError, EOFError):
                self._stream.decode(None)

    def _packets(self) -> Packets:
        self._fresh = False
        self._times.clear()
        failures = 0
        sound = self._opened.container.streams.audio if self._with_sound else ()
        while failures < _MAX_FAILURES_IN_A_ROW:
            try:
                # Sound's packets are packets as well, to those who ask for them.
                packets = cast("Packets", self._opened.container.demux(self._stream, *sound))
                for packet in packets:
                    # What is left of a packet whose bytes could not be had looks like damage.
                    self._opened.check()
                    # An empty packet in the middle would tell the decoder that this is the end.
                    if packet.size:
                        failures = 0
                        self.corrupt_packets += packet.is_corrupt
                        if packet.pts is not None and self._info.container in _SILENT:
                            self._times.append(packet.pts)
                        yield packet
                break
            except IndexError:
                # PyAV gives up at a packet of a stream that began behind the headers (MPEG-TS), once for each.
                continue
            except av.FFmpegError:
                self._opened.check()
                failures += 1
                self.corrupt_packets += 1
        self.reached_end = True

    def _scan(self, packets: Packets, wanted: int, end: int | None, sure: bool) -> tuple[bool, Packets | None]:
        """Returns whether reading began before the boundary beyond doubt, and the packets from the boundary on."""
        for packet in packets:
            time = self.time(packet)
            if packet.is_keyframe and time is not None and time < wanted:
                sure = True
            if packet.dts is not None and packet.dts < wanted - self._info.ticks(_REORDER_S):
                sure = True
            if self.is_boundary(packet, wanted):
                return sure, chain([packet], packets)
            # A key packet behind this one is shown later than it is decoded, so later than the end.
            if end is not None and packet.dts is not None and packet.dts >= end:
                break
        return sure, None


# Durations of whole files are rounded, and estimated by some.
_FILE_TOLERANCE_S = 1.0
_FILE_TOLERANCE_SHARE = 0.01
# Those of a track count its frames; what muxers leave in doubt is how long the last of them lasts.
_TRACK_TOLERANCE_S = 0.5
_TRACK_TOLERANCE_FRAMES = 2


def tolerance_s(info: VideoInfo) -> float:
    """Returns by how many seconds an undamaged video may fall short of its duration_s."""
    if info.track_duration:
        frames_s = float(_TRACK_TOLERANCE_FRAMES / info.frame_rate) if info.frame_rate else 0.0
        return max(_TRACK_TOLERANCE_S, frames_s)
    return max(_FILE_TOLERANCE_S, _FILE_TOLERANCE_SHARE * (info.duration_s or 0.0))


def reaches_end(info: VideoInfo, settings: DecoderSettings) -> bool:
    """Returns whether the file has undamaged packets up to the end of its duration_s: of the picture, or of any sound
    where that is the file's duration. Nothing is decoded; what is behind the last key frame is read, and all of the
    file where that falls short.

    Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    if info.duration_s is None:
        return True
    end_s = float(info.first_pts * info.time_base) + info.duration_s
    slack_s = tolerance_s(info)
    source = Source(info, settings, with_sound=not info.track_duration)
    try:
        near_the_end = source.from_key_before(round((end_s - slack_s) / info.time_base))
        reached = _come_near(source, near_the_end, end_s, slack_s) or _come_near(
            source, source.from_start(), end_s, slack_s
        )
        # Of a packet that is cut off with the file, the beginning comes.
        return reached and not source.corrupt_packets
    finally:
        source.close()


def _come_near(source: Source, packets: Packets, end_s: float, slack_s: float) -> bool:
    """Returns whether one of the packets, all of which are read, ends at about end_s on the clock of the pts. One that
    ends far behind proves nothing: its time is damaged."""
    near = False
    for packet in packets:
        time = source.time(packet)
        if time is not None:
            ends_s = float((time + (packet.duration or 0)) * packet.time_base)
            near = near or abs(ends_s - end_s) <= slack_s
    return near
