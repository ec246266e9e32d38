"""Decoded frames and their pixels in frame coordinates: upright, with square pixels, as a player shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame as AvFrame
from numpy.typing import NDArray

from yivideo_ray.geometry import Box
from yivideo_ray.types import Luma, VideoInfo

__all__ = ["Geometry", "VideoFrame"]

_PLANAR_8 = re.compile(r"(?:yuvj?4\d\dp|yuva4\d\dp|nv(?:12|21|16|24|42)|gray)")
_PLANAR_16 = re.compile(r"(?:(?:yuva?4\d\dp|gray)(\d\d?)le|p[024]1[026]le)")


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the stored picture becomes the shown one: stretched to `stretched_width`, then turned clockwise."""

    stored_width: int
    stored_height: int
    stretched_width: int
    rotation_deg: int

    @classmethod
    def of(cls, info: VideoInfo) -> Geometry:
        turned = info.rotation_deg in {90, 270}
        return cls(info.coded_width, info.coded_height, info.height if turned else info.width, info.rotation_deg)

    @property
    def plain(self) -> bool:
        return self.rotation_deg == 0 and self.stretched_width == self.stored_width

    @property
    def bounds(self) -> Box:
        if self.rotation_deg in {90, 270}:
            return Box(0, 0, self.stored_height, self.stretched_width)
        return Box(0, 0, self.stretched_width, self.stored_height)

    def before_turn(self, box: Box) -> Box:
        """Returns a box of the shown picture as a box of the stretched one, before it is turned."""
        width, height = self.stretched_width, self.stored_height
        if self.rotation_deg == 90:
            return Box(box.y0, height - box.x1, box.y1, height - box.x0)
        if self.rotation_deg == 180:
            return Box(width - box.x1, height - box.y1, width - box.x0, height - box.y0)
        if self.rotation_deg == 270:
            return Box(width - box.y1, box.x0, width - box.y0, box.x1)
        return box

    def show(self, stored: NDArray[Any], box: Box, shift: int = 0) -> NDArray[np.uint8]:
        """Returns what the shown picture holds in box, from the whole stored picture (H, W) or (H, W, C).

        shift is the number of low bits to drop. A view where there is nothing to drop, stretch or turn. The same
        pixel has the same value in every box.
        """
        part = self.before_turn(box)
        rows = stored[part.y0 : part.y1]
        if self.stretched_width == self.stored_width:
            picture = _narrowed(rows[:, part.x0 : part.x1], shift)
        else:
            picture = _stretch(_narrowed(rows, shift), part.x0, part.x1, self.stretched_width)
        return picture if self.rotation_deg == 0 else np.rot90(picture, -self.rotation_deg // 90)


def _narrowed(picture: NDArray[Any], shift: int) -> NDArray[np.uint8]:
    return (picture >> shift).astype(np.uint8) if shift else picture


def _stretch(rows: NDArray[np.uint8], x0: int, x1: int, width: int) -> NDArray[np.uint8]:
    """Returns columns x0 <= x < x1 of the rows resized to a width, linearly, in integers: exact for every crop."""
    left, right, weight = _columns(rows.shape[1], width)
    shape = (1, -1, 1) if rows.ndim == 3 else (1, -1)
    share = weight[x0:x1].reshape(shape)
    mixed = rows[:, left[x0:x1]] * (256 - share) + rows[:, right[x0:x1]] * share
    return ((mixed + 128) >> 8).astype(np.uint8)


@lru_cache(maxsize=8)
def _columns(source: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32]]:
    position = np.clip((np.arange(width) + 0.5) * source / width - 0.5, 0, source - 1)
    left = np.floor(position).astype(np.intp)
    weight = np.round((position - left) * 256).astype(np.int32)
    return left, np.minimum(left + 1, source - 1), weight


class VideoFrame:
    """One decoded frame. It owns its pixels: it stays valid after the iteration has moved on.

    pts counts in the stream's time_base, duration too (None: unknown). key says that its packet was a key frame,
    after_end that the chunk it was read with ends before it, corrupt that the decoder had to make up parts of it.
    """

    __slots__ = ("_frame", "_geometry", "_stored", "after_end", "corrupt", "duration", "key", "pts")

    def __init__(self, frame: AvFrame, geometry: Geometry, pts: int, key: bool, after_end: bool) -> None:
        self._frame = frame
        self._geometry = geometry
        self._stored: tuple[NDArray[Any], int] | None = None
        self.after_end = after_end
        self.corrupt = bool(frame.is_corrupt)
        self.pts = pts
        self.duration: int | None = frame.duration or None
        self.key = key

    def luma(self, box: Box | None = None) -> Luma:
        """Returns the luma inside box (None: all of it), shape (box.height, box.width), uint8, read-only.

        box is in frame coordinates and lies within the frame. A view of the decoder's own memory for 8-bit planar
        video that needs no turning or stretching; more than 8 bits are shifted down; RGB is converted.
        """
        if self._stored is None:
            picture, shift = _luma(self._frame)
            self._stored = self._fitted(picture), shift
        picture = self._geometry.show(self._stored[0], self._checked(box), self._stored[1])
        picture.flags.writeable = False
        return picture

    def bgr(self, box: Box | None = None) -> NDArray[np.uint8]:
        """Returns the colours inside box (None: all of it), shape (box.height, box.width, 3), uint8, BGR."""
        stored = np.asarray(self._frame.to_ndarray(format="bgr24"), np.uint8)
        return np.ascontiguousarray(self._geometry.show(self._fitted(stored), self._checked(box)))

    def _checked(self, box: Box | None) -> Box:
        bounds = self._geometry.bounds
        if box is not None and box.clip(bounds) != box:
            raise ValueError(f"{box} is not inside the frame {bounds}")
        return box or bounds

    def _fitted(self, stored: NDArray[Any]) -> NDArray[Any]:
        # A stream may change its picture size on the way; players scale such frames to the size it began with.
        size = (self._geometry.stored_width, self._geometry.stored_height)
        if stored.shape[1::-1] == size:
            return stored
        return np.asarray(cv2.resize(stored, size, interpolation=cv2.INTER_AREA))


def _luma(frame: AvFrame) -> tuple[NDArray[Any], int]:
    """Returns the luma as stored, uint8 or uint16 (H, W), and the number of low bits to drop."""
    name = frame.format.name
    deep = _PLANAR_16.fullmatch(name)
    plane = frame.planes[0]
    if not (deep or _PLANAR_8.fullmatch(name)) or plane.line_size < 0:
        # Other YUV keeps its range in a planar format; RGB and palettes become grey.
        if name.startswith(("yuy", "yvy", "uyv", "y2", "vuy", "ayuv", "xv", "yuv4", "ya")):
            return _luma(frame.reformat(format="yuv444p"))
        return frame.to_ndarray(format="gray"), 0
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    if deep is None:
        return rows[:, : frame.width], 0
    # P010 and its like keep their bits at the top of each word.
    return rows.view("<u2")[:, : frame.width], int(deep[1]) - 8 if deep[1] else 8
