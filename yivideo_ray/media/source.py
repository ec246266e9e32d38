"""Packets of one video stream from any point on, and the decoder they go to: the CPU's, or the GPU's while that works.
Damage is counted, not raised."""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import chain, islice
from typing import TypeAlias, cast

import av
from av.codec.hwaccel import HWAccel
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError, InputError
from yivideo_ray.media.hardware import (
    GpuDecoderFailed,
    accelerator,
    cuda_decodes,
    decodes_on_gpu,
    is_for_gpu,
    release_gpu,
)
from yivideo_ray.media.opening import Opened, check_unchanged, max_pixels, open_container
from yivideo_ray.types import VideoInfo

__all__ = ["Packets", "Source", "gpu_refusal"]

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
# As what FFmpeg's error of opening a GPU would be taken for, if it were one of the file.
_OF_FILE_OR_GPU = {"INPUT_UNREADABLE", "INPUT_CORRUPT", "INPUT_UNRECOGNIZED"}
# A decoder that has given no picture by then gives none.
_HEAD_PACKETS = 300
_ASSUMED_RATE = 25


class Source:
    """An opened video stream. corrupt_packets counts what could not be read or decoded, reached_end says that all
    of the file was read. hardware: the GPU decodes where settings.backend lets it and it can. gpu_fault says what is
    wrong with a GPU that was to decode, and does not ("": nothing is). with_sound: packets of sound come as well, which
    are not for the decoder.

    Errors when opened: those of opening a file, InputError INPUT_CHANGED; where settings.backend is cuda DeviceError
    DECODER_UNAVAILABLE (no GPU, or none that takes the codec) or DEVICE_FAILED (it worked before). While packets are
    read, for an address: those of RemoteFile.check.
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
        self.gpu_fault = ""
        self._insists = settings.backend == "cuda"
        self._accelerator = self._gpu() if hardware and settings.backend != "cpu" else None
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

    @property
    def on_gpu(self) -> bool:
        """Returns whether the GPU gave the frames that came last."""
        return self._accelerator is not None and decodes_on_gpu(self._stream.codec_context)

    def decode(self, packet: Packet[VideoStream] | None) -> list[AvFrame]:
        """Returns the frames that the decoder gives for one more packet (None: the end), in presentation order.

        Raises GpuDecoderFailed where a GPU decodes: its driver has one error for damage and for most of its own
        troubles. leave_gpu goes on from there.
        """
        try:
            return self._give(packet)
        except (av.FFmpegError, EOFError) as error:
            # Of a damaged packet a decoder says that its data is invalid.
            if self._accelerator is not None and not isinstance(error, EOFError):
                raise GpuDecoderFailed(str(error)) from error
            self.corrupt_packets += 1
            return []

    def _give(self, packet: Packet[VideoStream] | None) -> list[AvFrame]:
        return self._stream.decode(packet)

    def leave_gpu(self, failure: GpuDecoderFailed) -> None:
        """Has the CPU decode, after the GPU's decoder has failed: packets are to be asked for anew, and damage is
        counted anew. The GPU is only to blame if it can't decode a video that is known to be whole.

        Errors: those of opening a file; where the GPU is to blame and settings.backend is cuda, DeviceError
        DEVICE_OUT_OF_MEMORY or DEVICE_FAILED.
        """
        self.close()
        cause = failure.__cause__
        # Others speak of the data alone.
        if isinstance(cause, av.error.ExternalError | av.error.MemoryError) and not cuda_decodes(again=True):
            code = "DEVICE_OUT_OF_MEMORY" if isinstance(cause, av.error.MemoryError) else "DEVICE_FAILED"
            self._do_without_gpu(DeviceError(f"The GPU's decoder failed: {failure}.", code=code), failure)
        self._accelerator = None
        self.corrupt_packets = 0
        self._opened, self._stream = self._open()

    @property
    def _threads(self) -> int:
        # A GPU decodes by itself; threads would only keep several of its pictures in flight.
        return self._settings.threads if self._accelerator is None else 1

    def _gpu(self) -> HWAccel | None:
        try:
            return accelerator(fallback=not self._insists)
        except DeviceError as error:
            self._do_without_gpu(error, error.__cause__)
            return None

    def _do_without_gpu(self, error: DeviceError, cause: BaseException | None) -> None:
        """Notes down what is wrong with the GPU, or raises that where it is insisted on."""
        if self._insists:
            raise error from cause
        self.gpu_fault = error.message
        self._accelerator = None

    def _open(self) -> tuple[Opened, VideoStream]:
        check_unchanged(self._info, self._settings)
        opened = self._open_container()
        container = opened.container
        for other in container.streams:
            wanted = other.index == self._info.stream_index or (self._with_sound and other.type == "audio")
            other.discard = Discard.default if wanted else Discard.all
        stream = self._stream_of(opened)
        stream.codec_context.options = self._options
        stream.codec_context.thread_count = self._threads
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.copy_opaque = True
        self.reached_end = False
        self._fresh = True
        return opened, stream

    def _stream_of(self, opened: Opened) -> VideoStream:
        stream = opened.container.streams[self._info.stream_index]
        assert isinstance(stream, VideoStream), "the file has not changed since it was probed"
        return stream

    def _open_container(self) -> Opened:
        """Returns the opened file, which the GPU is to decode if it can."""
        path, size_bytes = self._info.path, self._info.size_bytes
        if self._accelerator is None:
            return open_container(path, size_bytes, self._settings)
        trouble: DeviceError
        try:
            opened = open_container(path, size_bytes, self._settings, self._accelerator)
        except InputError as error:
            if error.code.name not in _OF_FILE_OR_GPU:
                raise
            release_gpu()
            cause = error.__cause__
            trouble = DeviceError(f"The GPU can't be opened for decoding: {cause}.", code="DEVICE_FAILED")
        except RuntimeError as error:
            # PyAV's word for it that FFmpeg's decoder of each of the streams knows no GPU.
            cause, trouble = error, self._unknown_codec()
        else:
            if is_for_gpu(self._stream_of(opened).codec_context):
                return opened
            opened.container.close()
            cause, trouble = None, self._unknown_codec()
        # Without the GPU the file opens, or what is wrong is its own fault.
        opened = open_container(path, size_bytes, self._settings)
        try:
            self._do_without_gpu(trouble, cause)
        except DeviceError:
            opened.container.close()
            raise
        return opened

    def _unknown_codec(self) -> DeviceError:
        codec = self._info.codec
        return DeviceError(f"FFmpeg decodes no {codec} on a GPU.", code="DECODER_UNAVAILABLE", codec=codec)

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


def gpu_refusal(info: VideoInfo, settings: DecoderSettings) -> str:
    """Returns why the GPU that this process sees decodes no such video, as a sentence; "" if it gives a picture of it.

    The GPU is asked by the video itself: whether it decodes a codec depends on the chroma, the depth and the size too,
    and FFmpeg's build doesn't tell. Errors: those of opening a file, and DeviceError DEVICE_FAILED.
    """
    try:
        source = Source(info, settings.model_copy(update={"backend": "cuda"}), hardware=True)
    except DeviceError as error:
        if error.code.name != "DECODER_UNAVAILABLE":
            raise
        return error.message
    try:
        for packet in islice(source.from_start(), _HEAD_PACKETS):
            if source.decode(packet):
                return "" if source.on_gpu else _no_picture(info)
    except GpuDecoderFailed as failure:
        return _no_picture(info, f": {failure}")
    finally:
        source.close()
    return _no_picture(info)


def _no_picture(info: VideoInfo, why: str = "") -> str:
    size = f"{info.coded_width} x {info.coded_height}"
    return f"The GPU's decoder gives no picture of {info.codec} as {info.pixel_format}, {size}{why}."
