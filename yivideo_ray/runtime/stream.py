"""Stages 3 to 5 of one workflow, chunk by chunk and overlapping: decode, stitch, read.

Chunks are decoded in parallel and their reports taken in order. Crops are gathered into groups of a fixed number across
chunk boundaries, so that what one OCR call sees does not depend on the chunks' length. Pixels go from task to task
through the object store; this process sees only reports.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ray

from yivideo_ray.config import Settings
from yivideo_ray.jobs import EventKind
from yivideo_ray.runtime import tasks
from yivideo_ray.runtime.calls import CallKind, Reply
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu_client import GpuClient, OnRetry
from yivideo_ray.runtime.journal import Journal
from yivideo_ray.stages.crop_subtitle_images import keep_uncovered
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, CropText, Stage, SubtitleArea, VideoInfo

__all__ = ["Stream", "StreamResult", "result_of"]

# Groups that may be between their crops' decoding and their texts: enough to keep the device busy, few enough for
# memory, and for the mailbox to hold dozens of workflows.
GROUPS_IN_FLIGHT = 4
# Decoded chunks that may wait for a slower one before them.
CHUNKS_AHEAD = 2


@dataclass(slots=True)
class StreamResult:
    """What stages 3 to 5 found. texts belong to crops by crop_id; none if OCR was not asked for."""

    crops: tuple[CropMeta, ...] = ()
    texts: tuple[CropText, ...] = ()
    reports: list[ChunkReport] = field(default_factory=list)
    sheets: int = 0
    waited_s: float = 0.0
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Pick:
    meta: CropMeta
    images: Any
    index: int


class Stream:
    """One run over one video, up to and including the stage `until`."""

    def __init__(
        self,
        info: VideoInfo,
        area: SubtitleArea,
        settings: Settings,
        gpu: GpuClient,
        journal: Journal,
        *,
        until: Stage,
        chunks_in_flight: int,
        on_retry: OnRetry,
    ) -> None:
        self._info = info
        self._area = area
        self._settings = settings
        self._gpu = gpu
        self._journal = journal
        self._until = until
        self._limit = chunks_in_flight
        self._on_retry = on_retry
        self._covered: tuple[int, ...] = ()
        self._queue: list[_Pick] = []
        self._groups: list[asyncio.Task[tuple[CropText, ...]]] = []
        self._result = StreamResult()
        self._metas: list[CropMeta] = []
        self._frames = 0
        self._groups_done = 0

    async def run(self, spans: Sequence[ChunkSpan]) -> StreamResult:
        """Returns what was found. Errors: those of the stages, of Ray and of the GPU client, as ours.

        However it ends, no task or call of it goes on.
        """
        chunks: deque[tuple[asyncio.Task[ChunkReport], Any]] = deque()
        ahead = deque(spans)
        self._journal.start(Stage.CROP_SUBTITLE_IMAGES, chunks=len(spans), chunk_s=self._settings.pipeline.chunk_s)
        try:
            while ahead or chunks:
                while ahead and self._may_decode(chunks):
                    chunks.append(self._decode(ahead.popleft()))
                await _first_of([task for task, _ in chunks], self._groups)
                while chunks and chunks[0][0].done():
                    task, images = chunks.popleft()
                    self._take(task.result(), images)
            self._gather(rest=True)
            self._finish_crops()
            texts = await _all_of(self._groups)
        finally:
            await _end([*(task for task, _ in chunks), *self._groups])
        self._result.texts = tuple(text for group in texts for text in group)
        self._finish_reading()
        return self._result

    def _may_decode(self, chunks: deque[tuple[asyncio.Task[ChunkReport], Any]]) -> bool:
        decoding = sum(not task.done() for task, _ in chunks)
        reading = sum(not group.done() for group in self._groups)
        return (
            decoding < self._limit
            and len(chunks) < self._limit * CHUNKS_AHEAD
            # Where OCR is slower than decoding, crops would pile up in the object store.
            and reading <= GROUPS_IN_FLIGHT
        )

    def _decode(self, span: ChunkSpan) -> tuple[asyncio.Task[ChunkReport], Any]:
        report, images = tasks.crop_chunk.remote(self._info, span, self._area, self._settings.decoder)
        return asyncio.ensure_future(result_of(report)), images

    def _take(self, report: ChunkReport, images: Any) -> None:
        indexes, metas, self._covered = keep_uncovered(report, self._covered)
        self._result.reports.append(report)
        self._metas.extend(metas)
        self._queue.extend(_Pick(meta, images, index) for index, meta in zip(indexes, metas, strict=True))
        self._frames += report.frames
        done_s = 0.0 if report.end_pts is None else self._info.seconds(report.end_pts)
        self._journal.say(
            EventKind.PROGRESS,
            Stage.CROP_SUBTITLE_IMAGES,
            done_s=max(0.0, done_s),
            frames=self._frames,
            chunk=report.index,
            crops=len(metas),
        )
        self._gather(rest=False)

    def _gather(self, *, rest: bool) -> None:
        """Sends off full groups, and with rest what remains."""
        size = self._settings.pipeline.crops_per_call
        while len(self._queue) >= size or (rest and self._queue):
            group, self._queue = self._queue[:size], self._queue[size:]
            if self._until is not Stage.CROP_SUBTITLE_IMAGES:
                self._groups.append(asyncio.ensure_future(self._read(len(self._groups), group)))

    async def _read(self, number: int, group: list[_Pick]) -> tuple[CropText, ...]:
        sources: dict[Any, int] = {}
        picks = [(sources.setdefault(pick.images, len(sources)), pick.index) for pick in group]
        metas = tuple(pick.meta for pick in group)
        self._journal.start(Stage.CREATE_STITCHED_IMAGES, crops_per_call=self._settings.pipeline.crops_per_call)
        sizes, sheets = tasks.stitch.remote(metas, picks, *sources)
        sources.clear()
        group.clear()
        if self._until is Stage.CREATE_STITCHED_IMAGES:
            self._result.sheets += len(await result_of(sizes))
            return ()
        self._journal.start(Stage.PERFORM_OCR)
        reply: Reply = await self._gpu.call(
            CallKind.PERFORM_OCR, self._journal.workflow_id, str(number), sheets, on_retry=self._on_retry
        )
        self._result.sheets += len(await result_of(sizes))
        self._result.waited_s += reply.waited_s
        self._result.ran_s += reply.ran_s
        self._groups_done += 1
        read_to = max(meta.end_pts for meta in metas)
        self._journal.say(
            EventKind.PROGRESS,
            Stage.PERFORM_OCR,
            done_s=max(0.0, self._info.seconds(read_to)),
            frames=self._frames,
            calls=self._groups_done,
        )
        texts: tuple[CropText, ...] = reply.value
        return texts

    def _finish_crops(self) -> None:
        reports = self._result.reports
        self._result.crops = tuple(self._metas)
        self._journal.finish(
            Stage.CROP_SUBTITLE_IMAGES,
            crops=len(self._metas),
            chunks=len(reports),
            frames=sum(report.frames for report in reports),
            corrupt_packets=sum(report.corrupt_packets for report in reports),
            decoder=reports[0].decoder if reports else None,
            decode_s=round(sum(report.decode_s for report in reports), 3),
            analyse_s=round(sum(report.analyse_s for report in reports), 3),
        )

    def _finish_reading(self) -> None:
        if self._until is Stage.CROP_SUBTITLE_IMAGES:
            return
        self._journal.finish(Stage.CREATE_STITCHED_IMAGES, sheets=self._result.sheets, crops=len(self._metas))
        if self._until is Stage.PERFORM_OCR:
            self._journal.finish(
                Stage.PERFORM_OCR,
                calls=len(self._groups),
                lines=sum(len(text.lines) for text in self._result.texts),
                recognised=sum(text.recognised for text in self._result.texts),
                waited_s=round(self._result.waited_s, 3),
                device_s=round(self._result.ran_s, 3),
            )


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


async def _first_of(chunks: Sequence[asyncio.Task[Any]], groups: Sequence[asyncio.Task[Any]]) -> None:
    """Returns when one more of them has ended, and raises if it failed."""
    for task in (*chunks, *groups):
        if task.done():
            task.result()
    waiting = [task for task in (*chunks, *groups) if not task.done()]
    if waiting and not (chunks and chunks[0].done()):
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _all_of(groups: Sequence[asyncio.Task[tuple[CropText, ...]]]) -> list[tuple[CropText, ...]]:
    """Returns every result in order, and raises as soon as one failed."""
    return list(await asyncio.gather(*groups))


async def _end(unfinished: Sequence[asyncio.Task[Any]]) -> None:
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
