"""Stages 3 to 5 of one workflow, chunk by chunk and overlapping: decode, stitch, read.

Chunks are decoded in parallel, and their crops taken in order: those of the first chunk that is not done yet as they
are found, so that they are read while it is decoded. Crops are gathered into groups of a fixed number across chunk
boundaries, so that what one OCR call sees does not depend on the chunks' length. Pixels go from task to task through
the object store; this process sees only reports. Those, and the texts, are kept as they come: a chunk that an earlier
run reported on is decoded again only if its pictures are needed once more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError
from yivideo_ray.jobs import EventKind
from yivideo_ray.runtime.gpu.calls import CallKind, Reply
from yivideo_ray.runtime.gpu.client import Caller
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.checkpoint import StreamParts
from yivideo_ray.runtime.workflow.decoding import Decoding, Pictures, result_of, to_stitch
from yivideo_ray.runtime.workflow.journal import Journal
from yivideo_ray.runtime.workflow.scheduling import Queue
from yivideo_ray.stages.crop_subtitle_images import keep_uncovered, uncovered
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, CropText, Stage, VideoInfo

__all__ = ["Stream", "StreamResult"]

# Groups that may be between their crops' decoding and their texts: enough to keep the device busy, few enough for
# memory, and for the mailbox to hold dozens of workflows.
GROUPS_IN_FLIGHT = 4
# Chunks begun, as a multiple of those that are decoded at a time: some may wait for a slower one before them.
CHUNKS_AHEAD = 2
# How often a group whose pictures were lost with a node has them made again.
RECOVERIES = 3


@dataclass(slots=True)
class StreamResult:
    """What stages 3 to 5 found. texts belong to crops by crop_id; none if OCR was not asked for. kept_chunks and
    kept_calls count what an earlier run had done."""

    crops: tuple[CropMeta, ...] = ()
    texts: tuple[CropText, ...] = ()
    reports: list[ChunkReport] = field(default_factory=list)
    sheets: int = 0
    kept_chunks: int = 0
    kept_calls: int = 0
    waited_s: float = 0.0
    ran_s: float = 0.0


class _Source:
    """A chunk's pictures, and how to get others where a node took them along, or where an earlier run made them.

    Ray makes again what tasks made, as far as it remembers how; what the actor made it can't.
    """

    def __init__(self, decoding: Decoding, span: ChunkSpan) -> None:
        self.found: Pictures | None = None
        self._decoding = decoding
        self._span = span
        self._lock = asyncio.Lock()

    async def pictures(self, *, lost: Pictures | None = None) -> Pictures:
        """Returns the pictures of those crops that were found so far, others than the lost ones."""
        async with self._lock:
            # Several groups may find the same pictures missing.
            if self.found is None or self.found is lost:
                _, self.found = await self._decoding.crop(self._span)
            return self.found


@dataclass(slots=True, eq=False)
class _Chunk:
    """A chunk that is decoded: its crops so far, in order; how many were taken; and its report, at its end."""

    span: ChunkSpan
    source: _Source
    crops: list[CropMeta] = field(default_factory=list)
    taken: int = 0
    report: ChunkReport | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Pick:
    meta: CropMeta
    source: _Source
    index: int


class Stream:
    """One run over one video, up to and including the stage `until`.

    stitching: whose turn it is to be stitched where the models run on the cores that decode. A core that reads is none
    that decodes, and both take longer side by side (5 % more CPU time at 1080p): what is read waits until one is free.
    """

    def __init__(
        self,
        info: VideoInfo,
        settings: Settings,
        caller: Caller,
        decoding: Decoding,
        *,
        stitching: Queue | None,
        journal: Journal,
        parts: StreamParts,
        until: Stage,
    ) -> None:
        self._info = info
        self._settings = settings
        self._caller = caller
        self._decoding = decoding
        self._stitching = stitching
        self._journal = journal
        self._parts = parts
        self._until = until
        self._covered: tuple[int, ...] = ()
        # Begun, and not yet taken to the end.
        self._chunks: deque[_Chunk] = deque()
        self._queue: list[_Pick] = []
        self._groups: list[asyncio.Task[tuple[CropText, ...]]] = []
        self._result = StreamResult()
        self._metas: list[CropMeta] = []
        self._frames = 0
        self._groups_done = 0
        self._spans = 0

    async def run(self, spans: Sequence[ChunkSpan]) -> StreamResult:
        """Returns what was found. Errors: those of the stages, of Ray and of the GPU client, as ours.

        However it ends, no task or call of it goes on.
        """
        decoding: list[asyncio.Task[None]] = []
        ahead = deque(spans)
        self._spans = len(spans)
        try:
            while ahead or decoding:
                while ahead and self._may_decode(len(decoding)):
                    decoding.append(asyncio.ensure_future(self._decode(self._begin(ahead.popleft()))))
                decoding = await _first_of(decoding, self._groups)
            self._gather(rest=True)
            self._finish_crops()
            texts = await _all_of(self._groups)
        finally:
            await _end([*decoding, *self._groups])
        self._result.texts = tuple(text for group in texts for text in group)
        self._finish_reading()
        return self._result

    def _may_decode(self, decoding: int) -> bool:
        reading = sum(not group.done() for group in self._groups)
        return (
            decoding < self._decoding.asks
            and len(self._chunks) < self._decoding.at_once * CHUNKS_AHEAD
            # Where OCR is slower than decoding, crops would pile up in the object store.
            and reading <= GROUPS_IN_FLIGHT
        )

    def _begin(self, span: ChunkSpan) -> _Chunk:
        chunk = _Chunk(span, _Source(self._decoding, span))
        self._chunks.append(chunk)
        return chunk

    async def _decode(self, chunk: _Chunk) -> None:
        report = self._parts.reports.get(chunk.span.index)
        if report is not None:
            self._result.kept_chunks += 1
            chunk.crops.extend(report.crops)
            self._begin_crops()
        else:
            report = await self._crop(chunk)
        chunk.report = report
        self._take()

    async def _crop(self, chunk: _Chunk) -> ChunkReport:
        def take(metas: Sequence[CropMeta], pictures: Pictures) -> None:
            chunk.crops.extend(metas)
            # Where some were lost already, others are in their place.
            chunk.source.found = chunk.source.found or pictures
            self._take()

        report, _ = await self._decoding.crop(chunk.span, take, self._begin_crops)
        await self._parts.keep_report(report)
        return report

    def _begin_crops(self) -> None:
        """Has the stage begin with its first chunk: until then other videos may be due first."""
        pipeline = self._settings.pipeline
        self._journal.start(Stage.CROP_SUBTITLE_IMAGES, chunks=self._spans, chunk_s=pipeline.chunk_s)

    def _take(self) -> None:
        """Takes what follows on the crops taken so far, and sends off the groups that it fills."""
        while self._chunks:
            chunk = self._chunks[0]
            new = chunk.crops[chunk.taken :]
            for index in uncovered(new, self._covered):
                self._queue.append(_Pick(new[index], chunk.source, chunk.taken + index))
            chunk.taken += len(new)
            self._gather(rest=False)
            if chunk.report is None:
                if new:
                    self._say_decoded(new[-1].end_pts)
                return
            self._leave(chunk.report)
            self._chunks.popleft()

    def _leave(self, report: ChunkReport) -> None:
        _, metas, self._covered = keep_uncovered(report, self._covered)
        self._result.reports.append(report)
        self._metas.extend(metas)
        self._frames += report.frames
        self._say_decoded(report.end_pts, chunk=report.index, crops=len(metas))

    def _say_decoded(self, end_pts: int | None, **facts: Any) -> None:
        done_s = 0.0 if end_pts is None else self._info.seconds(end_pts)
        self._journal.say(
            EventKind.PROGRESS, Stage.CROP_SUBTITLE_IMAGES, done_s=max(0.0, done_s), frames=self._frames, **facts
        )

    def _gather(self, *, rest: bool) -> None:
        """Sends off full groups, and with rest what remains."""
        size = self._settings.pipeline.crops_per_call
        while len(self._queue) >= size or (rest and self._queue):
            group, self._queue = self._queue[:size], self._queue[size:]
            if self._until is not Stage.CROP_SUBTITLE_IMAGES:
                self._groups.append(asyncio.ensure_future(self._read(len(self._groups), group)))

    async def _read(self, number: int, group: list[_Pick]) -> tuple[CropText, ...]:
        self._journal.start(Stage.CREATE_STITCHED_IMAGES, crops_per_call=self._settings.pipeline.crops_per_call)
        metas = tuple(pick.meta for pick in group)
        kept = self._parts.texts(number, metas) if self._until is Stage.PERFORM_OCR else None
        if kept is not None:
            self._journal.start(Stage.PERFORM_OCR)
            self._result.kept_calls += 1
            self._say_read(metas)
            return kept
        pictures = {source: await source.pictures() for source in dict.fromkeys(pick.source for pick in group)}
        for left in range(RECOVERIES, -1, -1):
            try:
                return await self._read_pictures(number, group, pictures)
            except CallError as error:
                if error.code.name != "WORKER_LOST" or not left:
                    raise
                self._journal.say(EventKind.WARNING, message=f"{error.message} Its pictures are made again.")
            pictures = {source: await source.pictures(lost=lost) for source, lost in pictures.items()}
        raise AssertionError("the last attempt returns or raises")

    async def _read_pictures(
        self, number: int, group: Sequence[_Pick], pictures: Mapping[_Source, Pictures]
    ) -> tuple[CropText, ...]:
        crops = [(pick.meta, pictures[pick.source], pick.index) for pick in group]
        async with self._stitching.turn() if self._stitching else contextlib.nullcontext():
            sizes, sheets = tasks.stitch.remote(*to_stitch(crops))
            if self._stitching:
                await result_of(sizes)
        if self._until is Stage.CREATE_STITCHED_IMAGES:
            self._result.sheets += len(await result_of(sizes))
            return ()
        self._journal.start(Stage.PERFORM_OCR)
        reply: Reply = await self._caller.call(CallKind.PERFORM_OCR, str(number), sheets)
        self._result.sheets += len(await result_of(sizes))
        self._result.waited_s += reply.waited_s
        self._result.ran_s += reply.ran_s
        texts: tuple[CropText, ...] = await result_of(tasks.complete.remote(sheets, reply.value))
        await self._parts.keep_texts(number, texts)
        self._say_read([pick.meta for pick in group])
        return texts

    def _say_read(self, metas: Sequence[CropMeta]) -> None:
        self._groups_done += 1
        read_to = max(meta.end_pts for meta in metas)
        self._journal.say(
            EventKind.PROGRESS,
            Stage.PERFORM_OCR,
            done_s=max(0.0, self._info.seconds(read_to)),
            frames=self._frames,
            calls=self._groups_done,
        )

    def _finish_crops(self) -> None:
        reports = self._result.reports
        self._result.crops = tuple(self._metas)
        self._journal.finish(
            Stage.CROP_SUBTITLE_IMAGES,
            crops=len(self._metas),
            chunks=len(reports),
            kept_chunks=self._result.kept_chunks,
            frames=sum(report.frames for report in reports),
            corrupt_packets=sum(report.corrupt_packets for report in reports),
            decoder="+".join(sorted({report.decoder for report in reports if report.frames})) or None,
            runs_on=self._decoding.runs_on,
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
                kept_calls=self._result.kept_calls,
                lines=sum(len(text.lines) for text in self._result.texts),
                recognised=sum(text.recognised for text in self._result.texts),
                waited_s=round(self._result.waited_s, 3),
                device_s=round(self._result.ran_s, 3),
            )


async def _first_of(
    decoding: Sequence[asyncio.Task[None]], groups: Sequence[asyncio.Task[Any]]
) -> list[asyncio.Task[None]]:
    """Returns what is decoded still when one more of them has ended, and raises if it failed."""
    for task in (*decoding, *groups):
        if task.done():
            task.result()
    waiting = [task for task in (*decoding, *groups) if not task.done()]
    if waiting:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    return [task for task in decoding if not task.done()]


async def _all_of(groups: Sequence[asyncio.Task[tuple[CropText, ...]]]) -> list[tuple[CropText, ...]]:
    """Returns every result in order, and raises as soon as one failed."""
    return list(await asyncio.gather(*groups))


async def _end(unfinished: Sequence[asyncio.Task[Any]]) -> None:
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
