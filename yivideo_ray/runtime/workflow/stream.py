"""Stages 3 to 5 of one workflow, chunk by chunk and overlapping: decode, stitch, read.

Chunks are decoded in parallel, and their crops taken in order: those of the first chunk that is not done yet as they
are found, so that they are read while it is decoded. Crops are gathered into groups of a fixed number across chunk
boundaries, so that what one OCR call sees does not depend on the chunks' length. Pixels go from task to task through
the object store; this process sees only reports. Those, and the texts, are kept as they come: a chunk that an earlier
run reported on is decoded again only if its pictures are needed once more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError
from yivideo_ray.journal import ChunkLog
from yivideo_ray.pipeline import Readings
from yivideo_ray.runtime.gpu.calls import CallKind, Reply
from yivideo_ray.runtime.gpu.client import Caller
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.checkpoint import KeptChunks
from yivideo_ray.runtime.workflow.decoding import Decoding, Pictures, result_of
from yivideo_ray.runtime.workflow.scheduling import Queue
from yivideo_ray.stages.crop_subtitle_images import CropGroups, GroupedCrop
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, CropText, Stage, VideoInfo

__all__ = ["Stream"]

# Groups that may be between their crops' decoding and their texts: enough to keep the device busy, few enough for
# memory, and for the mailbox to hold dozens of workflows.
GROUPS_IN_FLIGHT = 4
# Chunks begun, as a multiple of those that are decoded at a time: some may wait for a slower one before them.
CHUNKS_AHEAD = 2
# How often a group whose pictures were lost with a node has them made again.
RECOVERIES = 3


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


class Stream:
    """One run over one video, up to and including the stage `until`.

    reading: whose turn it is to be read. core: whose turn it is to have a core, where the models run on those that
    decode (else None): a core that reads is none that decodes, and both take longer side by side (5 % more CPU time at
    1080p).
    """

    def __init__(
        self,
        info: VideoInfo,
        settings: Settings,
        caller: Caller,
        decoding: Decoding,
        *,
        reading: Queue,
        core: Queue | None,
        log: ChunkLog,
        kept: KeptChunks,
        until: Stage,
    ) -> None:
        self._info = info
        self._caller = caller
        self._decoding = decoding
        self._reading = reading
        self._core = core
        self._log = log
        self._kept = kept
        self._until = until
        # Begun, and not yet taken to the end.
        self._chunks: deque[_Chunk] = deque()
        self._crops: CropGroups[_Source] = CropGroups(settings.pipeline.crops_per_call)
        self._groups: list[asyncio.Task[tuple[CropText, ...]]] = []
        self._reports: list[ChunkReport] = []
        self._spans: tuple[ChunkSpan, ...] = ()

    async def run(self, spans: Sequence[ChunkSpan]) -> Readings:
        """Returns what was found. Errors: those of the stages, of Ray and of the GPU client, as ours.

        However it ends, no task or call of it goes on.
        """
        decoding: list[asyncio.Task[None]] = []
        ahead = deque(spans)
        self._spans = tuple(spans)
        try:
            while ahead or decoding:
                while ahead and self._may_decode(len(decoding)):
                    decoding.append(asyncio.ensure_future(self._decode(self._begin(ahead.popleft()))))
                decoding = await _first_of(decoding, self._groups)
            self._send(rest=True)
            self._log.finish_crops()
            texts = await asyncio.gather(*self._groups)
        finally:
            await _end([*decoding, *self._groups])
        self._log.finish_reading()
        return Readings(tuple(self._crops.metas), tuple(chain.from_iterable(texts)), self._spans, tuple(self._reports))

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
        report = self._kept.reports.get(chunk.span.index)
        if report is not None:
            self._log.keep_chunk()
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
        if report.gpu_fault:
            self._log.warn_of_decoder(report.gpu_fault)
        await self._kept.keep_report(report)
        return report

    def _begin_crops(self) -> None:
        """Has the stage begin with its first chunk: until then other videos may be due first."""
        self._log.begin(len(self._spans))

    def _take(self) -> None:
        """Takes what follows on the crops taken so far, and sends off the groups that it fills."""
        while self._chunks:
            chunk = self._chunks[0]
            new = chunk.crops[chunk.taken :]
            self._crops.take(new, chunk.source)
            chunk.taken += len(new)
            self._send(rest=False)
            if chunk.report is None:
                if new:
                    self._log.emit_decoded(new[-1].end_pts)
                return
            self._reports.append(chunk.report)
            self._log.end_chunk(chunk.report, len(self._crops.end_chunk(chunk.report)))
            self._chunks.popleft()

    def _send(self, *, rest: bool) -> None:
        """Sends off full groups, and with rest what remains."""
        for group in self._crops.full(rest=rest):
            if self._until is not Stage.CROP_SUBTITLE_IMAGES:
                self._groups.append(asyncio.ensure_future(self._read(len(self._groups), group)))

    async def _read(self, number: int, group: list[GroupedCrop[_Source]]) -> tuple[CropText, ...]:
        reads = self._until is Stage.PERFORM_OCR
        metas = tuple(crop.meta for crop in group)
        kept = self._kept.texts(number, metas) if reads else None
        if kept is not None:
            self._log.begin_group(reading=reads)
            self._log.end_group(metas, kept, kept=True)
            return kept
        pictures = {source: await source.pictures() for source in dict.fromkeys(crop.source for crop in group)}
        for left in range(RECOVERIES, -1, -1):
            try:
                return await self._read_pictures(number, group, pictures)
            except CallError as error:
                if error.code.name != "WORKER_LOST" or not left:
                    raise
                self._log.warn_of_loss(error)
            pictures = {source: await source.pictures(lost=lost) for source, lost in pictures.items()}
        raise AssertionError("the last attempt returns or raises")

    async def _read_pictures(
        self, number: int, group: Sequence[GroupedCrop[_Source]], pictures: Mapping[_Source, Pictures]
    ) -> tuple[CropText, ...]:
        metas = [crop.meta for crop in group]
        crops = tasks.to_stitch((crop.meta, *pictures[crop.source].at(crop.index)) for crop in group)
        async with self._reading.turn():
            if self._core is not None:
                # It is given back at once: while the device works, nothing else of the group does.
                async with self._core.turn():
                    pass
            self._log.begin_group(reading=self._until is Stage.PERFORM_OCR)
            if self._until is Stage.CREATE_STITCHED_IMAGES:
                sizes, _ = tasks.stitch.remote(*crops)
                self._log.end_group(metas, sheets=len(await result_of(sizes)))
                return ()
            reply: Reply = await self._caller.call(
                CallKind.PERFORM_OCR,
                str(number),
                lambda actor, ticket: tasks.read.remote(actor, ticket, *crops),
            )
        self._log.check_engine(reply.engine)
        sheets, texts = reply.value
        await self._kept.keep_texts(number, texts)
        self._log.end_group(metas, texts, sheets=sheets, waited_s=reply.waited_s, device_s=reply.ran_s)
        found: tuple[CropText, ...] = texts
        return found


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


async def _end(unfinished: Sequence[asyncio.Task[Any]]) -> None:
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)
