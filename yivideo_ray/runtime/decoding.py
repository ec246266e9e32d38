"""Where a workflow's chunks are decoded, and by what: on the CPUs as tasks, or in the GPU actor as calls."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import ray

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.runtime import tasks
from yivideo_ray.runtime.calls import CallKind
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu_client import Caller
from yivideo_ray.types import ChunkReport, ChunkSpan, SubtitleArea, VideoInfo

__all__ = ["Decoding", "Placement", "placement", "result_of"]


@dataclass(frozen=True, slots=True)
class Placement:
    """runs_on says where chunks are decoded; decoder is what the decoder is told there: backend auto means the GPU for
    what it can decode, and the CPU for the rest."""

    runs_on: Literal["actor", "task"]
    decoder: DecoderSettings


def placement(decoder: DecoderSettings, actor_decodes: str) -> Placement:
    """Returns where to decode. actor_decodes: what the GPU actor's process can do, cuda or cpu.

    Errors: DeviceError DECODER_UNAVAILABLE where cuda is demanded and does not work.
    """
    works = actor_decodes == "cuda"
    if decoder.backend == "cuda" and not works:
        raise DeviceError(
            "decoder.backend is cuda, and the GPU actor's process can't decode with it.", code="DECODER_UNAVAILABLE"
        )
    on_gpu = works and decoder.backend != "cpu" and decoder.runs_on != "task"
    where: Literal["actor", "task"] = "actor" if on_gpu or decoder.runs_on == "actor" else "task"
    return Placement(where, decoder if on_gpu else decoder.model_copy(update={"backend": "cpu"}))


class Decoding:
    """Decodes chunks of one video."""

    def __init__(self, info: VideoInfo, area: SubtitleArea, place: Placement, caller: Caller) -> None:
        self._info = info
        self._area = area
        self._place = place
        self._caller = caller

    @property
    def runs_on(self) -> str:
        return self._place.runs_on

    async def crop(self, span: ChunkSpan) -> tuple[ChunkReport, Any]:
        """Returns a chunk's report, and an ObjectRef of its crops' pictures, in the report's order.

        Errors: those of the stage, of Ray and of the GPU client. Cancelling this cancels the work.
        """
        if self._place.runs_on == "actor":
            reply = await self._caller.call(
                CallKind.CROP_SUBTITLE_IMAGES, str(span.index), self._info, span, self._area, self._place.decoder
            )
            return reply.value, reply.apart
        report, images = tasks.crop_chunk.remote(self._info, span, self._area, self._place.decoder)
        return await result_of(report), images


async def result_of(ref: Any) -> Any:
    """Returns an ObjectRef's value. Errors become ours; cancelling this cancels the task behind it."""
    try:
        return await ref
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            ray.cancel(ref)
        raise
    except Exception as error:
        raise translate(error) from error
