"""Gives every frame a usable pts, the same whichever chunk reads it."""

from __future__ import annotations

from fractions import Fraction

from yivideo_ray.errors import InputError
from yivideo_ray.types import VideoInfo

__all__ = ["Clock"]

# A step back by less is rounding or a muxer's slip; one by more is another recording joined on.
_TOLERANCE_S = 1.0
_ASSUMED_RATE = 25


class Clock:
    """Repairs missing, repeated and slightly reversed timestamps of frames given in presentation order.

    A key frame that has a timestamp keeps it, whatever came before: so a chunk that starts there counts the same.
    All others are later than the frame before them.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._path = info.path
        self._from_dts = info.pts_from_dts
        self._time_base = info.time_base
        self._step = max(1, round(1 / (info.frame_rate or _ASSUMED_RATE) / info.time_base))
        self._last: int | None = None
        self._last_fed: int | None = None
        self._last_step = self._step

    def feed(self, dts: int | None) -> None:
        """Takes note of a packet that goes to the decoder."""
        if dts is not None:
            self._last_fed = dts

    def stamp(self, raw: int | None, duration: int | None, key: bool) -> int:
        """Returns the pts of the next frame: raw, or what it must have been.

        Errors: InputError TIMESTAMPS_UNUSABLE if time runs back by more than a second, or never begins.
        """
        pts = self._repaired(raw, key)
        self._last = pts
        self._last_step = duration or self._step
        return pts

    def _repaired(self, raw: int | None, key: bool) -> int:
        if raw is None and self._from_dts and self._last_fed is not None:
            # What the decoder gives when it is emptied at the end has no dts; it goes on from the last packet's.
            raw = max(self._last_fed, self._last or self._last_fed) + self._step
        if self._last is None:
            if raw is None:
                raise InputError(f"{self._path!r}: its first frame has no timestamp.", code="TIMESTAMPS_UNUSABLE")
            return raw
        if raw is None:
            return self._last + self._last_step
        if raw > self._last:
            return raw
        if (self._last - raw) * self._time_base > Fraction(_TOLERANCE_S):
            raise InputError(
                f"{self._path!r}: its timestamps jump back by {float((self._last - raw) * self._time_base):.1f} s.",
                code="TIMESTAMPS_UNUSABLE",
            )
        return raw if key else self._last + 1
