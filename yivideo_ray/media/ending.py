"""Whether a file goes on to the end that its headers promise, without decoding it."""

from __future__ import annotations

from yivideo_ray.config import DecoderSettings
from yivideo_ray.media.source import Packets, Source
from yivideo_ray.types import VideoInfo

__all__ = ["reaches_end", "tolerance_s"]

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
