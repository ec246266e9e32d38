"""A session: the Ray, the database and the settings that batches of videos are worked on with."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from yivideo_ray.config import Settings, load_settings
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.journal import OnEvent, OnStage
from yivideo_ray.locations import location_named
from yivideo_ray.ocr.languages import require_readable
from yivideo_ray.runtime import cluster as clusters
from yivideo_ray.runtime.batch import Batch
from yivideo_ray.runtime.workflow.scheduling import DeadlineScheduler
from yivideo_ray.types import EngineFacts

if TYPE_CHECKING:
    from yivideo_ray.runtime.workflow.ray_stages import Tools
    from yivideo_ray.storage.database import Database
    from yivideo_ray.subtitles.result import Result

__all__ = ["Session"]


class Session:
    """Works on many videos at a time, on a local Ray that it starts when it first needs one, or on the cluster that
    RAY_ADDRESS names. `with` or close ends it.

        with Session() as session:
            for result in session.extract(["a.mp4", "b.mkv"]):
                print(result.video.path, len(result.cues), result.error)

    settings: None for the defaults with the environment's on top. Not thread-safe; its calls may each be made any
    number of times. Errors: ConfigError LANGUAGE_UNREADABLE for an ocr.language whose letters the model lacks.
    """

    def __init__(self, settings: Settings | None = None, namespace: str = clusters.NAMESPACE) -> None:
        self._settings = settings or load_settings()
        require_readable(self._settings)
        self._namespace = namespace
        self._cluster: clusters.Cluster | None = None
        self._tools: Tools | None = None
        self._database: Database | None = None
        self._opening = threading.Lock()
        self._warm_up: asyncio.Future[Any] | None = None
        # A local Ray's processes die with the thread that started them (PR_SET_PDEATHSIG): it must live as long as
        # the session, which no thread of an event loop does.
        self._ray_thread = ThreadPoolExecutor(1, thread_name_prefix="ray")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_async()

    def extract(
        self,
        videos: Iterable[str | os.PathLike[str]],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        again: bool = False,
        on_progress: OnEvent | None = None,
    ) -> list[Result]:
        """Returns one result per video, in their order; one that failed has its `error`, and stops no other.

        videos are paths, or addresses that storage.allowed_urls allows. output_dir: the files of `yivideo run` are
        written there (None: nothing is written); overwrite and again as in Job. on_progress is called with each Event,
        in this thread. What was read is kept in storage.work_dir, so that a call that was killed goes on where it was.

        Errors: ConfigError CONFIG_INVALID, before any work, if two videos would write the same file into output_dir, or
        one of them over a video.
        """
        return asyncio.run(
            self.extract_async(videos, output_dir=output_dir, overwrite=overwrite, again=again, on_progress=on_progress)
        )

    async def extract_async(
        self,
        videos: Iterable[str | os.PathLike[str]],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        again: bool = False,
        on_progress: OnEvent | None = None,
    ) -> list[Result]:
        """Does what extract does, inside a running event loop. Cancelled, it ends what runs."""
        from yivideo_ray.runtime.workflow.outputs import require_distinct
        from yivideo_ray.subtitles.result import result_of

        locations = [location_named(os.fspath(video)) for video in videos]
        watch = on_progress or (lambda _: None)
        if output_dir is not None:
            directory = Path(output_dir)
            jobs = [Job(video, output_dir=directory, overwrite=overwrite, again=again) for video in locations]
            require_distinct(jobs, self._settings.subtitles)
            outcomes = await self.run_async(jobs, watch)
            return [result_of(outcome) for outcome in outcomes]
        without_files = self._settings.model_copy(
            update={"subtitles": self._settings.subtitles.model_copy(update={"formats": ()})}
        )
        with tempfile.TemporaryDirectory(prefix="yivideo-") as aside:
            jobs = [Job(video, output_dir=Path(aside) / str(number)) for number, video in enumerate(locations)]
            outcomes = await self.run_async(jobs, watch, without_files)
        return [result_of(replace(outcome, outputs=())) for outcome in outcomes]

    def run(self, jobs: Sequence[Job], on_event: OnEvent) -> list[Outcome]:
        """Returns one outcome per job, in the jobs' order; a job that fails stops no other.

        on_event is called in this thread. Bad input, and a file of somebody else's where an output would go, are
        reported before Ray starts. Where every job is so, is done already or starts at the last stage, Ray doesn't
        start at all. KeyboardInterrupt cancels what runs and leaves no half-written file.
        """
        return asyncio.run(self.run_async(jobs, on_event))

    async def run_async(
        self,
        jobs: Sequence[Job],
        on_event: OnEvent,
        settings: Settings | None = None,
        on_stage: OnStage | None = None,
    ) -> list[Outcome]:
        """Does what run does, inside a running event loop. Cancelled, it ends what runs.

        settings: the jobs' own (None: the session's); the GPU actor's engine stays what the session's make it.
        on_stage is given each stage's record whenever it changes.
        """
        batch = Batch(self, on_event, settings or self._settings, on_stage)
        try:
            return list(await asyncio.gather(*(batch.job(job) for job in jobs)))
        finally:
            await batch.settle()

    def status(self) -> dict[str, Any]:
        """Returns the cluster's facts and each GPU actor's account of itself; starts none.

        Errors: CallError CLUSTER_UNAVAILABLE, DeviceError DEVICE_UNAVAILABLE.
        """
        return asyncio.run(self.status_async())

    async def status_async(self) -> dict[str, Any]:
        """Does what status does, inside a running event loop."""
        tools = await self.tools()
        return {"cluster": tools.cluster.as_dict(), "gpu_actors": await tools.pool.status(place=False)}

    async def is_ready(self) -> bool:
        """Returns whether a GPU actor answers now whose very process has gone through a real inference.

        Asks the actor each time, for 5 s at most: it is false that soon after the process or its node has died.
        """
        return await (await self.tools()).pool.is_back()

    async def begin(self) -> int:
        """Starts or joins Ray, has the engine load meanwhile, and returns the cluster's cores.

        Errors: CallError CLUSTER_UNAVAILABLE; what keeps the engine from loading shows in is_ready, status and runs.
        """
        tools = await self.tools()
        self._warm_up = asyncio.ensure_future(asyncio.gather(tools.pool.ready(), return_exceptions=True))
        return tools.cluster.cpus

    def engine_facts(self) -> EngineFacts:
        """Returns what runs the models, after a real inference. Errors: DeviceError, ModelError, CallError."""
        return asyncio.run(self._engine_facts())

    def close(self) -> None:
        """Ends or leaves Ray. May be called twice."""
        if self._cluster is not None:
            self._ray_thread.submit(clusters.stop, self._cluster).result()
            self._cluster = None
        self._tools = None
        if self._database is not None:
            self._database.close()
            self._database = None
        self._ray_thread.shutdown()

    async def close_async(self) -> None:
        """Does what close does, inside a running event loop."""
        if self._warm_up is not None:
            self._warm_up.cancel()
            await asyncio.gather(self._warm_up, return_exceptions=True)
            self._warm_up = None
        await asyncio.to_thread(self.close)

    async def tools(self) -> Tools:
        """Returns what workflows work with, starting or joining Ray if that has not happened.

        Errors: CallError CLUSTER_UNAVAILABLE.
        """
        if self._tools is not None:
            return self._tools
        loop = asyncio.get_running_loop()
        # What keeps the workflows takes a while to import, and Ray longer to start.
        database = asyncio.ensure_future(asyncio.to_thread(self.open_database))
        try:
            self._cluster = await loop.run_in_executor(self._ray_thread, clusters.start, self._namespace)
        finally:
            opened = (await asyncio.gather(database, return_exceptions=True))[0]
        if isinstance(opened, BaseException):
            raise opened
        # Only now: these import ray, whose environment must be set first.
        from yivideo_ray.runtime.gpu.client import GpuClient
        from yivideo_ray.runtime.gpu.decoders import GpuDecoders
        from yivideo_ray.runtime.gpu.pool import ActorPool
        from yivideo_ray.runtime.workflow.ray_stages import Tools

        pool = ActorPool(self._settings, self._cluster)
        gpu = GpuClient(pool, self._settings.gpu_lock)
        self._tools = Tools(
            self._settings,
            self._cluster,
            pool,
            gpu,
            decoders=GpuDecoders(self._settings.gpu, lambda: pool.status(place=False)),
            decoding=DeadlineScheduler(self._cluster.cpus),
            gpu_decoding=DeadlineScheduler(1),
            reading=DeadlineScheduler(1),
            database=opened,
        )
        return self._tools

    @property
    def has_database(self) -> bool:
        """Whether the database is open, so that asking it takes no time."""
        return self._database is not None

    def open_database(self) -> Database:
        """Returns the database of the session's workflows, opened if it is not. Blocks; from any thread.

        Errors: ServiceError STORAGE_UNAVAILABLE, ConfigError CONFIG_INVALID.
        """
        with self._opening:
            if self._database is None:
                # Imported here: it takes a while, and bad input is told without it.
                from yivideo_ray.runtime.workflow.checkpoint import forget_abandoned
                from yivideo_ray.storage.database import Database

                database = Database(self._settings.storage)
                forget_abandoned(database, time.time())
                self._database = database
            return self._database

    async def _engine_facts(self) -> EngineFacts:
        return await (await self.tools()).gpu.ready(lambda *_: None)

    @property
    def settings(self) -> Settings:
        """What the session works by: as given, or the defaults with the environment's on top."""
        return self._settings
