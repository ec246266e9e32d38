"""One workflow: a video through its chain of stages. It holds no pixels and computes nothing itself."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, YivideoError
from yivideo_ray.jobs import EventKind, Job, Outcome, Priority
from yivideo_ray.media import plan_even_chunks
from yivideo_ray.runtime.cluster import Cluster, cpus_now
from yivideo_ray.runtime.gpu.calls import CallKind, Reply
from yivideo_ray.runtime.gpu.client import Caller, GpuClient
from yivideo_ray.runtime.gpu.pool import ActorPool
from yivideo_ray.runtime.workflow import tasks
from yivideo_ray.runtime.workflow.checkpoint import (
    Checkpoint,
    FoundArea,
    StreamParts,
    area_basis,
    chunk_basis,
    persist,
    text_basis,
)
from yivideo_ray.runtime.workflow.completeness import Completeness, completeness
from yivideo_ray.runtime.workflow.decoding import DecodeSite, Decoding, decode_site, result_of
from yivideo_ray.runtime.workflow.journal import Journal
from yivideo_ray.runtime.workflow.local import LocalWorkflow
from yivideo_ray.runtime.workflow.plan import Plan
from yivideo_ray.runtime.workflow.scheduling import DeadlineScheduler, due_at
from yivideo_ray.runtime.workflow.stream import Stream, StreamResult
from yivideo_ray.stages.detect_subtitle_area import is_conclusive
from yivideo_ray.storage.database import Database
from yivideo_ray.types import ChunkSpan, CropMeta, CropText, Cue, Stage, SubtitleArea, VideoInfo

__all__ = ["Tools", "Workflow"]

FIRST_STAGES = (Stage.EXTRACT_KEYFRAMES, Stage.DETECT_SUBTITLE_AREA)
# Sampling takes a second or two on one core, and every part opens the file and looks for its key frames.
_MOST_PARTS = 4
STREAM_STAGES = (Stage.CROP_SUBTITLE_IMAGES, Stage.CREATE_STITCHED_IMAGES, Stage.PERFORM_OCR)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the workflows of one session share."""

    settings: Settings
    cluster: Cluster
    pool: ActorPool
    gpu: GpuClient
    turns: DeadlineScheduler
    database: Database


