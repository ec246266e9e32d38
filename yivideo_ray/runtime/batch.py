"""A batch: several jobs at once, each from its probe to its outcome; Ray starts when the first of them needs it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import InternalError, YivideoError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.jobs import EventKind, Job, Outcome
from yivideo_ray.journal import Journal, OnEvent, OnStage
from yivideo_ray.locations import is_address
from yivideo_ray.media import probe
from yivideo_ray.ocr import load_engine
from yivideo_ray.pipeline import InProcess, StageRunner
from yivideo_ray.progress import ending_sentence
from yivideo_ray.runtime.workflow.chain import check_chain
from yivideo_ray.runtime.workflow.outputs import output_path, possible_outputs, require_writable
from yivideo_ray.runtime.workflow.scheduling import DeadlineScheduler, workflows_at_once
from yivideo_ray.types import Stage, VideoInfo

if TYPE_CHECKING:
    from yivideo_ray.runtime.session import Session
    from yivideo_ray.runtime.workflow.checkpoint import Book
    from yivideo_ray.runtime.workflow.ray_stages import Tools

__all__ = ["Batch", "workflow_id"]


def _name_of(job: Job) -> str:
    """Returns a name for work on a file that may not even exist."""
    return hashlib.sha256(str(job.video).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def workflow_id(info: VideoInfo) -> str:
    """Returns the name of the work on this very file: other content, size or place is other work."""
    size_bytes, changed = info.identity
    facts = f"{info.path if is_address(info.path) else Path(info.path).resolve()}\0{size_bytes}\0{changed}"
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Batch:
    """Jobs that are worked on together: one call of Session.run."""

    def __init__(self, session: Session, on_event: OnEvent, settings: Settings, on_stage: OnStage | None) -> None:
        self._session = session
        self._settings = settings
        self._on_event = on_event
        self._on_stage = on_stage
        self._tools: asyncio.Task[Tools] | None = None
        self._room: DeadlineScheduler | None = None
        self._warm_up: asyncio.Future[Any] | None = None
        # A record of hours takes some 10 MB in memory, and one core.
        self._room_here = asyncio.Semaphore(os.cpu_count() or 1)
        # A server or a disk that doesn't answer holds a probe for minutes, and nothing else.
        self._probes = AbandonableThreads("probes", (os.cpu_count() or 1) + 4)

    async def job(self, job: Job) -> Outcome:
        # Probes end in any order; whose turn it is goes by that in which the jobs were given.
        begun = time.monotonic()
        name = job.workflow_id or _name_of(job)
        journal = Journal(name, str(job.video), None, self._on_event)
        failed = Outcome(name, job.video, ())
        try:
            info = await self._probes.run(self._admit, job)
            name = job.workflow_id or workflow_id(info)
            journal = Journal(name, str(job.video), info.duration_s, self._on_event, self._on_stage)
            failed = replace(failed, workflow_id=journal.workflow_id, info=info)
            journal.emit(EventKind.WORKFLOW_STARTED)
            for warning in info.warnings:
                journal.warn(warning)
            outcome = await self._work(job, info, journal, begun)
        except YivideoError as error:
            outcome = self._failed(error, failed, journal)
        except Exception as error:
            outcome = self._failed(error, failed, journal)
        self._emit_end(outcome, journal)
        return outcome

    async def settle(self) -> None:
        """Waits for the start of Ray, which can't be interrupted, and ends the warm-up."""
        if self._warm_up is not None:
            self._warm_up.cancel()
        await asyncio.gather(*(task for task in (self._tools, self._warm_up) if task), return_exceptions=True)

    def _admit(self, job: Job) -> VideoInfo:
        """Returns the facts of a video that may be worked on. Errors: InputError, OutputError, ConfigError."""
        info = probe(job.video, self._settings.decoder, self._settings.storage.allowed_urls)
        require_writable(output_path(job, ".json").parent)
        check_chain(job.chain, job.start_at)
        return info

    async def _work(self, job: Job, info: VideoInfo, journal: Journal, begun: float) -> Outcome:
        done = await asyncio.to_thread(self._done_before, job, info, journal)
        if done is not None:
            return done
        if job.start_at is not None:
            # Told before Ray starts.
            book = await asyncio.to_thread(self._book, journal)
            await asyncio.to_thread(book.require, job.start_at)
        if job.start_at is Stage.POSTPROCESS_AND_FINALIZE or await asyncio.to_thread(self._is_read, job, info, journal):
            stages = InProcess(info, self._settings, journal, partial(load_engine, self._settings))
            async with self._room_here:
                return await self._workflow(job, info, journal, stages)
        if self._tools is None:
            self._tools = asyncio.ensure_future(self._session.tools())
        tools = await asyncio.shield(self._tools)
        from yivideo_ray.runtime.workflow.ray_stages import RayStages

        if self._room is None:
            self._room = DeadlineScheduler(workflows_at_once(tools.cluster.cpus))
            # The engine loads while the first key frames are read; whoever needs it meets its errors then.
            self._warm_up = asyncio.ensure_future(asyncio.gather(tools.pool.ready(), return_exceptions=True))
        on_ray = RayStages(job, info, journal, self._book(journal), tools=tools, settings=self._settings, begun=begun)
        async with self._room.share(on_ray.due, 1).turn():
            return await self._workflow(job, info, journal, on_ray)

    def _done_before(self, job: Job, info: VideoInfo, journal: Journal) -> Outcome | None:
        """Returns the outcome of an earlier run that leaves nothing to do. Errors: OutputError OUTPUT_EXISTS."""
        # Where no file is in the way, as mostly, nobody waits for the database and what opens it.
        if not self._may_have_run(job):
            return None
        from yivideo_ray.runtime.workflow.publishing import Publication

        return Publication(job, info, self._settings, self._book(journal)).admit(journal.workflow_id)

    def _is_read(self, job: Job, info: VideoInfo, journal: Journal) -> bool:
        """Returns whether an earlier run of the command has read all that this one would: then Ray is not needed."""
        if job.workflow_id is not None or job.start_at is not None or job.again:
            return False
        if not (self._session.has_database or self._may_have_run(job)):
            return False
        from yivideo_ray.runtime.workflow.checkpoint import readings_basis

        last = Stage.POSTPROCESS_AND_FINALIZE in job.chain
        return last and self._book(journal).rests_on(readings_basis(info, self._settings))

    def _may_have_run(self, job: Job) -> bool:
        return any(os.path.lexists(path) for path in possible_outputs(job, self._settings.subtitles))

    async def _workflow(self, job: Job, info: VideoInfo, journal: Journal, stages: StageRunner) -> Outcome:
        from yivideo_ray.runtime.workflow.workflow import Workflow

        book = await asyncio.to_thread(self._book, journal)
        return await Workflow(job, info, journal, book, stages=stages, settings=self._settings).run()

    def _book(self, journal: Journal) -> Book:
        from yivideo_ray.runtime.workflow.checkpoint import Book

        return Book(self._session.open_database(), journal.workflow_id)

    def _failed(self, error: Exception, bare: Outcome, journal: Journal) -> Outcome:
        ours = error if isinstance(error, YivideoError) else None
        if ours is None or isinstance(ours, InternalError):
            from yivideo_ray.runtime.failures import log_fault

            ours = log_fault(error, self._settings.storage.work_dir.expanduser())
        return replace(
            bare,
            stages=tuple(journal.stages.values()),
            warnings=tuple(journal.warnings),
            error=ours.as_dict(),
        )

    def _emit_end(self, outcome: Outcome, journal: Journal) -> None:
        if outcome.error is not None:
            message = f"{outcome.error['code']}: {outcome.error['message']} {outcome.error['remedy']}"
        else:
            message = ending_sentence(outcome)
        if outcome.already_done:
            message = f"{message} It was already done; --again does it again."
        facts: dict[str, Any] = {"succeeded": outcome.succeeded, "already_done": outcome.already_done}
        journal.emit(EventKind.WORKFLOW_FINISHED, message=message, **facts)
