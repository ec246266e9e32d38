"""The service that keeps and runs workflows: contract.WorkflowService over the database and one Session.

One process has it at a time (storage/ownership.py). Each workflow's results go to a directory of its own under
storage.work_dir/workflows, never beside the video. After kill -9 the next start has every unfinished workflow go on at
its chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from yivideo_ray.config import Settings
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.runtime.cluster import NAMESPACE
from yivideo_ray.runtime.session import Session
from yivideo_ray.service.contract import (
    DueCallback,
    ExecutionMode,
    NumberedEvent,
    ServiceFigures,
    WorkflowPage,
    WorkflowRequest,
    WorkflowState,
    WorkflowView,
)
from yivideo_ray.service.directories import ServiceDirectories
from yivideo_ray.service.dispatcher import Dispatcher, Runner
from yivideo_ray.service.figures import Figures
from yivideo_ray.service.outbox import Callbacks
from yivideo_ray.service.readiness import Readiness, require_space
from yivideo_ray.service.retention import Retention, Sweeper
from yivideo_ray.service.store import Threaded, WorkflowStore
from yivideo_ray.service.submissions import Submissions, changes_asked, check_request
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership

__all__ = ["Service", "open_service"]

# Workflows that queue() names, of those that wait.
NAMED = 100
# How long a call waits for a lock that another process has on the database, and for its turn behind such calls.
LOCK_WAIT_S = 5.0
TURN_WAIT_S = 5.0
# Removing a workflow's files, looking at the disk: on a disk that may not answer.
FILES_S = 10.0

# How soon a database file that was removed is noticed by itself; a transaction notices it at once.
LOOK_S = 2.0

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


def open_service(settings: Settings, *, namespace: str = NAMESPACE) -> Service:
    """Returns the service; start it before anything else.

    Errors: ConfigError CONFIG_INVALID for a storage.url that can't be used.
    """
    return Service(settings, lambda: Session(settings, namespace))


class Service:
    """Fulfils WorkflowService. All calls belong into one event loop; the database's work is done in a thread."""

    def __init__(
        self, settings: Settings, make_runner: Callable[[], Runner], *, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._now = now
        self._database = Database(settings.storage, LOCK_WAIT_S)
        self._ownership = Ownership(self._database)
        self._store = WorkflowStore(self._database, self._ownership)
        self._submissions = Submissions(self._database, self._ownership, settings.serve.max_queued)
        self._callbacks = Callbacks(self._database, self._ownership)
        self._directories = ServiceDirectories(settings.storage.work_dir)
        self._thread = Threaded("database")
        # Hundreds may watch one workflow, and all look whenever it goes on: nobody else waits for that.
        self._watching = Threaded("watching")
        self._figures = Figures(self._database, settings.storage.work_dir.expanduser())
        self._dispatcher = Dispatcher(
            settings,
            self._store,
            self._directories,
            self._thread,
            make_runner=make_runner,
            now=now,
            changed=self._signal,
            ended=self._figures.count_end,
        )
        self._readiness = Readiness(self._database, settings.storage.work_dir.expanduser(), self._is_actor_ready)
        self._files = AbandonableThreads("files", 4, limit_s=FILES_S)
        self._sweeper = Sweeper(
            settings.storage,
            Retention(settings.storage, self._database, self._ownership),
            self._directories,
            self._thread,
            now=now,
            changed=self._note_sweep,
        )
        self._loops: list[asyncio.Task[None]] = []
        self._watched: dict[str, asyncio.Event] = {}
        self._open = False

    @property
    def uploads(self) -> Path:
        """The directory for videos that are to belong to a workflow (WorkflowRequest.owned_video). What is there at the
        start and belongs to none is removed; make it before using it."""
        return self._directories.uploads

    async def start(self) -> None:
        """Opens the database, takes up the workflows that were not finished, and starts or joins Ray.

        Errors, after which it is closed: ServiceError SERVICE_RUNNING (another service has the database) and
        STORAGE_UNAVAILABLE, OutputError, CallError CLUSTER_UNAVAILABLE.
        """
        try:
            await self._thread.call(self._ownership.take)
            for view in await self._thread.call(self._store.recover, self._now()):
                _log.info("%s was not finished: %s", view.workflow_id, view.state)
            await self._thread.call(self._clean)
            await self._dispatcher.open()
        except BaseException:
            await self.close()
            raise
        self._open = True
        self._loops = [asyncio.ensure_future(self._sweeper.run()), asyncio.ensure_future(self._keep_file())]

    async def close(self) -> None:
        """Ends what runs, which goes on with the next start, and leaves Ray and the database. May be called twice."""
        self._open = False
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._dispatcher.close()
        for changed in self._watched.values():
            changed.set()
        await self._watching.close(lambda: None)
        await self._thread.close(self._leave_database)

    async def submit(self, request: WorkflowRequest) -> tuple[WorkflowView, bool]:
        max_running = self._dispatcher.max_running
        if request.mode is ExecutionMode.FULL:
            check_request(request, self._settings)
            view, new = await self._call(self._submissions.submit, request, self._now(), max_running)
        else:
            change = partial(changes_asked, request, self._settings)
            view, new = await self._call(self._submissions.again, request, change, self._now(), max_running)
        if new:
            self._signal(view.workflow_id)
            self._dispatcher.look()
        return view, new

    async def require_room(self, idempotency_key: str | None = None, upload_bytes: int = 0) -> None:
        await self._call(self._submissions.require_room, idempotency_key, self._dispatcher.max_running)
        try:
            await self._files.run(require_space, self._settings.storage.work_dir.expanduser(), upload_bytes)
        except TimeoutError as error:
            raise ServiceError("The disk of storage.work_dir does not answer.", code="STORAGE_UNAVAILABLE") from error

    async def retry(self, workflow_id: str) -> WorkflowView:
        request = WorkflowRequest(None, mode=ExecutionMode.RETRY, workflow_id=workflow_id)
        return (await self.submit(request))[0]

    async def get(self, workflow_id: str) -> WorkflowView:
        return await self._call(self._store.get, workflow_id)

    async def list(
        self, *, states: Sequence[WorkflowState] = (), limit: int = 50, cursor: str | None = None
    ) -> WorkflowPage:
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise ServiceError("This cursor was given to nobody.", code="REQUEST_INVALID")
        return await self._call(self._store.page, tuple(states), limit, None if cursor is None else int(cursor))

    async def events(self, workflow_id: str, after: int = 0) -> AsyncIterator[NumberedEvent]:
        try:
            while True:
                changed = self._watched.setdefault(workflow_id, asyncio.Event())
                found, more = await self._call(self._store.events, workflow_id, after, thread=self._watching)
                for numbered in found:
                    after = numbered.number
                    yield numbered
                if not more:
                    return
                if not found:
                    await changed.wait()
        finally:
            # What nobody waits for goes; others who do make it anew.
            self._signal(workflow_id)

    async def cancel(self, workflow_id: str) -> WorkflowView:
        view = await self._call(self._store.cancel, workflow_id, self._now())
        if view.cancelling:
            self._dispatcher.cancel(workflow_id)
        else:
            self._figures.count_end(view)
        self._signal(workflow_id)
        return view

    async def delete(self, workflow_id: str) -> None:
        view, owned = await self._call(self._store.delete, workflow_id)
        self._signal(workflow_id)
        video = view.video if owned and isinstance(view.video, Path) else None
        with contextlib.suppress(TimeoutError):
            # It goes on; what it does not come to is removed at the next start.
            await self._files.run(self._directories.remove, workflow_id, video)

    async def queue(self) -> dict[str, Any]:
        waiting, following, running = await self._call(self._store.waiting, NAMED)
        found: dict[str, Any] = {"cluster": None, "gpu_actors": [], "error": None}
        try:
            found |= await self._dispatcher.runner.status_async()
        except YivideoError as error:
            found["error"] = error.as_dict()
        return {
            **found,
            "workflows": {
                "waiting": waiting,
                "max_queued": self._settings.serve.max_queued,
                "next": following,
                "running": running,
                "max_running": self._dispatcher.max_running,
            },
        }

    async def figures(self) -> ServiceFigures:
        try:
            return await self._call(self._figures.look, self._now())
        except YivideoError:
            return self._figures.without_database()

    async def is_ready(self) -> bool:
        return not await self.unready()

    async def unready(self) -> Mapping[str, str]:
        if self._dispatcher.taken_over is not None:
            return {"service": self._dispatcher.taken_over.message}
        if not self._open:
            return {"service": "The service is starting or stopping."}
        return await self._readiness.reasons()

    async def _is_actor_ready(self) -> bool:
        return await self._dispatcher.runner.is_ready()

    async def due_callbacks(self, now: float) -> Sequence[DueCallback]:
        return await self._call(self._callbacks.due, now)

    async def record_callback(self, workflow_id: str, *, delivered: bool, next_attempt: float | None) -> None:
        record = partial(self._callbacks.record, workflow_id, delivered=delivered, next_attempt=next_attempt)
        await self._call(record)
        self._figures.count_callback(delivered=delivered, next_attempt=next_attempt)

    async def _call(self, call: Callable[..., Result], *arguments: Any, thread: Threaded | None = None) -> Result:
        """Does what somebody outside asks of the database."""
        if self._dispatcher.taken_over is not None:
            raise self._dispatcher.taken_over
        if not self._open:
            raise ServiceError("The service is starting or stopping.")
        last_begin = math.inf if thread is self._watching else time.monotonic() + TURN_WAIT_S

        def begun_in_time() -> Result:
            # Whoever waits behind calls that wait for a lock is told so, rather than waiting as long once more.
            if time.monotonic() > last_begin:
                raise ServiceError("The database is busy or locked.", code="STORAGE_UNAVAILABLE")
            return call(*arguments)

        try:
            return await (thread or self._thread).call(begun_in_time)
        except ServiceError as error:
            self._dispatcher.note(error)
            raise

    async def _keep_file(self) -> None:
        """Notices that the database's file is not there any more, says so once, and mends what can be mended."""
        told: str | None = None
        while True:
            await asyncio.sleep(LOOK_S)
            trouble = self._database.trouble()
            if trouble is not None and trouble != told:
                _log.error("Nothing is taken any more: %s", trouble)
            told = trouble
            if trouble is not None:
                try:
                    await asyncio.to_thread(self._database.mend)
                except YivideoError as error:
                    _log.warning("%s", error)

    def _note_sweep(self, workflow_id: str) -> None:
        self._figures.swept += 1
        self._signal(workflow_id)

    def _signal(self, workflow_id: str) -> None:
        """Has those look again who watch a workflow."""
        changed = self._watched.pop(workflow_id, None)
        if changed is not None:
            changed.set()

    def _clean(self) -> None:
        self._directories.clean(self._database.identity(), self._store.ids(), self._store.owned_videos())

    def _leave_database(self) -> None:
        self._ownership.release()
        self._database.close()
