"""Pictures of a corpus video for the report: whole frames and pieces of them, as JPEG, small enough for a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import av
from numpy.typing import NDArray

from benchmarks.corpus.making import Truth
from yivideo_ray.evaluation.pictures import jpeg

__all__ = ["Picture", "Shot", "take"]


@dataclass(frozen=True, slots=True)
class Shot:
    """What to take of a video: frame is the number of the frame, box the piece of it in frame coordinates (None: all
    of it), width_px the most that the picture may be wide. It is never enlarged here: a page can do that."""

    frame: int
    box: tuple[int, int, int, int] | None
    width_px: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG file and its size in pixels; video_size is that of the frame it was taken from."""

    data: bytes
    width: int
    height: int
    video_size: tuple[int, int]


def take(truth: Truth, shots: Iterable[Shot]) -> dict[Shot, Picture]:
    """Returns the pictures of those shots whose frames the video has, decoding it once.

    Errors: OSError if the video can't be read.
    """
    wanted: dict[int, list[Shot]] = {}
    for shot in dict.fromkeys(shots):
        wanted.setdefault(shot.frame, []).append(shot)
    taken: dict[Shot, Picture] = {}
    if wanted:
        for number, frame in _numbered(truth):
            if number in wanted:
                pixels = frame.to_ndarray(format="bgr24")
                taken.update({shot: _picture(pixels, shot) for shot in wanted[number]})
            if number >= max(wanted):
                break
    return taken


def _numbered(truth: Truth) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yields the frames of the video with their numbers in the truth."""
    numbers = {pts: number for number, pts in enumerate(truth.frame_pts[:-1])}
    try:
        with av.open(str(truth.video)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                if frame.pts is not None and frame.time_base is not None:
                    # The muxer may have chosen another unit than the truth has; the times are the same.
                    number = numbers.get(round(frame.pts * frame.time_base / truth.time_base))
                    if number is not None:
                        yield number, frame
    except av.FFmpegError as error:
        # Only some of PyAV's errors are an OSError already.
        raise OSError(f"{truth.video.name} can't be read: {error.strerror}") from error


def _picture(pixels: NDArray[Any], shot: Shot) -> Picture:
    height, width = pixels.shape[:2]
    piece = pixels
    if shot.box is not None:
        x0, y0, x1, y1 = shot.box
        piece = pixels[max(0, y0) : max(1, y1), max(0, x0) : max(1, x1)]
    return Picture(*jpeg(piece, shot.width_px), (width, height))
