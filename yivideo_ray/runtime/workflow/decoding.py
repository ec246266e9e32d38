"""Where a workflow's chunks are decoded, and by what: by the CPUs in tasks, or by GPUs beside their actors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.errors import DeviceError
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu.decoders import DecoderGpu, GpuDecoders
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.scheduling import Queue
from yivideo_ray.stages.crop_subtitle_images import CROPS_PER_PART
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, SubtitleArea, VideoInfo

__all__ = ["DecodeSite", "Decoding", "Pictures", "TakePart", "decode_site", "gpu_refusal", "result_of"]


@dataclass(frozen=True, slots=True)
class DecodeSite:
    """on_gpu: chunks are decoded beside GPU actors, else in tasks that have no GPU. decoder is what the decoder is told
    there: backend auto means the GPU for what it can decode, and the CPU for the rest."""

    on_gpu: bool
    decoder: DecoderSettings


def decode_site(decoder: DecoderSettings, refusal: str | None) -> DecodeSite:
    """Returns where to decode a video. refusal: why no GPU decodes it, "" if one does, None if none is to.

    Errors: DeviceError DECODER_UNAVAILABLE where cuda is demanded and does not work.
    """
    if decoder.backend == "cuda" and refusal:
        raise DeviceError(f"decoder.backend is cuda: {refusal}", code="DECODER_UNAVAILABLE")
    on_gpu = refusal == "" and decoder.backend != "cpu"
    return DecodeSite(on_gpu, decoder if on_gpu else decoder.model_copy(update={"backend": "cpu"}))


async def gpu_refusal(decoders: GpuDecoders, info: VideoInfo, settings: Settings) -> str:
    """Returns why no GPU of the actors decodes a video, as a sentence; "" if one does. Errors: as media.gpu_refusal."""
    if not await decoders.find():
        return f"No GPU decodes any more: {decoders.fault}" if decoders.fault else "No GPU actor has a GPU."
    if decoders.takes(info):
        return ""
    with decoders.lane() as gpu:
        assert gpu is not None, "one was found"
        ask = tasks.ask_gpu.options(**_beside(gpu))
        try:
            refusal: str = await result_of(ask.remote(gpu.visible, info, settings.decoder))
        except DeviceError as error:
            decoders.note(gpu, gpu.generation, error.message)
            return error.message
    if not refusal:
        decoders.note_taken(info)
    return refusal


def _beside(gpu: DecoderGpu) -> dict[str, Any]:
    """Returns a task's options for it to run beside the actor that has a GPU, in a process that only tasks for this GPU
    share: CUDA sees what it saw when it began."""
    return {
        "scheduling_strategy": NodeAffinitySchedulingStrategy(gpu.node, soft=False),
        "runtime_env": {"env_vars": {"YIVIDEO_DECODES_ON": gpu.processes}},
    }


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
    """Decodes chunks of one video. share: whose turn it is; decoders: where, if the site is on a GPU. limit_s: how long
    a chunk may take there until the decoder counts as hung."""

    def __init__(
        self,
        info: VideoInfo,
        area: SubtitleArea,
        site: DecodeSite,
        share: Queue,
        *,
        decoders: GpuDecoders,
        limit_s: float,
    ) -> None:
        self._info = info
        self._area = area
        self._site = site
        self._share = share
        self._decoders = decoders
        self._limit_s = limit_s

    @property
    def at_once(self) -> int:
        """How many chunks are decoded at a time at most, if they are asked for."""
        return self._share.at_once

    @property
    def asks(self) -> int:
        """How many chunks to ask for at a time: they take turns, so early enough to lose none."""
        return self.at_once * 2

    async def crop(
        self, span: ChunkSpan, take: TakePart = _ignore_part, begin: Callable[[], None] = _ignore_begin
    ) -> tuple[ChunkReport, Pictures]:
        """Returns a chunk's report, and the pictures of its crops, in the report's order. take is told of each part of
        them as soon as it is found, begin when it is the chunk's turn.

        Errors: those of the stage and of Ray; where a GPU is insisted on DeviceError DEVICE_FAILED or
        DEVICE_OUT_OF_MEMORY. Cancelling this cancels the work.
        """
        pictures = Pictures([], CROPS_PER_PART)
        async with self._share.turn():
            begin()
            report = await (self._on_gpu if self._site.on_gpu else self._on_cpu)(span, take, pictures)
        return report, pictures

    async def _on_cpu(self, span: ChunkSpan, take: TakePart, pictures: Pictures) -> ChunkReport:
        settings = self._site.decoder.model_copy(update={"backend": "cpu"})
        return await _follow(tasks.crop_chunk.remote(self._info, span, self._area, settings), take, pictures)

    async def _on_gpu(self, span: ChunkSpan, take: TakePart, pictures: Pictures) -> ChunkReport:
        while True:
            with self._decoders.lane() as gpu:
                if gpu is None:
                    break
                generation = gpu.generation
                crop = tasks.crop_chunk_on_gpu.options(**_beside(gpu))
                work = crop.remote((gpu.visible, self._limit_s), self._info, span, self._area, self._site.decoder)
                try:
                    report = await _follow(work, take, pictures)
                except DeviceError as error:
                    # cuda is insisted on: a fresh process is what may help.
                    self._decoders.note(gpu, generation, error.message)
                    continue
                self._decoders.note(gpu, generation, report.gpu_fault)
                return report
        fault = self._decoders.fault or "No GPU actor has a GPU."
        if self._site.decoder.backend == "cuda":
            raise DeviceError(f"The GPU decodes no more: {fault}", code="DEVICE_FAILED")
        return replace(await self._on_cpu(span, take, pictures), gpu_fault=fault)


async def _follow(parts: Any, take: TakePart, pictures: Pictures) -> ChunkReport:
    """Returns the report of the task whose generator of ObjectRefs this is, and adds its pictures; take is told of the
    parts that are not among them yet. A task that is made again gives the same ones."""
    given = len(pictures.parts)
    with _cancelling(parts):
        number = 0
        async for part in parts:
            found = await part
            if isinstance(found, ChunkReport):
                return found
            made = await anext(parts)
            number += 1
            if number > given:
                pictures.parts.append(made)
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
