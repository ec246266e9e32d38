"""Draws the text in a picture that is no subtitle: logos, clocks, tickers, credits, comments, signs that were filmed.

Everything is drawn once (a clock once a second); per frame it is only moved, cut out and blended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import cv2
import numpy as np

from benchmarks.corpus.footage import Planes, Shot, pan_sideways, seen_at
from benchmarks.corpus.spec import Graphic
from benchmarks.corpus.text import LINE_HEIGHT, Float, Overlay, blend, draw_lines, fill_box, measure
from yivideo_ray.geometry import Box

__all__ = ["GraphicsTrack", "stage"]

Size = tuple[int, int]


def stage(shots: Sequence[Shot], graphics: Sequence[Graphic]) -> tuple[Shot, ...]:
    """Returns the shots, those that show a filmed sign with the camera movement that the sign asks for."""
    staged = list(shots)
    for graphic in graphics:
        if graphic.kind == "scene":
            number = _shot_number(shots, graphic.start_s)
            staged[number] = pan_sideways(staged[number], graphic.pan)
    return tuple(staged)


class GraphicsTrack:
    """All other text of a case, drawn frame by frame. shots are those staged."""

    def __init__(self, graphics: Sequence[Graphic], shots: Sequence[Shot], size: Size, duration_s: float) -> None:
        # Signs are part of the scene, so everything else lies over them.
        ordered = sorted(graphics, key=lambda graphic: graphic.kind != "scene")
        self._drawn = [_KINDS[graphic.kind](graphic, shots, size, duration_s) for graphic in ordered]

    def draw(self, planes: Planes, time_s: float) -> None:
        """Draws what is there at that time, in place."""
        for graphic in self._drawn:
            graphic.draw(planes, time_s)


class _Fixed:
    """Stands in the frame for some time, or for all of it."""

    def __init__(self, graphic: Graphic, shots: Sequence[Shot], size: Size, duration_s: float) -> None:
        self._graphic, self._size = graphic, size
        self._end_s = duration_s if graphic.end_s is None else graphic.end_s

    def draw(self, planes: Planes, time_s: float) -> None:
        graphic = self._graphic
        if not graphic.start_s <= time_s < self._end_s:
            return
        shown = 1.0
        if graphic.fade_s:
            shown = min(1.0, (time_s - graphic.start_s) / graphic.fade_s, (self._end_s - time_s) / graphic.fade_s)
        blend(planes, _drawn(graphic, self._lines(time_s), self._size), graphic.opacity * shown)

    def _lines(self, _: float) -> tuple[str, ...]:
        return self._graphic.lines


class _Clock(_Fixed):
    """A time that goes on with the video."""

    def _lines(self, time_s: float) -> tuple[str, ...]:
        (start,) = self._graphic.lines
        return (f"{datetime.strptime(start, '%H:%M:%S') + timedelta(seconds=int(time_s)):%H:%M:%S}",)


class _Ticker:
    """One long line that runs to the left over a bar."""

    def __init__(self, graphic: Graphic, shots: Sequence[Shot], size: Size, duration_s: float) -> None:
        width, height = size
        self._graphic, self._width = graphic, width
        em = graphic.style.size * height
        # As a station switches to a programme: the line has begun long before.
        needed = width * (1 + graphic.speed * duration_s)
        text, number = graphic.lines[0], 1
        while measure(text, graphic.style, height) < needed:
            text += f"   •   {graphic.lines[number % len(graphic.lines)]}"
            number += 1
        length = int(measure(text, graphic.style, height)) // 2 * 2 + 2
        self._strip = draw_lines((text,), (graphic.style,), (length, height), graphic.y * height + 0.35 * em)
        self._bar: Overlay | None = None
        if graphic.panel is not None:
            half = 0.7 * em + graphic.panel.pad * height / 2
            top, bottom = (round(graphic.y * height + side * half) // 2 * 2 for side in (-1, 1))
            bar = Box(0, top, width, bottom).clip(Box(0, 0, width, height))
            self._bar = fill_box(bar, graphic.panel.fill, graphic.panel.alpha, height)

    def draw(self, planes: Planes, time_s: float) -> None:
        if self._bar is not None:
            blend(planes, self._bar, self._graphic.opacity)
        # In steps of two pixels, for the chroma planes have half the width.
        gone = int(self._graphic.speed * self._width * time_s) // 2 * 2
        blend(planes, _columns(self._strip, gone, self._width), self._graphic.opacity)


class _Scene:
    """A sign that was filmed: it stays at its place in the scene while the camera moves."""

    def __init__(self, graphic: Graphic, shots: Sequence[Shot], size: Size, duration_s: float) -> None:
        self._graphic, self._size = graphic, size
        self._shot = shots[_shot_number(shots, graphic.start_s)]

    def draw(self, planes: Planes, time_s: float) -> None:
        graphic, shot, size = self._graphic, self._shot, self._size
        if not shot.start_s <= time_s < shot.end_s:
            return
        at = (graphic.x * size[0], graphic.y * size[1])
        x, y, zoom = seen_at(shot, at, (shot.start_s + shot.end_s) / 2, time_s, size)
        moved = _moved(_drawn(graphic, graphic.lines, size), zoom, (x - zoom * at[0], y - zoom * at[1]), size)
        if moved is not None:
            blend(planes, moved, graphic.opacity)


class _Moving(_Fixed):
    """Goes over the frame: a credit that rolls, a comment that flies by."""

    def draw(self, planes: Planes, time_s: float) -> None:
        graphic, (width, height) = self._graphic, self._size
        if not graphic.start_s <= time_s < self._end_s:
            return
        since_s = time_s - (graphic.start_s + self._end_s) / 2
        # In steps of two pixels, for the chroma planes have half the size.
        offset = (-2 * round(graphic.speed * width * since_s / 2), -2 * round(graphic.rise * height * since_s / 2))
        moved = _moved(_drawn(graphic, graphic.lines, self._size), 1.0, offset, self._size)
        if moved is not None:
            blend(planes, moved, graphic.opacity)


_KINDS: dict[str, type[_Fixed] | type[_Ticker] | type[_Scene]] = {
    "fixed": _Fixed,
    "clock": _Clock,
    "ticker": _Ticker,
    "scene": _Scene,
    "moving": _Moving,
}


def _shot_number(shots: Sequence[Shot], time_s: float) -> int:
    # In a case that ends before then, the last one.
    return next((i for i, shot in enumerate(shots) if time_s < shot.end_s), len(shots) - 1)


@lru_cache(maxsize=16)
def _drawn(graphic: Graphic, lines: tuple[str, ...], size: Size) -> Overlay:
    width, height = size
    em = graphic.style.size * height
    # A capital letter is about 0.7 em high; this centres the block of lines.
    baseline = graphic.y * height + 0.35 * em + (len(lines) - 1) * LINE_HEIGHT * em / 2
    styles = (graphic.style,) * len(lines)
    return draw_lines(lines, styles, size, baseline, center_px=graphic.x * width, panel=graphic.panel)


def _columns(strip: Overlay, first: int, width: int) -> Overlay:
    """Returns the part of a strip from column first on that a frame of that width shows."""
    box = strip.box
    left, right = max(first, box.x0), min(first + width, box.x1)
    luma = slice(left - box.x0, right - box.x0)
    chroma = slice(luma.start // 2, luma.stop // 2)
    u, v = strip.chroma
    return Overlay(
        Box(left - first, box.y0, right - first, box.y1),
        strip.luma_alpha[:, luma],
        strip.luma[:, luma],
        strip.chroma_alpha[:, chroma],
        (u[:, chroma], v[:, chroma]),
        (),
    )


def _moved(overlay: Overlay, zoom: float, offset: tuple[float, float], size: Size) -> Overlay | None:
    """Returns the overlay with every point p at zoom * p + offset, or None if the frame doesn't show it then."""
    box, (width, height) = overlay.box, size
    x0, x1 = (zoom * x + offset[0] for x in (box.x0, box.x1))
    y0, y1 = (zoom * y + offset[1] for y in (box.y0, box.y1))
    left, right = max(int(x0) // 2 * 2 - 2, 0), min(int(x1) // 2 * 2 + 4, width)
    top, bottom = max(int(y0) // 2 * 2 - 2, 0), min(int(y1) // 2 * 2 + 4, height)
    if left >= right or top >= bottom:
        return None

    def move(plane: Float, scale: int) -> Float:
        # Pixel centres are at halves: out + 0.5 + corner == zoom * (in + 0.5 + box corner) + offset.
        starts = ((left, offset[0], box.x0), (top, offset[1], box.y0))
        shift = [((corner - by) / scale + 0.5) / zoom - at / scale - 0.5 for corner, by, at in starts]
        matrix = np.array([[1 / zoom, 0, shift[0]], [0, 1 / zoom, shift[1]]])
        out = ((right - left) // scale, (bottom - top) // scale)
        return np.asarray(
            cv2.warpAffine(plane, matrix, out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), dtype=np.float32
        )

    u, v = overlay.chroma
    return Overlay(
        Box(left, top, right, bottom),
        move(overlay.luma_alpha, 1),
        move(overlay.luma, 1),
        move(overlay.chroma_alpha, 2),
        (move(u, 2), move(v, 2)),
        (),
    )
