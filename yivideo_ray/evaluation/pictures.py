"""Small pictures of a video for a page: the frames shown at given moments, as JPEG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import probe, read_chunk
from yivideo_ray.types import ChunkSpan

__all__ = ["Picture", "frames_at", "jpeg"]

QUALITY = 72


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG file and its size in pixels. at_s: when its frame begins to be shown, in seconds as cues count them."""

    data: bytes
    width: int
    height: int
    at_s: float


def frames_at(video: Path, moments_s: Iterable[float], most_width_px: int) -> dict[float, Picture]:
    """Returns the frame that is shown at each moment, in seconds as cues count them; the last one for moments behind
    it. The video is decoded once, up to the last moment.

    Errors: InputError.
    """
    waiting = sorted(set(moments_s), reverse=True)
    taken: dict[float, Picture] = {}
    if not waiting:
        return taken
    settings = DecoderSettings()
    info = probe(video, settings)
    with read_chunk(info, ChunkSpan(0, None, None), settings) as reader:
        shown = None
        for frame in reader:
            # A frame is shown until the next one begins.
            while shown is not None and waiting and waiting[-1] < info.seconds(frame.pts):
                taken[waiting.pop()] = _picture(shown.bgr(), info.seconds(shown.pts), most_width_px)
            shown = frame
            if not waiting:
                break
        if shown is not None and waiting:
            last = _picture(shown.bgr(), info.seconds(shown.pts), most_width_px)
            taken.update(dict.fromkeys(waiting, last))
    return taken


def jpeg(pixels: NDArray[np.uint8], most_width_px: int) -> tuple[bytes, int, int]:
    """Returns a picture, shape (H, W, 3), BGR, as a JPEG file, with its width and height. One that is wider is made
    narrower; it is never enlarged, for a page can do that."""
    height, width = pixels.shape[:2]
    if width > most_width_px:
        size = (most_width_px, max(1, round(height * most_width_px / width)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    data: NDArray[np.uint8] = cv2.imencode(".jpg", pixels, options)[1]
    return data.tobytes(), pixels.shape[1], pixels.shape[0]


def _picture(pixels: NDArray[np.uint8], at_s: float, most_width_px: int) -> Picture:
    return Picture(*jpeg(pixels, most_width_px), at_s)
