"""Synthetic videos for tests: every frame carries its own number, and subtitles may be burned in.

Nothing is downloaded: pictures are drawn with NumPy and Pillow and encoded with PyAV. The same call writes the same
pictures every time. What a test needs to know about a file it can ask of `plain_decode`, a bare decode loop that
shares no code with the package under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "Subtitle",
    "burn",
    "frame_number",
    "make_audio",
    "make_cover_art",
    "make_video",
    "picture",
    "plain_decode",
]

Rgb = NDArray[np.uint8]
NUMBER_BITS = 16
SOUND_RATE = 48000


@dataclass(frozen=True, slots=True)
class Subtitle:
    r"""Text burned into the frames first <= n < last; "\n" separates lines.

    bottom is the lower edge of the last line and height_px the letter size as shares of the frame's height.
    font: a TrueType file (None: Pillow's own, Latin letters only). With box, the text stands on a dark rectangle.
    """

    text: str
    first: int
    last: int
    bottom: float = 0.95
    height: float = 0.085
    color: tuple[int, int, int] = (255, 255, 255)
    outline: bool = True
    box: bool = False
    font: Path | None = None


def picture(number: int, size: tuple[int, int]) -> Rgb:
    """Returns frame `number` as (H, W, 3) RGB: a moving gradient, with the number as black and white blocks on top."""
    width, height = size
    x = np.arange(width, dtype=np.int32)[None, :]
    y = np.arange(height, dtype=np.int32)[:, None]
    # A triangle wave: a sawtooth's edges would look like strokes to whoever searches for text.
    wave = np.abs((x + y + 3 * number) % 240 - 120)
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = 50 + wave * 80 // 120
    image[..., 1] = 60 + np.abs((2 * y + number) % 200 - 100) * 60 // 100
    image[..., 2] = 70 + np.abs((x - 2 * number) % 300 - 150) * 60 // 150
    block_w, block_h = max(1, width // NUMBER_BITS), max(1, height // 8)
    for bit in range(NUMBER_BITS):
        image[:block_h, bit * block_w : (bit + 1) * block_w] = 235 if number >> bit & 1 else 20
    return image


def frame_number(luma: NDArray[np.uint8]) -> int:
    """Returns the number that `picture` drew into a frame, from its whole luma (H, W)."""
    height, width = luma.shape
    block_w, block_h = max(1, width // NUMBER_BITS), max(1, height // 8)
    middle = luma[block_h // 4 : max(block_h // 4 + 1, block_h * 3 // 4)]
    bits = (middle[:, bit * block_w : (bit + 1) * block_w].mean() > 127 for bit in range(NUMBER_BITS))
    return sum(int(on) << bit for bit, on in enumerate(bits))


def burn(image: Rgb, subtitle: Subtitle) -> Rgb:
    """Returns the picture with the text drawn into it, centred."""
    height, width = image.shape[:2]
    size = max(6, round(subtitle.height * height))
    font = ImageFont.truetype(str(subtitle.font), size) if subtitle.font else ImageFont.load_default(size)
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    stroke = max(1, size // 14) if subtitle.outline else 0
    x0, y0, x1, y1 = draw.multiline_textbbox((0, 0), subtitle.text, font=font, align="center", stroke_width=stroke)
    x = (width - (x1 - x0)) / 2 - x0
    y = subtitle.bottom * height - y1
    if subtitle.box:
        pad = size // 4
        draw.rectangle((x + x0 - pad, y + y0 - pad, x + x1 + pad, y + y1 + pad), fill=(16, 16, 16))
    draw.multiline_text(
        (x, y),
        subtitle.text,
        font=font,
        align="center",
        fill=subtitle.color,
        stroke_width=stroke,
        stroke_fill=(0, 0, 0),
    )
    return np.asarray(canvas)


def make_video(
    path: Path,
    *,
    frames: int = 50,
    size: tuple[int, int] = (320, 180),
    rate: Fraction | int = 25,
    codec: str = "libx264",
    container: str | None = None,
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    b_frames: int | None = None,
    bit_rate: int | None = None,
    options: dict[str, str] | None = None,
    mux_options: dict[str, str] | None = None,
    time_base: Fraction | None = None,
    pts_of: Callable[[int], int] | None = None,
    start_s: Fraction | int = 0,
    sample_aspect_ratio: Fraction = Fraction(1),
    rotation_deg: int = 0,
    interlaced: bool = False,
    audio: bool = False,
    audio_codec: str = "aac",
    audio_start_s: Fraction | int = 0,
    audio_s: Fraction | int | None = None,
    video_streams: int = 1,
    default_stream: int = 0,
    subtitles: Sequence[Subtitle] = (),
    background: Callable[[int], Rgb] | None = None,
) -> Path:
    """Writes a video and returns its path.

    size is the stored picture's. rotation_deg is what a player turns it by, clockwise. pts_of gives the pts of frame
    n in time_base (default: n at the constant rate), which makes variable frame rates; start_s is added to all. audio
    adds a tone of audio_s (default: as long as the picture) that begins at audio_start_s, whatever start_s is.
    background gives the picture of frame n as (H, W, 3) RGB (default: `picture`). Stream k > 0 of several shows the
    frames counted from 1000 * k.
    """
    base = time_base or 1 / Fraction(rate)
    offset = Fraction(start_s) / base
    wanted = {"bf": b_frames, "b": bit_rate, "preset": "veryfast" if codec == "libx264" else None}
    settings = {name: str(value) for name, value in wanted.items() if value is not None}
    with av.open(str(path), "w", format=container, options=mux_options or {}) as output:
        streams = [_video_stream(output, codec, Fraction(rate), size, pix_fmt) for _ in range(video_streams)]
        for index, stream in enumerate(streams):
            context = stream.codec_context
            context.time_base = base
            context.gop_size = gop
            context.options = {**settings, **(options or {})}
            context.sample_aspect_ratio = sample_aspect_ratio
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me if interlaced else 0
            if video_streams > 1:
                stream.disposition = Disposition.default if index == default_stream else Disposition(0)
            if rotation_deg:
                stream.set_display_rotation(-rotation_deg)
        sound = output.add_stream(audio_codec, rate=SOUND_RATE, layout="stereo") if audio else None
        assert sound is None or isinstance(sound, AudioStream)
        length_s = frames / Fraction(rate) if audio_s is None else audio_s
        tone = _tone(sound, length_s, audio_start_s) if sound else iter(())
        # One for all frames, with one thread: a frame's own would start threads for each of them.
        reformatter = VideoReformatter()
        for number in range(frames):
            for index, stream in enumerate(streams):
                shown = number + 1000 * index
                image = background(shown) if background else picture(shown, size)
                for subtitle in subtitles:
                    if subtitle.first <= number < subtitle.last:
                        image = burn(image, subtitle)
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame.pts = round(offset) + (pts_of(number) if pts_of else round(number / Fraction(rate) / base))
                frame.time_base = base
                output.mux(stream.encode(reformatter.reformat(frame, format=pix_fmt, threads=1)))
            # Muxers put packets in order for ten seconds only.
            output.mux(list(islice(tone, 3)))
        for stream in streams:
            output.mux(stream.encode(None))
        output.mux(list(tone))
    return path


def _video_stream(
    output: OutputContainer, codec: str, rate: Fraction, size: tuple[int, int], pix_fmt: str
) -> VideoStream:
    stream = output.add_stream(codec, rate=rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt
    # One thread makes the encoders' output the same on every machine.
    stream.codec_context.thread_count = 1
    return stream


def _tone(stream: AudioStream, seconds: Fraction | float, start_s: Fraction | int = 0) -> Iterator[Packet[AudioStream]]:
    samples = stream.codec_context.frame_size or 1024
    resampler = AudioResampler(stream.format.name, "stereo", SOUND_RATE)
    for start in range(0, max(samples, int(float(seconds) * SOUND_RATE)), samples):
        wave = 0.2 * np.sin(2 * np.pi * 440 * np.arange(start, start + samples) / SOUND_RATE)
        frame = AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
        frame.sample_rate = SOUND_RATE
        frame.pts = start + round(start_s * SOUND_RATE)
        frame.time_base = Fraction(1, SOUND_RATE)
        for resampled in resampler.resample(frame):
            yield from stream.encode(resampled)
    yield from stream.encode(None)


def make_audio(path: Path, *, seconds: float = 1.0, codec: str = "aac") -> Path:
    """Writes a file with sound only."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=SOUND_RATE, layout="stereo")
        assert isinstance(stream, AudioStream)
        output.mux(list(_tone(stream, seconds)))
    return path


def make_cover_art(path: Path, *, size: tuple[int, int] = (64, 64)) -> Path:
    """Writes sound with an attached picture and no moving one; path ends in .mp4."""
    with av.open(str(path), "w") as output:
        sound = output.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height = size
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        output.start_encoding()
        frame = VideoFrame.from_ndarray(picture(1, size), format="rgb24").reformat(format="yuvj420p")
        frame.pts = 0
        output.mux(cover.encode(frame))
        output.mux(cover.encode(None))
        output.mux(list(_tone(sound, 1.0)))
    return path


def plain_decode(
    path: Path, *, stream: int = 0, skip_loop_filter: str = "default"
) -> Iterator[tuple[int | None, NDArray[np.uint8]]]:
    """Yields (pts, luma as stored (H, W)) of every frame of one video stream, as PyAV gives them, from the start.

    skip_loop_filter is FFmpeg's option of that name: on which frames the decoder leaves out the deblocking filter.
    """
    with av.open(str(path)) as container:
        video = container.streams.video[stream]
        video.codec_context.options = {"skip_loop_filter": skip_loop_filter}
        for frame in container.decode(video):
            yield frame.pts, _luma(frame)


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    if frame.format.is_rgb:
        return np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)
    plane = frame.planes[0]
    step = 2 if frame.format.components[0].bits > 8 else 1
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width * step]
    if step == 1:
        return rows.copy()
    return (rows.copy().view("<u2") >> (frame.format.components[0].bits - 8)).astype(np.uint8)
