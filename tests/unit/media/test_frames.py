"""Pixels in frame coordinates, from every kind of stored picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame as AvFrame
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.videos import frame_number, make_video, picture
from yivideo_ray.config import DecoderSettings
from yivideo_ray.geometry import Box
from yivideo_ray.media import VideoFrame, probe, read_chunk
from yivideo_ray.media.frames import Geometry
from yivideo_ray.types import ChunkSpan

SETTINGS = DecoderSettings()
SIZE = (162, 98)


def corners(_: int) -> NDArray[np.uint8]:
    """A picture whose corners differ: white top left, light top right, dark bottom left, black bottom right."""
    image = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    height, width = SIZE[1] // 2, SIZE[0] // 2
    image[:height, :width] = 235
    image[:height, width:] = 180
    image[height:, :width] = 80
    image[height:, width:] = 16
    return image


def frames_of(path: Path) -> Iterator[VideoFrame]:
    with read_chunk(probe(path, SETTINGS), ChunkSpan(0, None, None), SETTINGS) as reader:
        yield from reader


def quarters(luma: NDArray[np.uint8]) -> list[float]:
    """Returns the mean of each corner's quarter: top left, top right, bottom left, bottom right."""
    height, width = luma.shape
    h, w = height // 4, width // 4
    return [float(part.mean()) for part in (luma[:h, :w], luma[:h, -w:], luma[-h:, :w], luma[-h:, -w:])]


FORMATS: dict[str, dict[str, Any]] = {
    "420.mp4": {},
    "444-odd.mp4": {"size": (161, 97), "pix_fmt": "yuv444p"},
    "420-odd.mkv": {"size": (161, 97), "codec": "ffv1", "pix_fmt": "yuv420p"},
    "10-bit.mp4": {"pix_fmt": "yuv420p10le"},
    "12-bit.mkv": {"codec": "ffv1", "pix_fmt": "yuv422p12le"},
    "16-bit-gray.mkv": {"codec": "ffv1", "pix_fmt": "gray16le"},
    "gray.mkv": {"codec": "ffv1", "pix_fmt": "gray"},
    "full-range.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "rgb.mov": {"codec": "qtrle", "pix_fmt": "rgb24"},
    "planar-rgb.avi": {"codec": "magicyuv", "pix_fmt": "gbrp"},
    "alpha.mov": {"codec": "png", "pix_fmt": "rgba"},
    "gif.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "packed.avi": {"codec": "rawvideo", "pix_fmt": "yuyv422"},
    "nv12.nut": {"codec": "rawvideo", "pix_fmt": "nv12"},
    "big-endian.nut": {"codec": "rawvideo", "pix_fmt": "yuv420p10be"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_pixel_format_becomes_eight_bit_luma(tmp_path: Path, name: str) -> None:
    recipe = {"size": (160, 96), **FORMATS[name]}
    path = make_video(tmp_path / name, frames=3, **recipe)
    frames = list(frames_of(path))
    assert [frame_number(frame.luma()) for frame in frames] == [0, 1, 2]
    width, height = recipe["size"]
    luma = frames[1].luma()
    assert luma.shape == (height, width)
    assert luma.dtype == np.uint8
    with av.open(str(path)) as container:
        first = next(container.decode(container.streams.video[0]))
        expected = first.reformat(format="gray").to_ndarray().astype(float)
    # FFmpeg's own grey stretches limited range to the full one.
    shown = frames[0].luma().astype(float)
    stretched = (shown - 16) * 255 / 219
    assert min(np.abs(shown - expected).mean(), np.abs(stretched - expected).mean()) < 3


@pytest.mark.parametrize("pixel_format", ["p010le", "p016le", "gray10le", "yuv444p9le", "rgb8", "yuvj444p", "uyvy422"])
def test_formats_that_only_decoders_make_become_eight_bit_luma(pixel_format: str) -> None:
    drawn = AvFrame.from_ndarray(picture(5, (160, 96)), format="rgb24")
    stored = drawn.reformat(format=pixel_format)
    frame = VideoFrame(stored, Geometry(160, 96, 160, 0), pts=0, key=True, after_end=False)
    plain = VideoFrame(drawn.reformat(format="gray"), Geometry(160, 96, 160, 0), pts=0, key=True, after_end=False)
    assert frame_number(frame.luma()) == 5
    shown = frame.luma().astype(float)
    expected = plain.luma().astype(float)
    limited = 16 + expected * 219 / 255
    assert min(np.abs(shown - expected).mean(), np.abs(shown - limited).mean()) < (20 if pixel_format == "rgb8" else 2)


@pytest.mark.parametrize("name", ["420.mp4", "10-bit.mp4", "rgb.mov", "packed.avi"])
def test_a_box_holds_the_same_pixels_as_the_whole(tmp_path: Path, name: str) -> None:
    frame = next(frames_of(make_video(tmp_path / name, frames=1, **{"size": (160, 96), **FORMATS[name]})))
    assert np.array_equal(frame.luma(Box(11, 7, 101, 50)), frame.luma()[7:50, 11:101])
    assert np.array_equal(frame.bgr(Box(11, 7, 101, 50)), frame.bgr()[7:50, 11:101])


@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(4, 3), Fraction(8, 9)])
@pytest.mark.parametrize(
    ("turn", "order"), [(0, (0, 1, 2, 3)), (90, (2, 0, 3, 1)), (180, (3, 2, 1, 0)), (270, (1, 3, 0, 2))]
)
def test_pictures_are_upright_with_square_pixels(
    tmp_path: Path, turn: int, order: tuple[int, ...], aspect: Fraction
) -> None:
    path = make_video(
        tmp_path / "r.mp4", size=SIZE, frames=2, background=corners, rotation_deg=turn, sample_aspect_ratio=aspect
    )
    info = probe(path, SETTINGS)
    frame = next(frames_of(path))
    stretched = round(SIZE[0] * aspect)
    assert (info.width, info.height) == ((stretched, SIZE[1]) if turn % 180 == 0 else (SIZE[1], stretched))
    whole = frame.luma()
    assert whole.shape == (info.height, info.width)
    assert frame.bgr().shape == (info.height, info.width, 3)
    stored = quarters(corners(0)[..., 0])
    assert np.argsort(quarters(whole)).tolist() == np.argsort([stored[corner] for corner in order]).tolist()
    box = Box(5, 9, info.width - 13, info.height - 30)
    assert np.array_equal(frame.luma(box), whole[box.y0 : box.y1, box.x0 : box.x1])
    assert np.array_equal(frame.bgr(box), frame.bgr()[box.y0 : box.y1, box.x0 : box.x1])


