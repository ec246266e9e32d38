"""The actor that owns the GPU and the OCR engine. Its mailbox is the GPU lock.

Placing it, and calling it with retries, is gpu_client's job; the order of calls and their time limit are lane's.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import resource
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ray

from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, YivideoError
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.runtime.blame import DEATHS_ALLOWED, BlameBook
from yivideo_ray.runtime.calls import SERVED, Reply, Ticket
from yivideo_ray.runtime.lane import Lane, is_fatal
from yivideo_ray.types import EngineFacts

__all__ = ["STATUS_GROUP", "GpuActor"]

STATUS_GROUP = "status"
EXIT_LOST = 70
REPLY_S = 0.3
HANG_GRACE_S = 10.0


@ray.remote(  # type: ignore[call-overload]  # Ray's types don't know concurrency_groups
    num_gpus=1, num_cpus=0, concurrency_groups={STATUS_GROUP: 8}, max_restarts=-1, max_task_retries=0
)
class GpuActor:
    """One call at a time on the device; see DESIGN.md, "The GPU actor's promises".

    The constructor returns at once and never raises: the engine loads in the lane's thread, also after a restart,
    and a loading error goes to every caller until a later call's attempt succeeds.
    """

    def __init__(self, settings: Settings) -> None:
        context = ray.get_runtime_context()
        self._settings = settings
        self._restarted = context.was_current_actor_reconstructed
        self._blame = BlameBook(
            settings.storage.work_dir.expanduser() / "gpu" / f"{context.get_actor_id()}.json",
            fresh=not self._restarted,
        )
        # Ray sets 1 for an actor without CPUs; the engine's own thread setting decides here, 0 meaning every core.
        os.environ["OMP_NUM_THREADS"] = str(settings.ocr.threads or len(os.sched_getaffinity(0)))
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._engine: OcrEngine | None = None
        self._loading: Future[EngineFacts] = self._executor.submit(self._load)
        lock = settings.gpu_lock
        self._lane = Lane(
            self._executor,
            size=settings.gpu.mailbox_size,
            timeout_s=lock.lock_timeout,
            by_priority=lock.enable_priority_queue,
            prepare=self._loaded,
            leave=_leave,
        )

    async def call(self, ticket: Ticket, *payload: Any) -> Reply:
        """Returns the call's result once it has had its turn. Ray hands over payload's ObjectRefs as values."""
        if self._blame.is_set_aside(ticket.key):
            raise InputError(
                f"{ticket.kind} on this video ended the GPU process {DEATHS_ALLOWED} times.",
                code="INPUT_SET_ASIDE",
                call=ticket.key,
            )
        return await self._lane.run(ticket, self._work(ticket, payload))

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, once a real inference went through. Errors: those of OcrEngine.load."""
        return await self._loaded()

    @ray.method(concurrency_group=STATUS_GROUP)
    async def status(self) -> dict[str, Any]:
        """Returns facts about this process for people and programs, at once, also while the lane is busy."""
        running = self._lane.running
        loading = self._loading
        failed = loading.exception() if loading.done() else None
        facts = loading.result() if loading.done() and failed is None else None
        return {
            "state": "leaving"
            if self._lane.lost
            else "loading"
            if not loading.done()
            else "failed"
            if failed
            else "ready",
            "error": failed.as_dict() if isinstance(failed, YivideoError) else str(failed) if failed else None,
            "engine": facts.as_dict() if facts else None,
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "restarted": self._restarted,
            "waiting": self._lane.waiting,
            "running": None
            if running is None
            else {"workflow_id": running[0].workflow_id, "stage": running[0].kind.value, "since_s": running[1]},
            "calls": {
                "done": self._lane.counts.done,
                "failed": self._lane.counts.failed,
                "refused": self._lane.counts.refused,
                "dropped": self._lane.counts.dropped,
            },
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }

    def _load(self) -> EngineFacts:
        from yivideo_ray.ocr import create_engine

        if self._engine is not None:
            self._engine.close()
        self._engine = create_engine(self._settings)
        return self._engine.load()

    async def _loaded(self) -> EngineFacts:
        if self._loading.done() and self._loading.exception() is not None:
            self._loading = self._executor.submit(self._load)
        return await asyncio.wrap_future(self._loading)

    def _work(self, ticket: Ticket, payload: tuple[Any, ...]) -> Callable[[], Any]:
        def work() -> Any:
            self._blame.start(ticket.key)
            # The lane's own limit needs the event loop, which a native call that keeps the GIL would stop as well;
            # this watchdog is a C thread that needs neither.
            limit = self._settings.gpu_lock.lock_timeout + HANG_GRACE_S
            faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__ or 2)
            try:
                value = SERVED[ticket.kind](self._engine, *payload)
            except BaseException as error:
                # A device that failed takes the process along: the call stays written down as the one that did it.
                if not is_fatal(error):
                    self._blame.finish(ticket.key)
                raise
            finally:
                faulthandler.cancel_dump_traceback_later()
            self._blame.finish(ticket.key)
            return value

        return work


def _leave(sentence: str) -> None:
    print(sentence, "This process ends and Ray starts another.", file=sys.stderr, flush=True)
    # The errors of the waiting callers are on their way out; a process that ends now would take them along.
    asyncio.get_running_loop().call_later(REPLY_S, os._exit, EXIT_LOST)
