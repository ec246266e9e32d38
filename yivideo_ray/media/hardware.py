"""Decoding on an NVIDIA GPU (NVDEC, through FFmpeg's hwaccel "cuda"): whether this process can open one, and decode.

Which videos a GPU decodes is asked of it, not of FFmpeg's build: source.gpu_refusal has it decode their first frame.
"""

from __future__ import annotations

import ctypes
import io
from functools import cache

import av
import numpy as np
from av.codec.context import CodecContext
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame as AvFrame

from yivideo_ray.errors import DeviceError

__all__ = [
    "GpuDecoderFailed",
    "accelerator",
    "cuda_decodes",
    "decodes_on_gpu",
    "is_for_gpu",
    "missing_libraries",
    "release_gpu",
]

_CUDA = "cuda"
# What of the driver FFmpeg loads by these names. A container has the second one only with the capability "video".
_LIBRARIES = ("libcuda.so.1", "libnvcuvid.so.1")
# The process's primary context, for it to be opened once and not for every file; a context of its own for each, where
# whoever runs models here has opened the primary one in a way that FFmpeg refuses.
_CONTEXTS: tuple[dict[str, object], ...] = ({"primary_ctx": "1"}, {})
# The smallest pictures that NVDEC takes for H.264 are 145 x 49.
_PROBE_SIZE = (320, 192)
# No driver, no device that this process may see, none that answers: FFmpeg has an error for each, and PyAV one of
# Python's for some.
_TROUBLES = (av.FFmpegError, OSError, ValueError, RuntimeError, NotImplementedError)


class GpuDecoderFailed(Exception):  # noqa: N818 - control flow, never seen outside
    """The GPU's decoder failed. Its cause says how; whether the video or the GPU is to blame is not known yet."""


class _Context:
    """The GPU's context that keeps it open, and how it was opened. worked: one was open in this process before."""

    opened: HWAccel | None = None
    options: dict[str, object] = {}  # noqa: RUF012 - replaced, never changed
    worked = False


def accelerator(*, fallback: bool) -> HWAccel:
    """Returns what to open a video with for the GPU to decode it. fallback: the CPU may, where the GPU doesn't.

    Errors: DeviceError DECODER_UNAVAILABLE where this process can open no GPU, DEVICE_FAILED where it could before.
    """
    return HWAccel(_CUDA, allow_software_fallback=fallback, options=_open_gpu())


def is_for_gpu(context: CodecContext) -> bool:
    """Returns whether FFmpeg's decoder of an opened stream is one that a GPU may take over."""
    return context.is_hwaccel


def decodes_on_gpu(context: CodecContext) -> bool:
    """Returns whether a stream's frames come from the GPU, asked when there are some: where it lacks a profile, FFmpeg
    goes on with the CPU. What the frames look like in memory doesn't tell."""
    return getattr(context, "pix_fmt", None) == _CUDA


def cuda_decodes(*, again: bool = False) -> bool:
    """Returns whether this process can decode on a GPU: a few frames are drawn, encoded, and decoded there. The answer
    is kept until somebody asks again."""
    if again:
        release_gpu()
        _decodes_drawn.cache_clear()
    return _decodes_drawn()


def missing_libraries() -> tuple[str, ...]:
    """Returns the names of the driver's libraries that decoding needs and this process can't load."""
    return tuple(name for name in _LIBRARIES if not _loads(name))


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def release_gpu() -> None:
    """Lets go of the GPU, so that whoever needs it next opens it anew."""
    _Context.opened = None


def _open_gpu() -> dict[str, object]:
    if _Context.opened is not None:
        return _Context.options
    trouble: Exception | None = None
    for options in _CONTEXTS:
        try:
            _Context.opened = HWAccel(_CUDA, options=options).create(av.Codec("h264", "r"))
        except _TROUBLES as error:
            trouble = trouble or error
        else:
            _Context.options, _Context.worked = options, True
            return options
    code = "DEVICE_FAILED" if _Context.worked else "DECODER_UNAVAILABLE"
    missing = missing_libraries()
    why = f"{', '.join(missing)} can't be loaded" if missing else str(trouble)
    raise DeviceError(f"No GPU can be opened for decoding: {why}.", code=code) from trouble


@cache
def _decodes_drawn() -> bool:
    try:
        with av.open(io.BytesIO(_drawn_video()), "r", hwaccel=accelerator(fallback=False)) as container:
            frame = next(container.decode(video=0))
            context = container.streams.video[0].codec_context
            return decodes_on_gpu(context) and (frame.width, frame.height) == _PROBE_SIZE
    except (*_TROUBLES, EOFError, StopIteration, DeviceError):
        return False


def _drawn_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height = _PROBE_SIZE
        stream.pix_fmt = "yuv420p"
        for level in (40, 120, 200):
            grey = np.full((_PROBE_SIZE[1], _PROBE_SIZE[0], 3), level, np.uint8)
            output.mux(stream.encode(AvFrame.from_ndarray(grey, format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()
