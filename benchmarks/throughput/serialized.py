"""Serialized workflows: the six stages behind one global lock, each holding it for its whole length.

The stages, the tasks and the actor are those of every workflow; that no two stages overlap, not even those of one
workflow, is what the lock does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from benchmarks.throughput.locks import GlobalLock
from yivideo_ray.jobs import Job
from yivideo_ray.media import plan_even_chunks
from yivideo_ray.runtime.gpu.calls import CallKind, Reply
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.completeness import completeness
from yivideo_ray.runtime.workflow.decoding import Decoding, Pictures, decode_site, result_of, to_stitch
from yivideo_ray.runtime.workflow.journal import Journal
from yivideo_ray.runtime.workflow.stream import StreamResult
from yivideo_ray.runtime.workflow.workflow import Tools, Workflow
from yivideo_ray.stages.crop_subtitle_images import keep_uncovered
from yivideo_ray.types import ChunkReport, CropMeta, Stage, SubtitleArea, VideoInfo

__all__ = ["SerializedWorkflow"]


class SerializedWorkflow(Workflow):
    """A workflow each of whose stages runs under the lock. waits: how long each of them waited for it, in seconds."""

    def __init__(self, job: Job, info: VideoInfo, journal: Journal, tools: Tools, lock: GlobalLock) -> None:
        super().__init__(job, info, journal, tools)
        self.waits: list[float] = []
        self._lock = lock

    async def _extract(self, *, quick: bool) -> tuple[Sequence[Any], bool]:
        async with self._lock.held(Stage.EXTRACT_KEYFRAMES, self.waits):
            return await super()._extract(quick=quick)

    async def _detect(self, parts: Sequence[Any]) -> SubtitleArea:
        async with self._lock.held(Stage.DETECT_SUBTITLE_AREA, self.waits):
            return await super()._detect(parts)

    async def _finalize(self) -> None:
        async with self._lock.held(Stage.POSTPROCESS_AND_FINALIZE, self.waits):
            await super()._finalize()

    async def _stream(self, until: Stage) -> None:
        assert until is Stage.PERFORM_OCR, "the benchmark runs whole chains"
        area = self._record.area
        assert area is not None, "the stage before has found it"
        place = decode_site(self._settings.decoder, self._actor_decodes or "cpu")
        found = StreamResult()
        async with self._lock.held(Stage.CROP_SUBTITLE_IMAGES, self.waits):
            self._journal.start(Stage.CROP_SUBTITLE_IMAGES)
            at_once = self._settings.pipeline.chunks_in_flight or self._tools.cluster.cpus
            decoding = Decoding(self._info, area, place, self._caller, self._tools.turns.share(self.due, at_once))
            spans = await asyncio.to_thread(
                plan_even_chunks, self._info, self._settings.pipeline.chunk_s, at_once, self._settings.decoder
            )
            # No more than at_once at a time.
            cropped = await asyncio.gather(*(decoding.crop(span) for span in spans))
            found.reports = [report for report, _ in cropped]
            self._journal.finish(Stage.CROP_SUBTITLE_IMAGES)
        found.crops, groups = self._grouped(cropped)
        async with self._lock.held(Stage.CREATE_STITCHED_IMAGES, self.waits):
            self._journal.start(Stage.CREATE_STITCHED_IMAGES)
            stitched = [tasks.stitch.remote(*to_stitch(group)) for group in groups]
            found.sheets = sum([len(await result_of(sizes)) for sizes, _ in stitched])
            self._journal.finish(Stage.CREATE_STITCHED_IMAGES)
        async with self._lock.held(Stage.PERFORM_OCR, self.waits):
            self._journal.start(Stage.PERFORM_OCR)
            calls = [
                self._caller.call(CallKind.PERFORM_OCR, str(number), sheets)
                for number, (_, sheets) in enumerate(stitched)
            ]
            replies: list[Reply] = await asyncio.gather(*calls)
            completed = [
                tasks.complete.remote(sheets, reply.value) for (_, sheets), reply in zip(stitched, replies, strict=True)
            ]
            found.texts = tuple([text for texts in completed for text in await result_of(texts)])
            self._journal.finish(Stage.PERFORM_OCR)
        self._judge(found, completeness(self._info, spans, found.reports))
        self._record.crops, self._record.crops_area, self._record.texts = found.crops, area, found.texts
        self._record.save_readings()
        self._journal.enter(self._record)

    def _grouped(
        self, cropped: Sequence[tuple[ChunkReport, Pictures]]
    ) -> tuple[tuple[CropMeta, ...], list[list[tuple[CropMeta, Pictures, int]]]]:
        covered: tuple[int, ...] = ()
        picks: list[tuple[CropMeta, Pictures, int]] = []
        for report, pictures in cropped:
            indexes, metas, covered = keep_uncovered(report, covered)
            picks.extend((meta, pictures, index) for index, meta in zip(indexes, metas, strict=True))
        size = self._settings.pipeline.crops_per_call
        groups = [picks[start : start + size] for start in range(0, len(picks), size)]
        return tuple(meta for meta, _, _ in picks), groups
