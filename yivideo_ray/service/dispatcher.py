"""Where the service's workflows are worked on: as many at once as max_running says, each to its end, which is written
down in one transaction with its last event."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, ServiceError, YivideoError
from yivideo_ray.jobs import Event, Job, Outcome, Priority
from yivideo_ray.journal import OnEvent, OnStage
from yivideo_ray.locations import location_of
from yivideo_ray.progress import ending_sentence
from yivideo_ray.retries import RetryPolicy, is_retryable, retry_async
from yivideo_ray.runtime.failures import log_fault, translate
from yivideo_ray.runtime.workflow.scheduling import workflows_at_once
from yivideo_ray.service.contract import WorkflowState, WorkflowView
from yivideo_ray.service.directories import ServiceDirectories
from yivideo_ray.service.event_buffer import EventBuffer
from yivideo_ray.service.logs import about
from yivideo_ray.service.parameters import with_parameters
from yivideo_ray.service.rows import Row, chain_of
from yivideo_ray.service.store import Ending, Threaded, WorkflowStore, cancelled

__all__ = ["Dispatcher", "Runner"]

# How often the events of running workflows are saved: the most that a watcher is late.
SAVE_S = 0.25
# What the database or the cluster refused is tried until it is taken: giving up would leave workflows that nobody works
# on. Closing ends it.
UNTIL_TAKEN = RetryPolicy(attempts=None, total_s=None, first_wait_s=0.5, longest_wait_s=30.0, jitter_s=0.25)
# A video that ended the service's process so often while it alone was probed is worked on no more.
ADMISSIONS = 3
# What is nobody's fault and passes: there is no room, the database does not answer. A workflow that met it waits again,
# and until it is likely to have passed none is begun.
PASSING = ("STORAGE_FULL", "STORAGE_UNAVAILABLE")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0

_log = logging.getLogger(__name__)


class Runner(Protocol):
    """What runs workflows: a Session; tests bring their own."""

    async def begin(self) -> int:
        """Starts or joins the cluster, has the engine load, and returns the number of cores. Errors: YivideoError."""
        ...

    async def run_async(
        self,
        jobs: Sequence[Job],
        on_event: OnEvent,
        settings: Settings | None = None,
        on_stage: OnStage | None = None,
    ) -> list[Outcome]: ...

    async def status_async(self) -> dict[str, Any]: ...

    async def is_ready(self) -> bool: ...

    async def close_async(self) -> None: ...


class Dispatcher:
    """Begins the workflows that wait and works on them. changed is called with a workflow's id when its row is another,
    ended with what a workflow came to.

    If its cluster goes away, it starts or joins another and has the workflows go on; if another service takes over
    (taken_over), it stops.
    """

    def __init__(
        self,
        settings: Settings,
        store: WorkflowStore,
        directories: ServiceDirectories,
        thread: Threaded,
        *,
        make_runner: Callable[[], Runner],
        now: Callable[[], float],
        changed: Callable[[str], None],
        ended: Callable[[WorkflowView], None],
    ) -> None:
        self.max_running = settings.serve.max_running or workflows_at_once(1)
        self.taken_over: ServiceError | None = None
        self._settings = settings
        self._store = store
        self._directories = directories
        self._thread = thread
        self._make_runner = make_runner
        self._now = now
        self._changed = changed
        self._ended = ended
        self._runner: Runner | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        # Of those of them whose events are still saved as they come: not begun a moment ago, not ending.
        self._buffers: dict[str, EventBuffer] = {}
        self._cancelling: set[str] = set()
        # Of those that run: whose videos are being probed, and which of these is to be probed alone.
        self._probing: set[str] = set()
        self._alone: str | None = None
        self._pause_s, self._paused_until = FIRST_PAUSE_S, 0.0
        self._loops: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._saving = asyncio.Lock()
        self._open = False
        self._lost_cluster = False

    async def open(self) -> None:
        """Starts or joins the cluster and begins to work. Errors: YivideoError, after which nothing is open."""
        await self._begin_runner()
        self._open = True
        self._loops = [asyncio.ensure_future(self._dispatch()), asyncio.ensure_future(self._save_updates())]

    async def close(self) -> None:
        """Stops; what was being worked on stays IN_PROGRESS. May be called twice."""
        was_open = self._open
        self._stop()
        if was_open:
            # Before anything that may take its time: a process that is killed meanwhile blames no video.
            with contextlib.suppress(YivideoError):
                await self._thread.call(self._store.note_stop)
        await asyncio.gather(*self._loops, *self._running.values(), return_exceptions=True)
        self._loops = []
        await self._leave_runner()

    @property
    def runner(self) -> Runner:
        """Errors: ServiceError SERVICE_UNAVAILABLE while the cluster is being started anew."""
        if self._runner is None or self._lost_cluster:
            raise ServiceError("The cluster is being started.")
        return self._runner

    def look(self) -> None:
        """Has it look for workflows that wait."""
        self._wake.set()

    def cancel(self, workflow_id: str) -> None:
        """Stops the work on a workflow whose row says that it is being cancelled; it ends as CANCELLED."""
        if workflow_id not in self._cancelling and workflow_id in self._running:
            self._cancelling.add(workflow_id)
            # One that is just being begun looks for itself, and an end that is being written down becomes CANCELLED.
            if workflow_id in self._buffers:
                self._running[workflow_id].cancel()

    def note(self, error: YivideoError) -> None:
        """Stops everything if another service has taken over: what runs here would be done twice."""
        if error.code.name == "SERVICE_RUNNING" and isinstance(error, ServiceError):
            self.taken_over = error
            self._stop()

    def _stop(self) -> None:
        self._open = False
        for task in (*self._loops, *self._running.values()):
            if task is not asyncio.current_task():
                task.cancel()

    async def _dispatch(self) -> None:
        """Begins workflows whenever one more may run."""
        while True:
            await retry_async(self._begin_waiting, UNTIL_TAKEN, self._may_be_begun_later)
            await self._wake.wait()

    def _may_be_begun_later(self, error: Exception) -> bool | float:
        if isinstance(error, YivideoError):
            self.note(error)
            _log.warning("No workflow can be begun: %s", error)
            return True
        _log.error("No workflow can be begun", exc_info=error)
        return UNTIL_TAKEN.longest_wait_s

    async def _begin_waiting(self) -> None:
        self._wake.clear()
        if self._lost_cluster:
            await self._mend()
        while len(self._running) < self.max_running and self._may_begin():
            begin = partial(self._store.begin, self._now(), others_are_probed=bool(self._probing))
            row = await self._thread.call(begin)
            if row is None:
                return
            workflow_id = row["workflow_id"]
            self._probing.add(workflow_id)
            if row["probe_alone"]:
                self._alone = workflow_id
            self._running[workflow_id] = asyncio.ensure_future(self._run(row))

    def _may_begin(self) -> bool:
        return self._alone not in self._probing and asyncio.get_running_loop().time() >= self._paused_until

    def _end_probing(self, workflow_id: str) -> None:
        """Notes that a workflow's video is probed, or will not be."""
        if workflow_id in self._probing:
            self._probing.discard(workflow_id)
            # Another may have waited for that.
            self._wake.set()

    def _pause(self, reason: str) -> None:
        """Begins nothing for a while: for longer, the more often that was of no use."""
        loop = asyncio.get_running_loop()
        _log.warning("waits, and so do all others: %s", reason)
        if loop.time() >= self._paused_until:
            self._paused_until = loop.time() + self._pause_s
            loop.call_at(self._paused_until, self._wake.set)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    async def _run(self, row: Row) -> None:
        with about(row["workflow_id"]):
            await self._run_to_its_end(row)

    async def _run_to_its_end(self, row: Row) -> None:
        workflow_id = row["workflow_id"]
        _log.info("begins: %s", json.loads(row["video"]))
        buffer = self._buffers[workflow_id] = EventBuffer(row, self._now())
        try:
            ending = await self._ending(row, buffer)
            # From here on its events are saved by nobody else, and no cancel interrupts it.
            self._buffers.pop(workflow_id)
            if ending is None:
                await self._persistently(partial(self._store.put_back, workflow_id))
            else:
                await self._finish(buffer, ending)
        except YivideoError as error:
            self.note(error)
            _log.warning("The workflow's end could not be written down: %s", error)
        except Exception:
            # It stays IN_PROGRESS, and the next start has it go on.
            _log.exception("The workflow's end could not be written down")
        finally:
            self._buffers.pop(workflow_id, None)
            self._running.pop(workflow_id, None)
            self._cancelling.discard(workflow_id)
            self._end_probing(workflow_id)
            self._changed(workflow_id)
            self._wake.set()

    async def _ending(self, row: Row, buffer: EventBuffer) -> Ending | None:
        """Returns how a workflow ended; None: it did not, its cluster went away or there is no room. Errors:
        CancelledError on closing."""
        if row["cancelling"] or buffer.workflow_id in self._cancelling:
            return cancelled(buffer.stages)
        if self._lost_cluster:
            return None
        try:
            if row["admissions"] >= ADMISSIONS:
                sentence = f"The service's process ended {ADMISSIONS} times while it opened this video and no other."
                raise InputError(sentence, code="INPUT_SET_ASIDE")
            outcome = await self._work(row, buffer)
        except asyncio.CancelledError:
            if not self._open:
                raise
            return None if self._lost_cluster else cancelled(buffer.stages)
        except Exception as error:
            ours = translate(error)
            if ours.code.name == "INTERNAL":
                ours = log_fault(error, self._settings.storage.work_dir)
            ending = Ending(WorkflowState.FAILED, str(ours), buffer.stages, error=ours.as_dict())
        else:
            for record in outcome.stages:
                buffer.take_stage(record)
            ending = _ending_of(outcome, buffer)
        return None if self._passes(ending) else ending

    def _passes(self, ending: Ending) -> bool:
        """Returns whether what ended a workflow is nobody's fault and passes, and sees to it that the others wait."""
        code = None if ending.error is None else ending.error["code"]
        if code == "CLUSTER_UNAVAILABLE":
            self._lose_cluster()
        elif code in PASSING:
            self._pause(ending.message)
        else:
            self._pause_s = FIRST_PAUSE_S
            return False
        return True

    async def _work(self, row: Row, buffer: EventBuffer) -> Outcome:
        chain = chain_of(row)
        settings = with_parameters(self._settings, chain, json.loads(row["parameters"]))
        # Whatever an earlier run left there is its unfinished results.
        results = await asyncio.to_thread(self._directories.fresh_results, buffer.workflow_id)
        job = Job(
            location_of(json.loads(row["video"])),
            chain,
            output_dir=results,
            priority=Priority(row["priority"]),
            workflow_id=buffer.workflow_id,
        )

        def take(event: Event) -> None:
            buffer.take(event)
            if buffer.admitted:
                self._end_probing(buffer.workflow_id)

        (outcome,) = await self.runner.run_async([job], take, settings, buffer.take_stage)
        return outcome

    async def _finish(self, buffer: EventBuffer, ending: Ending) -> None:
        # What is being saved of it now goes before.
        async with self._saving:
            finish = partial(self._store.finish, buffer.workflow_id, ending, buffer.last_update(), self._now())
            view: WorkflowView = await self._persistently(finish)
        self._ended(view)
        told = _log.warning if view.state is WorkflowState.FAILED else _log.info
        told("%s: %s", view.state, ending.message)
        if view.state is not WorkflowState.SUCCESS:
            await asyncio.to_thread(self._directories.drop_results, buffer.workflow_id)

    async def _save_updates(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            async with self._saving:
                updates = [
                    (buffer, update) for buffer in self._buffers.values() if (update := buffer.update()) is not None
                ]
                if not updates:
                    continue
                try:
                    await self._thread.call(self._store.save, [update for _, update in updates])
                except YivideoError as error:
                    self.note(error)
                    _log.warning("Progress can't be written down: %s", error)
                    for buffer, update in updates:
                        buffer.put_back(update)
                except Exception:
                    # What comes next may be sound.
                    _log.exception("Progress can't be written down")
            for buffer, _ in updates:
                self._changed(buffer.workflow_id)

    def _lose_cluster(self) -> None:
        self._lost_cluster = True
        for workflow_id, task in self._running.items():
            if task is not asyncio.current_task() and workflow_id in self._buffers.keys() - self._cancelling:
                task.cancel()
        self._wake.set()

    async def _mend(self) -> None:
        """Leaves the cluster that went away and starts or joins another. Errors: YivideoError."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._leave_runner()
        await self._begin_runner()
        self._lost_cluster = False

    async def _begin_runner(self) -> None:
        runner = self._make_runner()
        try:
            cores = await runner.begin()
        except BaseException:
            await runner.close_async()
            raise
        self._runner = runner
        self.max_running = self._settings.serve.max_running or workflows_at_once(cores)

    async def _leave_runner(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.close_async()

    async def _persistently(self, call: Callable[[], Any]) -> Any:
        """Does it again until the database takes it. Errors: those that trying again doesn't cure."""

        def may_be_taken_later(error: Exception) -> bool:
            if not is_retryable(error):
                return False
            _log.warning("The workflow's end can't be written down yet: %s", error)
            return True

        return await retry_async(lambda: self._thread.call(call), UNTIL_TAKEN, may_be_taken_later)


def _ending_of(outcome: Outcome, buffer: EventBuffer) -> Ending:
    error = outcome.error
    if error is not None:
        message = f"{error['code']}: {error['message']} {error['remedy']}"
        return Ending(WorkflowState.FAILED, message, buffer.stages, warnings=outcome.warnings, error=error)
    outputs = tuple(str(path) for path in outcome.outputs)
    return Ending(
        WorkflowState.SUCCESS, ending_sentence(outcome), buffer.stages, outputs, outcome.warnings, outcome.partial
    )
