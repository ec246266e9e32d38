"""Where a workflow's chunks are decoded, and by what: on the CPUs as tasks, or in the GPU actor as calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import ray

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu.calls import CallKind
from yivideo_ray.runtime.gpu.client import Caller
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.scheduling import Queue
from yivideo_ray.stages.crop_subtitle_images import CROPS_PER_PART
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, SubtitleArea, VideoInfo

__all__ = ["DecodeSite", "Decoding", "Pictures", "TakePart", "decode_site", "result_of"]


@dataclass(frozen=True, slots=True)
class DecodeSite:
    """runs_on says where chunks are decoded; decoder is what the decoder is told there: backend auto means the GPU for
    what it can decode, and the CPU for the rest."""

    runs_on: Literal["actor", "task"]
    decoder: DecoderSettings


def decode_site(decoder: DecoderSettings, actor_decodes: str) -> DecodeSite:
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
    return DecodeSite(where, decoder if on_gpu else decoder.model_copy(update={"backend": "cpu"}))


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a chunk's crops, which may still be growing: ObjectRefs of parts with so many pictures each, but
    for the last."""

    parts: list[Any]
    crops_per_part: int

    def at(self, index: int) -> tuple[Any, int]:
        """Returns the part that holds a crop's picture, and the picture's place in it."""
        part, place = divmod(index, self.crops_per_part)
        return self.parts[part], place


TakePart: TypeAlias = Callable[[Sequence[CropMeta], Pictures], None]
"""Is told of more crops of a chunk, and where the pictures of all so far are."""


def _ignore_part(_: Sequence[CropMeta], __: Pictures) -> None:
    """For those who need the whole chunk."""


def _ignore_begin() -> None:
    """For those who needn't know when."""


class Decoding:
    """Decodes chunks of one video. share: whose turn it is where that is done by tasks."""

    def __init__(self, info: VideoInfo, area: SubtitleArea, place: DecodeSite, caller: Caller, share: Queue) -> None:
        self._info = info
        self._area = area
        self._place = place
        self._caller = caller
        self._share = share

    @property
    def runs_on(self) -> str:
        return self._place.runs_on

    @property
    def at_once(self) -> int:
        """How many chunks are decoded at a time at most, if they are asked for."""
        return self._share.at_once

    @property
    def asks(self) -> int:
        """How many chunks to ask for at a time: where they take turns, early enough to lose none."""
        return self.at_once * (1 if self._place.runs_on == "actor" else 2)

    async def crop(
        self, span: ChunkSpan, take: TakePart = _ignore_part, begin: Callable[[], None] = _ignore_begin
    ) -> tuple[ChunkReport, Pictures]:
        """Returns a chunk's report, and the pictures of its crops, in the report's order. take is told of each part of
        them as soon as it is found, begin when it is the chunk's turn.

        Errors: those of the stage, of Ray and of the GPU client. Cancelling this cancels the work.
        """
        if self._place.runs_on == "actor":
            begin()
            reply = await self._caller.call(
                CallKind.CROP_SUBTITLE_IMAGES,
                str(span.index),
                lambda actor, ticket: actor.decode.remote(ticket, self._info, span, self._area, self._place.decoder),
            )
            report: ChunkReport = reply.value
            pictures = Pictures([reply.apart], max(1, len(report.crops)))
            take(report.crops, pictures)
            return report, pictures
        async with self._share.turn():
            begin()
            return await self._crop_in_task(span, take)

    async def _crop_in_task(self, span: ChunkSpan, take: TakePart) -> tuple[ChunkReport, Pictures]:
        pictures = Pictures([], CROPS_PER_PART)
        parts = tasks.crop_chunk.remote(self._info, span, self._area, self._place.decoder)
        with _cancelling(parts):
            async for part in parts:
                found = await part
                if isinstance(found, ChunkReport):
                    return found, pictures
                pictures.parts.append(await anext(parts))
                take(found, pictures)
        raise AssertionError("a chunk ends with its report")


async def result_of(ref: Any) -> Any:
    """Returns an ObjectRef's value. Errors become ours; cancelling this cancels the task behind it."""
    with _cancelling(ref):
        return await ref


@contextlib.contextmanager
def _cancelling(ref: Any) -> Iterator[None]:
    """Has the task behind an ObjectRef, or behind a generator of them, cancelled when this is; errors become ours."""
    try:
        yield
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            ray.cancel(ref)
        raise
    except Exception as error:
        raise translate(error) from error
