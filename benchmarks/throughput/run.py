"""Workflows of the throughput benchmark: recording a video's OCR, batches, and what the machine did meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.instruments.usage import cpu_use, gpu_use
from benchmarks.instruments.videos import find_area
from benchmarks.throughput.locks import GlobalLock, HandedOver, Polled
from benchmarks.throughput.score import Batch
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.journal import Journal
from yivideo_ray.media import plan_chunks, probe
from yivideo_ray.ocr import create_engine
from yivideo_ray.ocr.testing.recording import Recorder
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.client import GpuClient
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.crop_subtitle_images import crop_subtitle_images, keep_uncovered
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.types import Crop, Stage

if TYPE_CHECKING:
    from yivideo_ray.runtime.gpu.link import Begin
    from yivideo_ray.runtime.workflow.ray_stages import Tools
from benchmarks.instruments.videos import copies

__all__ = ["CPU_STAGES", "MODES", "Ran", "copies", "record", "run_batch"]

CONCURRENT, IDEAL, POLLED = MODES = ("concurrent", "serialized, ideal lock", "serialized, polled lock")
CPU_STAGES = (
    Stage.EXTRACT_KEYFRAMES,
    Stage.CROP_SUBTITLE_IMAGES,
    Stage.CREATE_STITCHED_IMAGES,
    Stage.POSTPROCESS_AND_FINALIZE,
)


@dataclass(frozen=True, slots=True)
class Ran:
    """A batch, the subtitle files of its workflows, and how long each stage held the lock, if there was one."""

    batch: Batch
    subtitles: tuple[bytes, ...]
    held_s: dict[Stage, float]


def record(video: Path, settings: Settings, path: Path) -> float:
    """Runs the stages on a video in this process, writes what the engine answered to path, and returns the seconds
    that it took for all answers together. Errors: those of the stages and of the engine."""
    bare = create_engine(settings)
    bare.load()
    info = probe(video, settings.decoder)
    # An engine's first calls take longer than those that a workflow in a running system meets.
    find_area(info, settings, bare)
    engine = Recorder(bare)
    area = find_area(info, settings, engine)
    crops: list[Crop] = []
    covered: tuple[int, ...] = ()
    for span in plan_chunks(info, settings.pipeline.chunk_s):
        report, images = crop_subtitle_images(info, span, area, settings.decoder)
        indexes, metas, covered = keep_uncovered(report, covered)
        crops.extend(Crop(meta, images[index]) for index, meta in zip(indexes, metas, strict=True))
    size = settings.pipeline.crops_per_call
    for start in range(0, len(crops), size):
        perform_ocr(create_stitched_images(crops[start : start + size]), engine)
    engine.save(path)
    engine.close()
    return engine.device_s


async def run_batch(tools: Tools, engine: str, mode: str, videos: Sequence[Path]) -> Ran:
    """Runs one workflow per video, all begun at once. Errors: those of the first workflow that fails."""
    # Only now: they import ray, whose environment must be set first.
    from benchmarks.throughput.serialized import SerializedStages
    from yivideo_ray.runtime.workflow.checkpoint import Book
    from yivideo_ray.runtime.workflow.ray_stages import RayStages
    from yivideo_ray.runtime.workflow.workflow import Workflow

    watched = _Watched(tools.pool)
    tools = replace(tools, gpu=GpuClient(watched, tools.settings.gpu_lock))
    lock = GlobalLock(Polled() if mode == POLLED else HandedOver())
    begun = time.monotonic()

    async def run(video: Path) -> tuple[float, float, Outcome]:
        info = await asyncio.to_thread(probe, video, tools.settings.decoder)
        journal = Journal(workflow_id(info), str(video), info.duration_s, _ignore)
        job, book = Job(video, again=True), Book(tools.database, journal.workflow_id)
        stages: RayStages
        waits: list[float] = []
        if mode == CONCURRENT:
            stages = RayStages(job, info, journal, book, tools=tools, settings=tools.settings)
        else:
            stages = serialized = SerializedStages(
                job, info, journal, book, tools=tools, settings=tools.settings, lock=lock
            )
            waits = serialized.waits
        outcome = await Workflow(job, info, journal, book, stages=stages, settings=tools.settings).run()
        return time.monotonic() - begun, sum(waits) + watched.waited_s.get(journal.workflow_id, 0.0), outcome

    with cpu_use() as use, gpu_use() as gpu:
        ended = await asyncio.gather(*(run(video) for video in videos))
    batch = Batch(
        engine,
        mode,
        completions_s=tuple(seconds for seconds, _, _ in ended),
        device=tuple((start - begun, end - begun) for start, end in watched.held),
        waited_s=tuple(waited for _, waited, _ in ended),
        cpu_s=use.own_s,
        others_s=use.others_s,
        gpu_busy=gpu.busy,
    )
    subtitles = tuple(path.read_bytes() for _, _, outcome in ended for path in outcome.outputs if path.suffix == ".srt")
    return Ran(batch, subtitles, lock.held_s)


class _Watched:
    """Passes calls on to the actors, and notes down when each held the device."""

    def __init__(self, link: Any) -> None:
        self.held: list[tuple[float, float]] = []
        self.waited_s: dict[str, float] = {}
        self.ready: Callable[[], Any] = link.ready
        self.is_back: Callable[[], Any] = link.is_back
        self._link = link

    async def send(self, ticket: Ticket, begin: Begin) -> Reply:
        reply: Reply = await self._link.send(ticket, begin)
        # The actor's clock is this process' own: they run on one machine.
        self.held.extend(reply.held)
        self.waited_s[ticket.workflow_id] = self.waited_s.get(ticket.workflow_id, 0.0) + reply.waited_s
        return reply


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""
