"""The GPUs of a session's actors as decoders: each gets processes of their own beside its actor, to which it is handed
on. Which chunk is decoded there is workflow.decoding's business. No Ray.

They are no threads of the actor: what downloads frames and looks at them needs Python's lock, which the actor's
process then has for the models alone, and what a damaged video does to its decoder ends no models' process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from yivideo_ray.config import DecoderSettings, GpuSettings
from yivideo_ray.types import VideoInfo

__all__ = ["DecoderGpu", "GpuDecoders", "wants_gpu"]

# Processes beside each GPU, where the settings leave it to us: of an H200's seven decoders one stream uses one.
LANES = 4
# Failures in a row after which a GPU decodes no more.
FAULTS_ALLOWED = 3


def wants_gpu(decoder: DecoderSettings, gpu: GpuSettings) -> bool:
    """Returns whether a GPU is to decode what it can: cuda insists on it; with auto that takes gpu.decode_lanes."""
    return decoder.backend == "cuda" or (decoder.backend == "auto" and gpu.decode_lanes != "auto")


@dataclass(slots=True, eq=False)
class DecoderGpu:
    """A GPU that an actor has. node: Ray's id of its machine; visible: what CUDA_VISIBLE_DEVICES is in the actor's
    process. running: chunks in its processes. generation grows when these are to be replaced by fresh ones."""

    node: str
    visible: str
    running: int = 0
    faults: int = 0
    generation: int = 0

    @property
    def processes(self) -> str:
        """Returns a name that only processes of the same GPU and generation share."""
        return f"{self.visible}/{self.generation}"


class GpuDecoders:
    """status: asks all actors for their accounts. fault: what the last GPU that decodes no more failed with ("": none
    has)."""

    def __init__(self, settings: GpuSettings, status: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]) -> None:
        self.fault = ""
        self._lanes = LANES if settings.decode_lanes == "auto" else settings.decode_lanes
        self._status = status
        self._gpus: dict[tuple[str, str], DecoderGpu] = {}
        self._taken: set[tuple[Any, ...]] = set()

    async def find(self) -> int:
        """Looks which GPUs the actors have now; returns how many chunks these decode at a time."""
        for actor in await self._status():
            visible = str(actor.get("visible_gpus") or "").partition(",")[0].strip()
            if actor.get("ready") and visible not in ("", "-1"):
                place = str(actor["node"]), visible
                # Several actors may share one.
                self._gpus.setdefault(place, DecoderGpu(*place))
        return self._lanes * len(self._usable())

    @contextmanager
    def lane(self) -> Iterator[DecoderGpu | None]:
        """Yields the GPU with the fewest chunks, which has one more meanwhile; None if none decodes."""
        gpu = min(self._usable(), key=lambda gpu: gpu.running, default=None)
        if gpu is None:
            yield None
            return
        gpu.running += 1
        try:
            yield gpu
        finally:
            gpu.running -= 1

    def note(self, gpu: DecoderGpu, generation: int, fault: str) -> None:
        """Takes in how a chunk of a process of that generation ended. fault: what is wrong with the GPU, or ""."""
        if not fault:
            gpu.faults = 0
        elif generation == gpu.generation:
            # Those that ran beside it met the same. After an error of CUDA only a fresh process can be trusted.
            gpu.faults += 1
            gpu.generation += 1
            if gpu.faults >= FAULTS_ALLOWED:
                self.fault = fault

    def takes(self, info: VideoInfo) -> bool:
        """Returns whether videos like this one are known to be decoded."""
        return _kind(info) in self._taken

    def note_taken(self, info: VideoInfo) -> None:
        self._taken.add(_kind(info))

    def _usable(self) -> list[DecoderGpu]:
        return [gpu for gpu in self._gpus.values() if gpu.faults < FAULTS_ALLOWED]


def _kind(info: VideoInfo) -> tuple[Any, ...]:
    return info.codec, info.pixel_format, info.coded_width, info.coded_height