class Workflow(LocalWorkflow):
    """One run of a job, of any of its stages. What it finds is kept as it comes; what an earlier one kept is not done
    again. settings are the job's own (None: those of the tools, by which the GPU actor runs in any case). begun: since
    when it is at work, by time.monotonic() (None: now). due: when it should be done, by the same clock."""

    def __init__(
        self,
        job: Job,
        info: VideoInfo,
        journal: Journal,
        tools: Tools,
        *,
        settings: Settings | None = None,
        begun: float | None = None,
    ) -> None:
        super().__init__(job, info, journal, settings or tools.settings)
        self._tools = tools
        urgent = tools.settings.gpu_lock.enable_priority_queue and job.priority is Priority.INTERACTIVE
        self.due = due_at(time.monotonic() if begun is None else begun, info.duration_s, urgent=urgent)
        self._checkpoint = Checkpoint(tools.database, journal.workflow_id)
        self._caller = Caller(tools.gpu, journal.workflow_id, job.priority, self._on_retry)
        # What the GPU actor's process can decode with; None until its engine has been met.
        self._actor_decodes: str | None = None

    async def _stages(self, todo: Plan) -> None:
        if Stage.DETECT_SUBTITLE_AREA in todo.run:
            await self._find_area()
            self._journal.enter(self._record)
        elif Stage.EXTRACT_KEYFRAMES in todo.run:
            await self._extract(quick=False)
        streamed = [stage for stage in STREAM_STAGES if stage in todo.run]
        if streamed:
            await self._stream(streamed[-1])
        if Stage.POSTPROCESS_AND_FINALIZE in todo.run:
            await self._finalize()

    async def _conclude(self) -> Outcome:
        outcome = await super()._conclude()
        if self._job.workflow_id is None:
            # Run again, it is to be done again. A named workflow's parts stay as long as it does.
            await persist(self._checkpoint.clear)
        return outcome

    async def _find_area(self) -> None:
        basis = area_basis(self._info, self._settings)
        kept = await asyncio.to_thread(self._checkpoint.area, basis)
        if kept is not None:
            self._record.area = kept.area
            for stage, record in kept.stages.items():
                self._journal.keep(stage, record)
            await self._meet_engine()
            return
        frames, full = await self._extract(quick=True)
        area = await self._detect(frames)
        if not full and not is_conclusive(area):
            frames, _ = await self._extract(quick=False)
            area = await self._detect(frames)
        self._record.area = area
        made = {stage: self._journal.stages[stage] for stage in FIRST_STAGES}
        found = FoundArea(self._record.area, made)
        await persist(lambda: self._checkpoint.keep_area(basis, found))

    async def _extract(self, *, quick: bool) -> tuple[Sequence[Any], bool]:
        """Returns refs of the parts of the sampled frames, in order, and whether the look was full."""
        detector = self._settings.area_detector
        self._journal.begin(Stage.EXTRACT_KEYFRAMES, samples=detector.samples, frame_side_px=detector.frame_side_px)
        count = min(_MOST_PARTS, self._tools.cluster.cpus)
        parts = [tasks.extract.remote(self._info, self._settings, (index, count), quick) for index in range(count)]
        looks = [await result_of(look) for look, _ in parts]
        found = [time for pts, _ in looks for time in pts]
        full = all(one for _, one in looks)
        self._journal.finish(Stage.EXTRACT_KEYFRAMES, frames=len(found), thorough=full, pts=found)
        return [frames for _, frames in parts], full

    async def _detect(self, parts: Sequence[Any]) -> SubtitleArea:
        detector = self._settings.area_detector
        self._journal.begin(Stage.DETECT_SUBTITLE_AREA, **detector.model_dump(mode="json"))
        await self._meet_engine()
        reply: Reply = await self._caller.call(CallKind.DETECT_SUBTITLE_AREA, "area", self._info, detector, *parts)
        area: SubtitleArea = reply.value
        self._journal.finish(
            Stage.DETECT_SUBTITLE_AREA,
            bands=[{"name": band.name, "box": list(_corners(band.box))} for band in area.bands],
            rejected=len(area.rejected),
            waited_s=round(reply.waited_s, 3),
            device_s=round(reply.ran_s, 3),
        )
        return area

    async def _meet_engine(self) -> None:
        """Learns what runs the models, and says so where that is less than what was hoped for."""
        facts, self._actor_decodes = await self._caller.ready()
        self._record.engine = facts
        self._journal.say(
            EventKind.PROGRESS, message=f"The models run on {facts.device} ({facts.provider}).", engine=facts.as_dict()
        )
        if self._settings.gpu.device == "auto" and facts.device == "cpu":
            why = f"the engine offers {facts.provider} only" if self._tools.pool.on_gpu else "the cluster has no GPU"
            self._journal.warn(f"The models run on the CPU: {why}.")

    async def _stream(self, until: Stage) -> None:
        area = self._record.area
        assert area is not None, "the plan provides an area before the stages that need one"
        stages = STREAM_STAGES[: STREAM_STAGES.index(until) + 1]
        if self._actor_decodes is None and (until is Stage.PERFORM_OCR or self._may_decode_in_actor()):
            await self._meet_engine()
        found = StreamResult()
        if area.bands:
            pipeline = self._settings.pipeline
            cpus = await asyncio.to_thread(cpus_now, self._tools.cluster)
            # One more than can run: no core waits for this process, and an autoscaler sees that there is more to do.
            # Where a CPU is to spare, that would take it.
            self._tools.turns.resize(cpus if self._tools.cluster.has_spare else cpus + 1)
            in_flight = pipeline.chunks_in_flight or cpus
            spans = await asyncio.to_thread(
                plan_even_chunks, self._info, pipeline.chunk_s, in_flight, self._settings.decoder
            )
            place = decode_site(self._settings.decoder, self._actor_decodes or "cpu")
            parts = await self._parts(area, spans, place)
            # First: it goes before the video's own chunks.
            stitching = self._tools.turns.share(self.due, cpus)
            decoding = self._tools.turns.share(self.due, in_flight)
            found = await Stream(
                self._info,
                self._settings,
                self._caller,
                Decoding(self._info, area, place, self._caller, decoding),
                stitching=stitching if self._reads_on_cores() else None,
                journal=self._journal,
                parts=parts,
                until=until,
            ).run(spans)
            self._judge(found, completeness(self._info, spans, found.reports))
        else:
            for stage in stages:
                self._journal.finish(stage, crops=0)
        self._record.crops, self._record.crops_area = found.crops, area
        if until is Stage.PERFORM_OCR:
            self._record.texts = found.texts
        self._record.save_readings()
        self._journal.enter(self._record)

    async def _parts(self, area: SubtitleArea, spans: Sequence[ChunkSpan], place: DecodeSite) -> StreamParts:
        chunks = chunk_basis(self._info, area, spans, place.runs_on, place.decoder)
        parts = StreamParts(self._checkpoint, chunks, text_basis(chunks, self._record.engine, self._settings))
        await parts.load()
        if parts.reports:
            self._journal.say(
                EventKind.PROGRESS,
                message=f"Goes on: {len(parts.reports)} chunks and {parts.calls} calls to the GPU were done before.",
            )
        return parts

    def _reads_on_cores(self) -> bool:
        return self._record.engine is not None and self._record.engine.device == "cpu"

    def _may_decode_in_actor(self) -> bool:
        decoder = self._settings.decoder
        return (
            decoder.runs_on == "actor"
            or decoder.backend == "cuda"
            or (self._tools.pool.on_gpu and decoder.backend == "auto" and decoder.runs_on == "auto")
        )

    def _judge(self, found: StreamResult, whole: Completeness) -> None:
        self._record.decoded_s = whole.decoded_s
        if not any(report.frames for report in found.reports):
            raise InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")
        if not whole.reasons:
            return
        sentence = f"The video is damaged or not complete: {', and '.join(whole.reasons)}."
        facts: dict[str, Any] = {"decoded_s": whole.decoded_s, "expected_s": whole.expected_s}
        if self._settings.decoder.strict:
            raise InputError(sentence, code="INPUT_CORRUPT", **facts)
        self._record.partial = True
        self._journal.warn(sentence, **facts)

    async def _build_cues(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Cue, ...]:
        made = tasks.finalize.remote(self._info, area, crops, texts, self._settings.postprocessor)
        # The task has a copy. This one's pages are free once a collection has emptied Python's lists of free blocks.
        del crops, texts
        gc.collect()
        cues: tuple[Cue, ...] = await result_of(made)
        return cues

    def _on_retry(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self._journal.say(
            EventKind.WARNING,
            message=f"Attempt {attempt} of a call to the GPU failed: {error.message} "
            f"Another follows within {wait_s:.0f} s.",
            code=error.code.name,
            attempt=attempt,
        )


def _corners(box: Any) -> tuple[int, int, int, int]:
    return box.x0, box.y0, box.x1, box.y1
