"""Serialized workflows: the six stages behind one global lock, each holding it for its whole length.

The stages, the tasks and the actor are those of every workflow; that no two stages overlap, not even those of one
workflow, is what the lock does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

import ray

from benchmarks.throughput.locks import GlobalLock
from yivideo_ray.media import plan_even_chunks
from yivideo_ray.pipeline import Readings
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu.engine import ActorEngine
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.decoding import Decoding, Pictures, decode_site, result_of
from yivideo_ray.runtime.workflow.ray_stages import RayStages
from yivideo_ray.stages.crop_subtitle_images import CropGroups, GroupedCrop
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, CropText, Layer, Sheet, Stage, SubtitleArea

__all__ = ["SerializedStages"]


@ray.remote(**tasks.CPU_TASK)
def read_sheets(actor: Any, ticket: Ticket, sheets: Sequence[Sheet]) -> Reply:
    """Returns the texts on sheets that were stitched before, as the reply's value."""
    models = ActorEngine(actor, ticket)
    return models.reply(perform_ocr(sheets, models))


class SerializedStages(RayStages):
    """Stages each of which runs under the lock. waits: how long each of them waited for it, in seconds."""

    def __init__(self, *arguments: Any, lock: GlobalLock, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.waits: list[float] = []
        self._lock = lock

    async def extract_keyframes(self, *, quick: bool) -> tuple[Sequence[tuple[tasks.Look, Any]], bool]:
        async with self._lock.held(Stage.EXTRACT_KEYFRAMES, self.waits):
            return await super().extract_keyframes(quick=quick)

    async def detect_subtitle_area(self, frames: Sequence[tuple[tasks.Look, Any]]) -> SubtitleArea:
        async with self._lock.held(Stage.DETECT_SUBTITLE_AREA, self.waits):
            return await super().detect_subtitle_area(frames)

    async def find_layers(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Layer, ...]:
        async with self._lock.held(Stage.POSTPROCESS_AND_FINALIZE, self.waits):
            return await super().find_layers(area, crops, texts)

    async def read_crops(self, area: SubtitleArea, until: Stage) -> Readings:
        assert until is Stage.PERFORM_OCR, "the benchmark runs whole chains"
        async with self._lock.held(Stage.CROP_SUBTITLE_IMAGES, self.waits):
            self._journal.start(Stage.CROP_SUBTITLE_IMAGES)
            spans, cropped = await self._crop(area)
            self._journal.finish(Stage.CROP_SUBTITLE_IMAGES)
        groups = _grouped(cropped, self._settings.pipeline.crops_per_call)
        async with self._lock.held(Stage.CREATE_STITCHED_IMAGES, self.waits):
            self._journal.start(Stage.CREATE_STITCHED_IMAGES)
            stitched = [tasks.stitch.remote(*tasks.to_stitch(_picks(group))) for group in groups.full(rest=True)]
            for sizes, _ in stitched:
                await result_of(sizes)
            self._journal.finish(Stage.CREATE_STITCHED_IMAGES)
        async with self._lock.held(Stage.PERFORM_OCR, self.waits):
            self._journal.start(Stage.PERFORM_OCR)
            replies = await asyncio.gather(*(self._read(number, sheets) for number, (_, sheets) in enumerate(stitched)))
            self._journal.finish(Stage.PERFORM_OCR)
        texts = tuple(chain.from_iterable(reply.value for reply in replies))
        return Readings(tuple(groups.metas), texts, spans, tuple(report for report, _ in cropped))

    async def _crop(self, area: SubtitleArea) -> tuple[tuple[ChunkSpan, ...], list[tuple[ChunkReport, Pictures]]]:
        site = decode_site(self._settings.decoder, None)
        at_once = self._settings.pipeline.chunks_in_flight or self._tools.cluster.cpus
        share = self._tools.decoding.share(self.due, at_once)
        limit_s = self._tools.settings.gpu_lock.lock_timeout
        decoding = Decoding(self._info, area, site, share, decoders=self._tools.decoders, limit_s=limit_s)
        spans = await asyncio.to_thread(
            plan_even_chunks, self._info, self._settings.pipeline.chunk_s, at_once, self._settings.decoder
        )
        # No more than at_once at a time.
        return spans, await asyncio.gather(*(decoding.crop(span) for span in spans))

    async def _read(self, number: int, sheets: Any) -> Reply:
        return await self._caller.call(
            CallKind.PERFORM_OCR,
            str(number),
            lambda actor, ticket: read_sheets.remote(actor, ticket, sheets),
        )


def _grouped(cropped: Sequence[tuple[ChunkReport, Pictures]], size: int) -> CropGroups[Pictures]:
    groups: CropGroups[Pictures] = CropGroups(size)
    for report, pictures in cropped:
        groups.take(report.crops, pictures)
        groups.end_chunk(report)
    return groups


def _picks(group: Sequence[GroupedCrop[Pictures]]) -> list[tuple[CropMeta, Any, int]]:
    return [(crop.meta, *crop.source.at(crop.index)) for crop in group]