@given(
    turn=st.sampled_from([0, 90, 180, 270]),
    stretched=st.integers(1, 60),
    stored=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    data=st.data(),
)
def test_any_box_of_any_geometry_is_a_cut_of_the_whole(
    turn: int, stretched: int, stored: tuple[int, int], data: st.DataObject
) -> None:
    geometry = Geometry(stored[0], stored[1], stretched, turn)
    bounds = geometry.bounds
    x = sorted(data.draw(st.tuples(st.integers(0, bounds.x1), st.integers(0, bounds.x1))))
    y = sorted(data.draw(st.tuples(st.integers(0, bounds.y1), st.integers(0, bounds.y1))))
    picture = np.random.default_rng(stored[0]).integers(0, 255, (stored[1], stored[0]), np.uint8)
    whole = geometry.show(picture, bounds)
    assert whole.shape == (bounds.height, bounds.width)
    part = geometry.show(picture, Box(x[0], y[0], x[1], y[1]))
    assert np.array_equal(part, whole[y[0] : y[1], x[0] : x[1]])


def test_plain_video_is_not_copied_and_can_not_be_written(tmp_path: Path) -> None:
    frame = next(frames_of(make_video(tmp_path / "p.mp4", frames=2)))
    band = frame.luma(Box(0, 100, 320, 160))
    assert np.shares_memory(band, frame.luma())
    assert not band.flags.writeable


def test_a_box_outside_the_frame_is_an_error(tmp_path: Path) -> None:
    frame = next(frames_of(make_video(tmp_path / "p.mp4", frames=1)))
    with pytest.raises(ValueError, match="not inside"):
        frame.luma(Box(0, 0, 321, 10))


def test_a_picture_size_that_changes_is_scaled_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    with path.open("wb") as joined:
        for index, size in enumerate([(160, 96), (320, 192)]):
            part = make_video(tmp_path / f"{index}.ts", frames=10, size=size, start_s=index)
            joined.write(part.read_bytes())
    frames = list(frames_of(path))
    assert {frame.luma().shape for frame in frames} == {(96, 160)}
    assert [frame_number(frame.luma()) for frame in frames] == [*range(10), *range(10)]
