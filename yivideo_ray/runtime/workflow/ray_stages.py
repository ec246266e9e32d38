"""The stages of one video on Ray: tasks on the CPUs of a cluster, around the GPU actor that has the models."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.jobs import EventKind, Job, Priority
from yivideo_ray.journal import ChunkLog, Journal
from yivideo_ray.media import plan_even_chunks
from yivideo_ray.pipeline import Readings
from yivideo_ray.runtime.cluster import Cluster, cpus_now, no_gpu
from yivideo_ray.runtime.gpu.batching import calls_together
from yivideo_ray.runtime.gpu.calls import CallKind, Reply
from yivideo_ray.runtime.gpu.client import Caller, GpuClient
from yivideo_ray.runtime.gpu.decoders import GpuDecoders, wants_gpu
from yivideo_ray.runtime.gpu.pool import ActorPool
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.checkpoint import Book, ChunkPlan, KeptChunks, chunk_basis, persist, text_basis
from yivideo_ray.runtime.workflow.decoding import DecodeSite, Decoding, decode_site, gpu_refusal, result_of
from yivideo_ray.runtime.workflow.scheduling import DeadlineScheduler, due_at
from yivideo_ray.runtime.workflow.stream import Stream
from yivideo_ray.storage.database import Database
from yivideo_ray.types import CropMeta, CropText, EngineFacts, Layer, Stage, SubtitleArea, VideoInfo

__all__ = ["RayStages", "Tools"]

# Sampling takes a second or two on one core, and every part opens the file and looks for its key frames.
_MOST_PARTS = 4


@dataclass(frozen=True, slots=True)
class Tools:
    """What the workflows of one session share. decoding: who has a core next; gpu_decoding: who has a GPU's decoder
    next; reading: whose crops are read next."""

    settings: Settings
    cluster: Cluster
    pool: ActorPool
    gpu: GpuClient
    decoders: GpuDecoders
    decoding: DeadlineScheduler
    gpu_decoding: DeadlineScheduler
    reading: DeadlineScheduler
    database: Database


class RayStages:
    """A pipeline.StageRunner. What it reads is kept in the book as it comes, and what the book holds is not done again.

    settings are the workflow's own; the GPU actor runs by those of the tools. trusts_chunks: the chunks of the book
    count whatever the settings are. begun: since when the workflow is at work, by time.monotonic() (None: now). due:
    when it should be done, by the same clock.
    """

    def __init__(
        self,
        job: Job,
        info: VideoInfo,
        journal: Journal,
        book: Book,
        *,
        tools: Tools,
        settings: Settings,
        begun: float | None = None,
    ) -> None:
        self.engine: EngineFacts | None = None
        self._info = info
        self._journal = journal
        self._book = book
        self._tools = tools
        self._settings = settings
        urgent = tools.settings.gpu_lock.enable_priority_queue and job.priority is Priority.INTERACTIVE
        self.due = due_at(time.monotonic() if begun is None else begun, info.duration_s, urgent=urgent)
        self._trusts_chunks = job.start_at in (Stage.CREATE_STITCHED_IMAGES, Stage.PERFORM_OCR)
        self._caller = Caller(tools.gpu, journal.workflow_id, job.priority, self._on_retry)

    async def extract_keyframes(self, *, quick: bool) -> tuple[Sequence[tuple[tasks.Look, Any]], bool]:
        """Returns the parts of the sampled frames, in order, each with the ref of its pictures, and whether the look
        was full."""
        self._journal.begin_extraction(self._settings.area_detector)
        count = min(_MOST_PARTS, self._tools.cluster.cpus)
        parts = [tasks.extract.remote(self._info, self._settings, (index, count), quick) for index in range(count)]
        looks: list[tasks.Look] = [await result_of(look) for look, _ in parts]
        full = all(look.full for look in looks)
        self._journal.finish_extraction(
            [pts for look in looks for pts in look.pts],
            full=full,
            holes=max(look.holes for look in looks),
            corrupt_packets=sum(look.corrupt_packets for look in looks),
        )
        return [(look, pictures) for look, (_, pictures) in zip(looks, parts, strict=True)], full

    async def detect_subtitle_area(self, frames: Sequence[tuple[tasks.Look, Any]]) -> SubtitleArea:
        detector = self._settings.area_detector
        self._journal.begin_detection(detector)
        await self._await_engine()
        reply: Reply = await self._caller.call(
            CallKind.DETECT_SUBTITLE_AREA,
            "area",
            lambda actor, ticket: tasks.find_area.remote(actor, ticket, self._info, detector, frames),
        )
        area: SubtitleArea = reply.value
        self._journal.check_engine(self.engine, reply.engine)
        self._journal.finish_detection(area, waited_s=reply.waited_s, device_s=reply.ran_s)
        return area

    async def read_crops(self, area: SubtitleArea, until: Stage) -> Readings:
        wanted = wants_gpu(self._settings.decoder, self._tools.settings.gpu)
        if self.engine is None and (until is Stage.PERFORM_OCR or wanted):
            await self._await_engine()
        pipeline = self._settings.pipeline
        cpus = await asyncio.to_thread(cpus_now, self._tools.cluster)
        # One more than can run: no core waits for this process, and an autoscaler sees that there is more to do. Where
        # a CPU is to spare, that would take it.
        self._tools.decoding.resize(cpus if self._tools.cluster.has_spare else cpus + 1)
        site = await self._decode_site(wanted)
        turns = self._tools.gpu_decoding if site.on_gpu else self._tools.decoding
        in_flight = pipeline.chunks_in_flight or cpus
        if site.on_gpu:
            in_flight = min(in_flight, turns.room)
        basis, plan = await self._plan(area, chunk_basis(self._info, area, site.decoder), in_flight)
        kept = KeptChunks(self._book, basis, text_basis(basis, self.engine, self._settings))
        await kept.load()
        if kept.reports:
            self._journal.emit(
                EventKind.PROGRESS,
                message=f"Goes on: {len(kept.reports)} chunks and {kept.calls} calls to the GPU were done before.",
            )
        # First: it goes before the video's own chunks.
        core = self._tools.decoding.share(self.due, cpus) if self._reads_on_cores() else None
        share = turns.share(self.due, in_flight)
        limit_s = self._tools.settings.gpu_lock.lock_timeout
        return await Stream(
            self._info,
            self._settings,
            self._caller,
            Decoding(self._info, plan.area, site, share, decoders=self._tools.decoders, limit_s=limit_s),
            reading=self._tools.reading.share(self.due, cpus),
            core=core,
            log=ChunkLog(self._journal, self._info, pipeline, until, self.engine),
            kept=kept,
            until=until,
        ).run(plan.spans)

    async def find_layers(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Layer, ...]:
        made = tasks.finalize.remote(self._info, area, crops, texts, self._settings.postprocessor)
        # The task has a copy. This one's pages are free once a collection has emptied Python's lists of free blocks.
        del crops, texts
        gc.collect()
        layers: tuple[Layer, ...] = await result_of(made)
        return layers

    async def _plan(self, area: SubtitleArea, basis: str, at_once: int) -> tuple[str, ChunkPlan]:
        """Returns how the video is cut, as an earlier run had it where that counts, and the fingerprint of the
        reports."""
        kept = await asyncio.to_thread(self._book.chunks, None if self._trusts_chunks else basis)
        if kept is not None:
            return kept
        # Reads the video, whose server or disk may not answer.
        spans = await AbandonableThreads("plan", 1).run(
            plan_even_chunks, self._info, self._settings.pipeline.chunk_s, at_once, self._settings.decoder
        )
        plan = ChunkPlan(area, spans)
        await persist(lambda: self._book.begin_chunks(basis, plan))
        return basis, plan

    async def _await_engine(self) -> None:
        """Learns what runs the models, and tells where that is less than what was hoped for."""
        self.engine = facts = await self._caller.ready()
        on_gpu = self._tools.pool.on_gpu
        why = f"the engine offers {facts.provider} only" if on_gpu else no_gpu(self._tools.cluster)
        self._journal.emit_engine(facts, self._settings.gpu, why)
        # One group is prepared for each that a GPU works on. Where the models run on the cores that would prepare it,
        # nothing is gained, and it takes a worker's memory (130 MB of 1,380 on two cores).
        groups_each = 1 if self._reads_on_cores() else 2
        self._tools.reading.resize(groups_each * calls_together(self._tools.settings.gpu, facts))

    def _reads_on_cores(self) -> bool:
        return self.engine is not None and self.engine.device == "cpu"

    async def _decode_site(self, wants: bool) -> DecodeSite:
        """Returns where the video is decoded; tells of a GPU that was to do it and doesn't. Errors: as decode_site."""
        decoders = self._tools.decoders
        refusal = await gpu_refusal(decoders, self._info, self._settings) if wants else None
        site = decode_site(self._settings.decoder, refusal)
        if refusal:
            self._journal.warn_of_decoder(refusal)
        if site.on_gpu:
            self._tools.gpu_decoding.resize(max(1, await decoders.find()))
        return site

    def _on_retry(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self._journal.emit(
            EventKind.WARNING,
            message=f"Attempt {attempt} of a call to the GPU failed: {error.message} "
            f"Another follows within {wait_s:.0f} s.",
            code=error.code.name,
            attempt=attempt,
        )
