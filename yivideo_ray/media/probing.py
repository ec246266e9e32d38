"""Facts about a video from its headers and its first few frames, or the reason why it can't be worked on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame as AvFrame
from av.video.stream import VideoStream

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError, ResultWarning, WarningCode
from yivideo_ray.locations import Url
from yivideo_ray.media.opening import Opened, find, max_pixels, open_container
from yivideo_ray.types import VideoInfo

__all__ = ["probe"]

_HEAD_FRAMES = 12
_HEAD_PACKETS = 600
# Their headers say when the video ends, not how long it lasts.
_COUNT_FROM_ZERO = {"matroska,webm", "asf", "nut"}
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails


class _Shown(NamedTuple):
    """What is kept of a decoded frame: no pixels, of which a frame may have half a gigabyte."""

    pts: int | None
    dts: int | None
    width: int
    height: int
    rotation: int
    pixel_format: str
    interlaced: bool

    @classmethod
    def of(cls, frame: AvFrame) -> _Shown:
        return cls(
            frame.pts,
            frame.dts,
            frame.width,
            frame.height,
            frame.rotation,
            frame.format.name,
            bool(frame.interlaced_frame),
        )


class _Head(NamedTuple):
    """The first frames that come out of the decoder, in the order in which they are shown. first_dts: of the first
    packet that went into it."""

    frames: list[_Shown]
    encrypted: bool
    first_dts: int | None


def probe(video: str | Path | Url, settings: DecoderSettings, allowed_urls: Sequence[str] = ()) -> VideoInfo:
    """Returns the facts about a video: a file, or what is at an address that begins with one of allowed_urls. Its size
    is checked from the headers, before anything is decoded.

    Errors: InputError with INPUT_NOT_FOUND, INPUT_SCHEME_FORBIDDEN, INPUT_NOT_REGULAR_FILE, INPUT_UNREADABLE,
    INPUT_EMPTY, INPUT_FORMAT_FORBIDDEN, INPUT_UNRECOGNIZED, INPUT_CORRUPT, NO_VIDEO_STREAM, CODEC_UNSUPPORTED,
    RESOLUTION_TOO_LARGE, DURATION_TOO_LONG or TIMESTAMPS_UNUSABLE; for an address also INPUT_UNREACHABLE, INPUT_CHANGED
    or DEPENDENCY_MISSING.
    """
    found = find(video, settings, allowed_urls)
    with open_container(found.path, found.size_bytes, settings) as opened:
        container = opened.container
        name = repr(str(video))
        stream, warnings = _choose(container, name)
        _check_codec(stream, name)
        aspect = _aspect(stream)
        _check_size(stream.width, stream.height, aspect, settings, name)
        head = _decode_head(opened, stream, settings)
        _check_head(head, stream, name)
        first = head.frames[0]
        # The picture itself is right where its container says something else.
        _check_size(first.width, first.height, aspect, settings, name)
        width = max(1, round(first.width * aspect))
        from_dts = _needs_dts(container, head.frames, name)
        first_pts = first.dts if from_dts else first.pts
        assert first_pts is not None, "the timestamps were checked"
        time_base = stream.time_base or Fraction(1, 1000)
        delay_s = _delay_s(container, head.first_dts if from_dts else first_pts, time_base)
        duration_s, of_track = _duration_s(container, stream, first_pts * time_base, delay_s)
        if duration_s is not None and duration_s > settings.max_duration_s:
            raise InputError(
                f"{name} lasts {duration_s:.0f} s, the limit is {settings.max_duration_s:.0f} s.",
                code="DURATION_TOO_LONG",
                duration_s=duration_s,
                limit_s=settings.max_duration_s,
            )
        # PyAV counts counter-clockwise.
        rotation = -round(first.rotation / 90) * 90 % 360
        turned = rotation in {90, 270}
        return VideoInfo(
            path=found.path,
            size_bytes=found.size_bytes,
            mtime_ns=found.mtime_ns,
            container=container.format.name,
            codec=stream.codec_context.codec.canonical_name,
            pixel_format=first.pixel_format,
            stream_index=stream.index,
            coded_width=first.width,
            coded_height=first.height,
            width=first.height if turned else width,
            height=width if turned else first.height,
            rotation_deg=rotation,
            sample_aspect_ratio=aspect,
            time_base=time_base,
            first_pts=first_pts,
            origin_s=first_pts * time_base - delay_s,
            duration_s=duration_s,
            frame_rate=stream.average_rate or stream.guessed_rate,
            interlaced=any(frame.interlaced for frame in head.frames),
            warnings=warnings,
            pts_from_dts=from_dts,
            track_duration=of_track,
            version=found.version,
        )


def _choose(container: InputContainer, name: str) -> tuple[VideoStream, tuple[ResultWarning, ...]]:
    moving = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not moving:
        raise InputError(f"{name} holds no moving picture.", code="NO_VIDEO_STREAM")
    chosen = max(moving, key=lambda stream: bool(stream.disposition & Disposition.default))
    if len(moving) == 1:
        return chosen, ()
    sentence = f"The file holds {len(moving)} video streams; stream {chosen.index} is used."
    facts = {"streams": len(moving), "used": chosen.index}
    return chosen, (ResultWarning(WarningCode.SEVERAL_STREAMS, sentence, facts),)


def _check_codec(stream: VideoStream, name: str) -> None:
    if stream.codec_context is None:
        raise InputError(f"{name}: no decoder is known for its video.", code="CODEC_UNSUPPORTED")


def _check_size(width: int, height: int, aspect: Fraction, settings: DecoderSettings, name: str) -> None:
    width = max(width, round(width * aspect))
    if not width or not height:
        raise InputError(f"{name}: its headers don't say how large the picture is.", code="INPUT_CORRUPT")
    if max(width, height) > settings.max_dimension_px:
        raise InputError(
            f"{name} is {width} x {height} pixels, the limit of a side is {settings.max_dimension_px} "
            "(decoder.max_dimension_px).",
            code="RESOLUTION_TOO_LARGE",
            width_px=width,
            height_px=height,
            limit_px=settings.max_dimension_px,
        )
    if width * height > settings.max_pixels:
        raise InputError(
            f"{name} has {width} x {height} = {width * height} pixels, the limit is {settings.max_pixels} "
            "(decoder.max_pixels).",
            code="RESOLUTION_TOO_LARGE",
            width_px=width,
            height_px=height,
            limit_pixels=settings.max_pixels,
        )


def _aspect(stream: VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio
    # Nothing real is stretched more than that; a damaged header may say anything.
    return aspect if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def _decode_head(opened: Opened, stream: VideoStream, settings: DecoderSettings) -> _Head:
    # Nobody looks at these frames.
    stream.codec_context.options = {"max_pixels": str(max_pixels(settings)), "skip_loop_filter": "all"}
    stream.codec_context.thread_count = 1
    frames: list[_Shown] = []
    encrypted = False
    first_dts = None
    try:
        for count, packet in enumerate(opened.container.demux(stream)):
            encrypted |= packet.has_sidedata("encryption_info")
            first_dts = packet.dts if first_dts is None else first_dts
            frames += _decode(stream, packet)
            if len(frames) >= _HEAD_FRAMES or count >= _HEAD_PACKETS:
                break
    except (av.FFmpegError, IndexError):
        pass  # A damaged file may end here; what was decoded until then counts.
    opened.check()
    return _Head(frames, encrypted, first_dts)


def _decode(stream: VideoStream, packet: Packet[VideoStream]) -> list[_Shown]:
    if not packet.size and packet.dts is not None:
        return []
    try:
        return [_Shown.of(frame) for frame in stream.decode(packet if packet.size else None)]
    except av.FFmpegError:
        return []


def _check_head(head: _Head, stream: VideoStream, name: str) -> None:
    codec = stream.codec_context.codec.canonical_name
    if head.encrypted:
        raise InputError(f"{name} is encrypted.", code="CODEC_UNSUPPORTED", codec=codec)
    if not head.frames:
        raise InputError(f"{name}: none of its first {codec} frames can be decoded.", code="INPUT_CORRUPT", codec=codec)


def _needs_dts(container: InputContainer, frames: list[_Shown], name: str) -> bool:
    """Returns whether time has to be counted from decoding timestamps, for want of usable presentation timestamps."""
    shown = [frame.pts for frame in frames]
    # AVI stores no pts, and what is made up for it is wrong wherever B-frames begin.
    presentable = _rises(shown)
    if presentable and container.format.name != "avi":
        return False
    decoded = [frame.dts for frame in frames]
    # What the decoder gives when it is emptied at the end carries no dts.
    while len(decoded) > 1 and decoded[-1] is None:
        decoded.pop()
    if _rises(decoded):
        return True
    if presentable:
        return False
    raise InputError(f"{name}: its frames carry no usable timestamps.", code="TIMESTAMPS_UNUSABLE")


def _rises(times: list[int | None]) -> bool:
    known = [time for time in times if time is not None]
    return len(known) == len(times) and all(earlier <= later for earlier, later in pairwise(known))


def _delay_s(container: InputContainer, first: int | None, time_base: Fraction) -> Fraction:
    """Returns how long after the file's begin its picture begins; first is the picture's time on the stream's clock.

    The file begins with the stream that begins first, sound or picture. A file that doesn't say so begins with its
    picture. Of pictures timed by decoding timestamps only those tell, for the decoder gives them later.
    """
    if container.start_time is None or first is None:
        return Fraction(0)
    delay_s = first * time_base - Fraction(container.start_time, av.time_base)
    # Container times are rounded to microseconds. Where the picture comes first, nothing is behind it.
    return delay_s if delay_s >= Fraction(1, av.time_base) else Fraction(0)


def _duration_s(
    container: InputContainer, stream: VideoStream, start_s: Fraction, delay_s: Fraction
) -> tuple[float | None, bool]:
    """Returns how long the video stream lasts from its first frame, as far as the headers say, and whether they say it
    of this stream. The first frame is shown at start_s, delay_s after the file's begin."""
    whole_s = container.duration / av.time_base if container.duration and container.duration > 0 else None
    if container.format.name in _COUNT_FROM_ZERO:
        tagged_s = _tagged_end_s(stream.metadata.get("DURATION", ""))
        end_s = tagged_s or whole_s
        return None if end_s is None else max(0.0, end_s - float(start_s)), bool(tagged_s)
    if stream.duration and stream.duration > 0 and stream.time_base:
        # Of an AVI that was cut off, FFmpeg tells how long it can last; its header still counts the frames.
        ticks = max(stream.duration, stream.frames) if container.format.name == "avi" else stream.duration
        return float(ticks * stream.time_base), True
    return None if whole_s is None else max(0.0, whole_s - float(delay_s)), False


def _tagged_end_s(tag: str) -> float | None:
    """Returns the seconds of a Matroska DURATION tag, "00:01:02.500000000"."""
    try:
        hours, minutes, seconds = (float(part) for part in tag.split(":"))
    except ValueError:
        return None
    return (hours * 60 + minutes) * 60 + seconds
