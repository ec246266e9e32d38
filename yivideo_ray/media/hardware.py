"""Decoding on an NVIDIA GPU (NVDEC, through FFmpeg's hwaccel "cuda"): whether it works here, and for which video.

Frames come back into main memory as NV12 or P010, which is how they are told from those of the CPU's decoders: these
keep their planes apart, and FFmpeg falls back to them by itself where the GPU lacks a profile.
"""

from __future__ import annotations

import io
from functools import cache

import av
import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame as AvFrame

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.types import VideoInfo

__all__ = ["accelerator", "cuda_decodes", "is_from_hardware"]

_CUDA = "cuda"
_FROM_GPU = frozenset({"nv12", "p010le", "p016le", "nv16", "p210le"})
# The smallest pictures that NVDEC takes for H.264 are 145 x 49.
_PROBE_SIZE = (320, 192)


def is_from_hardware(frame: AvFrame) -> bool:
    """Returns whether a frame's pixels come from the GPU's decoder."""
    return frame.format.name in _FROM_GPU


def accelerator(info: VideoInfo, settings: DecoderSettings) -> HWAccel | None:
    """Returns what to open the video with; None: the CPU decodes it.

    Errors: DeviceError DECODER_UNAVAILABLE if settings.backend is cuda and that works not here, or not for this codec.
    """
    if settings.backend == "cpu":
        return None
    insists = settings.backend == "cuda"
    if not cuda_decodes():
        if insists:
            raise DeviceError(
                "decoder.backend is cuda, and no video can be decoded so here.", code="DECODER_UNAVAILABLE"
            )
        return None
    if not _takes(info.codec):
        if insists:
            raise DeviceError(f"The GPU decodes no {info.codec}.", code="DECODER_UNAVAILABLE", codec=info.codec)
        return None
    return HWAccel(_CUDA, allow_software_fallback=not insists)


@cache
def cuda_decodes() -> bool:
    """Returns whether this process can decode on a GPU: a few frames are drawn, encoded, and decoded there."""
    try:
        data = _drawn_video()
        accelerated = HWAccel(_CUDA, allow_software_fallback=False)
        with av.open(io.BytesIO(data), "r", hwaccel=accelerated) as container:
            frame = next(container.decode(video=0))
            return is_from_hardware(frame) and (frame.width, frame.height) == _PROBE_SIZE
    except (av.FFmpegError, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, StopIteration):
        # No driver, no device that this process may see, no decoder on it: FFmpeg has an error for each.
        return False


def _takes(codec: str) -> bool:
    try:
        configs = av.Codec(codec, "r").hardware_configs
    except ValueError:
        return False
    return any(config.is_supported and config.device_type.name == _CUDA for config in configs)


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
