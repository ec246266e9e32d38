"""Turns a case into an H.264 file: frame times, pictures, encoding.

The encoder gets what a careful uploader would set: limited-range 4:2:0 with its colour tags, B-frames, key frames at
scene cuts and at least every 250 frames.
"""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from benchmarks.corpus.footage import Planes, pan_vertically, plan_shots, render
from benchmarks.corpus.graphics import GraphicsTrack, stage
from benchmarks.corpus.spec import CaseSpec
from benchmarks.corpus.subtitles import DrawnCue, SubtitleTrack

__all__ = ["frame_times", "write_video"]

VFR_TIME_BASE = Fraction(1, 90000)


def frame_times(spec: CaseSpec, rng: random.Random) -> tuple[Fraction, list[int]]:
    """Returns the time base and the pts of every frame, then the end of the last one."""
    rate = spec.frame_rate
    if not spec.vfr:
        # One frame is a whole number of ticks: 1001 for the NTSC rates, 512 otherwise, as common muxers have it.
        ticks = rate.denominator if rate.denominator > 1 else 512
        time_base = 1 / (rate * ticks)
        return time_base, [i * ticks for i in range(round(spec.duration_s * rate) + 1)]
    # A phone's recording: a nominal rate with jitter, stretches at half rate, now and then a dropped frame.
    nominal = 1 / (rate * VFR_TIME_BASE)
    pts, now, slow = [0], Fraction(0), False
    while now * VFR_TIME_BASE < spec.duration_s:
        if rng.random() < 0.02:
            slow = not slow
        frames = (2 if slow else 1) + (rng.random() < 0.02)
        now += nominal * frames * Fraction(round(rng.uniform(0.85, 1.15), 3))
        pts.append(round(now))
    return VFR_TIME_BASE, pts


def write_video(spec: CaseSpec, path: Path) -> list[DrawnCue]:
    """Encodes the case into path and returns what it shows. Same specification, same pictures."""
    cv2.setNumThreads(1)
    size = (spec.width, spec.height)
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    times = [float((p - pts[0]) * time_base) for p in pts]
    shots = plan_shots(random.Random(f"{spec.seed} footage"), times[-1], clips=spec.clips)
    if spec.camera == "vertical":
        shots = pan_vertically(random.Random(f"{spec.seed} camera"), shots)
    shots = stage(shots, spec.graphics)
    graphics = GraphicsTrack(spec.graphics, shots, size, times[-1])
    track = SubtitleTrack(spec, times)
    shot = iter(shots)
    now_shown = next(shot)
    with _Encoder(path, spec, time_base) as encoder:
        for index, time_s in enumerate(times[:-1]):
            while time_s >= now_shown.end_s:
                now_shown = next(shot)
            planes = render(now_shown, time_s, size)
            graphics.draw(planes, time_s)
            track.draw(planes, index)
            encoder.add(planes, pts[index])
    _check_times(path, pts[:-1], time_base)
    return track.drawn


class _Encoder:
    """An H.264 file being written; pts in ticks of time_base."""

    def __init__(self, path: Path, spec: CaseSpec, time_base: Fraction) -> None:
        self._time_base = time_base
        self._container = av.open(
            str(path), "w", options={"movflags": "+faststart", "video_track_timescale": str(time_base.denominator)}
        )
        stream = self._container.add_stream("libx264", rate=spec.frame_rate)
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        stream.time_base = context.time_base = time_base
        context.gop_size = 250
        context.thread_count = 1
        context.options = {"preset": spec.preset, "bf": "3", "x264-params": "scenecut=40"}
        if spec.bitrate_kbps is None:
            context.options = {**context.options, "crf": str(spec.crf)}
        else:
            context.bit_rate = 1000 * spec.bitrate_kbps
            context.options = {
                **context.options,
                "maxrate": f"{spec.bitrate_kbps * 3 // 2}k",
                "bufsize": f"{spec.bitrate_kbps * 2}k",
            }
        hd = spec.height >= 720
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709 if hd else Colorspace.SMPTE170M
        context.color_primaries = ColorPrimaries.BT709 if hd else ColorPrimaries.SMPTE170M
        context.color_trc = ColorTrc.BT709 if hd else ColorTrc.SMPTE170M
        self._stream = stream

    def add(self, planes: Planes, pts: int) -> None:
        height, width = planes[0].shape
        packed = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)
        frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
        frame.pts, frame.time_base = pts, self._time_base
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def _check_times(path: Path, pts: list[int], time_base: Fraction) -> None:
    """Raises RuntimeError unless the file holds exactly these frame times: the truth rests on them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        unit = stream.time_base or Fraction(0)
        written = sorted(packet.pts * unit for packet in container.demux(stream) if packet.pts is not None)
    if written != [p * time_base for p in pts]:
        raise RuntimeError(f"{path}: the muxer changed frame times")
