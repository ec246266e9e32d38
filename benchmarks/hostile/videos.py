"""Small videos of eight containers, what is done to their bytes, and how much of the result can be decoded."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from yivideo_ray.ocr.testing.pattern import draw_pattern

__all__ = ["CONTAINERS", "FrameCounter", "base_videos", "is_short", "mutated"]

WIDTH, HEIGHT, RATE, FRAMES = 320, 180, 12, 48
CONTAINERS = {
    "mp4": ("mp4", "libx264", "yuv420p"),
    "mkv": ("matroska", "libx264", "yuv420p"),
    "webm": ("webm", "libvpx", "yuv420p"),
    "ts": ("mpegts", "mpeg2video", "yuv420p"),
    "avi": ("avi", "mpeg4", "yuv420p"),
    "flv": ("flv", "flv", "yuv420p"),
    "mov": ("mov", "mpeg4", "yuv420p"),
    "gif": ("gif", "gif", "rgb8"),
}
"""Format, codec and pixel format by the ending of the name."""
# A video is short if so much of what its headers tell can't be decoded.
MISSING = 0.25
LIMIT_S = 60


def base_videos(directory: Path) -> dict[str, Path]:
    """Writes a video of 4 s with two subtitles in each container; those that exist are kept."""
    paths = {}
    for name, (container, codec, pixels) in CONTAINERS.items():
        paths[name] = directory / f"base.{name}"
        if not paths[name].exists():
            _write(paths[name], container, codec, pixels)
    return paths


def _write(path: Path, container: str, codec: str, pixels: str) -> None:
    rate = 25 if codec == "mpeg2video" else RATE
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for number in range(FRAMES * rate // RATE):
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            picture[: HEIGHT // 2] += np.uint8(number)
            share = number * RATE / rate / FRAMES
            for text, begin in (("fox", 0.1), ("owl", 0.6)):
                if begin <= share < begin + 0.3:
                    pattern = draw_pattern(text, column_px=4)
                    rows, columns = pattern.shape
                    picture[120 : 120 + rows, 20 : 20 + columns] = pattern[:, :, None]
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)))
        output.mux(stream.encode(None))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Returns the bytes with one to three things done to them."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        rng.choice(MUTATIONS)(changed, rng)
        if not changed:
            break
    return bytes(changed)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 32))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_in_headers(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4))):
        data[rng.randrange(min(len(data), 800))] = rng.randrange(256)


def _flip_at_the_end(data: bytearray, rng: random.Random) -> None:
    # Where mp4 and mov have their tables.
    for _ in range(rng.choice((1, 4))):
        data[-1 - rng.randrange(min(len(data), 1200))] = rng.randrange(256)


def _truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _extreme_word(data: bytearray, rng: random.Random) -> None:
    word = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1"))
    at = rng.randrange(len(data))
    data[at : at + 4] = word[: len(data[at : at + 4])]


def _cut_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 100, 4000))]


def _repeat_piece(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    piece = data[at : at + rng.choice((16, 1000))]
    data[at:at] = piece * rng.choice((1, 8))


def _noise(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    length = min(rng.choice((64, 2000)), len(data) - at)
    data[at : at + length] = rng.randbytes(length)


def _zeros(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:] = bytes(len(data) - at)


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _flip_in_headers,
    _flip_at_the_end,
    _truncate,
    _extreme_word,
    _cut_out,
    _repeat_piece,
    _noise,
    _zeros,
)


def is_short(told: int, decoded: int) -> bool:
    """Returns whether a good part of the frames that the headers tell did not come."""
    return decoded < told * (1 - MISSING)


class FrameCounter:
    """Counts frames in a process of its own: what is counted may end it."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1)

    def count(self, path: Path) -> tuple[int, int] | None:
        """Returns how many frames the headers tell, and how many can be decoded; None: that can't be told."""
        try:
            return self._pool.submit(_count, str(path)).result(LIMIT_S)
        except (BrokenProcessPool, TimeoutError):
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = ProcessPoolExecutor(1)
            return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _count(path: str) -> tuple[int, int] | None:
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            told = stream.frames
            if not told and stream.average_rate:
                seconds = (
                    float(stream.duration * stream.time_base)
                    if stream.duration and stream.time_base
                    else (container.duration or 0) / av.time_base
                )
                told = round(seconds * stream.average_rate)
            decoded = 0
            for packet in container.demux(stream):
                try:
                    decoded += len(packet.decode())
                except av.FFmpegError:
                    continue
                if decoded > 10 * FRAMES:
                    return None
            return told, decoded
    except (av.FFmpegError, IndexError, ValueError, MemoryError):
        return None
