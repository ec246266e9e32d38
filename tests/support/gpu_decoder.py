"""A GPU's decoder in name, where there is none: the CPU decodes, and errors are those that FFmpeg gives of a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import pytest
from av.packet import Packet

from yivideo_ray.config import DecoderSettings
from yivideo_ray.media import source
from yivideo_ray.media.opening import Opened, open_container

__all__ = ["DAMAGE", "EXTERNAL", "NO_MEMORY", "PERMISSION", "GpuStandIn", "gpu_stand_in"]

EXTERNAL = av.error.ExternalError(-542398533, "Generic error in an external library")
NO_MEMORY = av.error.MemoryError(12, "Cannot allocate memory")
PERMISSION = av.error.PermissionError(1, "Operation not permitted")
DAMAGE = av.error.InvalidDataError(-1094995529, "Invalid data found when processing input")


@dataclass
class GpuStandIn:
    """works: what a decode of a drawn video gives; asked: how often that was tried anew. opening: what opening a file
    for the GPU raises. knows: FFmpeg's decoder is one for GPUs. fails: what decoding a packet (None: the end) raises.
    on_gpu: its frames come from the GPU. packets: how many it was given."""

    works: bool = True
    asked: int = 0
    opening: Exception | None = None
    knows: bool = True
    fails: Callable[[Packet[Any] | None], Exception | None] = lambda _: None
    on_gpu: bool = True
    packets: int = 0

    def decodes(self, *, again: bool = False) -> bool:
        self.asked += again
        return self.works


def gpu_stand_in(monkeypatch: pytest.MonkeyPatch) -> GpuStandIn:
    """Returns the GPU that videos of this process are decoded by from now on."""
    gpu = GpuStandIn()
    give = source.Source._give

    def opened(path: str, size_bytes: int, settings: DecoderSettings, hwaccel: Any = None) -> Opened:
        if hwaccel is not None and gpu.opening is not None:
            with monkeypatch.context() as patched:
                patched.setattr(av, "open", _raising(gpu.opening))
                return open_container(path, size_bytes, settings, hwaccel)
        return open_container(path, size_bytes, settings)

    def given(self: source.Source, packet: Packet[Any] | None) -> Any:
        if self._accelerator is not None:
            gpu.packets += 1
            error = gpu.fails(packet)
            if error is not None:
                raise error
        return give(self, packet)

    monkeypatch.setattr(source, "accelerator", _opened)
    monkeypatch.setattr(source, "open_container", opened)
    monkeypatch.setattr(source, "cuda_decodes", gpu.decodes)
    monkeypatch.setattr(source, "is_for_gpu", lambda _: gpu.knows)
    monkeypatch.setattr(source, "decodes_on_gpu", lambda _: gpu.on_gpu)
    monkeypatch.setattr(source.Source, "_give", given)
    return gpu


def _raising(error: Exception) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise error

    return call


def _opened(*, fallback: bool) -> object:
    return object()
