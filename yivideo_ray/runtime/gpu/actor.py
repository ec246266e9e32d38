"""The actor that owns a GPU and the OCR engine on it. Its mailbox is the GPU lock.

It knows of pictures, not of lines or areas: the stages run elsewhere and ask it for what needs the device. Placing it
is link's job, choosing among several pool's, calling with retries client's; the order of calls is mailbox's, their time
limit lane's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import ray

from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, InputError, YivideoError
from yivideo_ray.runtime.gpu.batching import HalvingEngine, ask, calls_together
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.device import HangGuard, XidWatch, gpu_health, gpu_memory, order_gpus, process_memory
from yivideo_ray.runtime.gpu.lane import Lane, is_fatal
from yivideo_ray.runtime.gpu.ledger import DEATHS_ALLOWED, ClusterStore, Ledger
from yivideo_ray.runtime.gpu.loading import is_on_gpu, load_engine
from yivideo_ray.runtime.gpu.status import lane_status
from yivideo_ray.types import EngineFacts

__all__ = ["STATUS_GROUP", "GpuActor"]

STATUS_GROUP = "status"
EXIT_LOST = 70
REPLY_S = 0.3
HANG_GRACE_S = 10.0
# A load reads models from disk, or fetches them.
LOAD_AT_LEAST_S = 300.0
# After so long an engine that failed to load is tried once more, also where other actors get all calls.
RELOAD_S = 120.0


@ray.remote(  # type: ignore[call-overload]  # Ray's types don't know concurrency_groups
    num_gpus=1, num_cpus=0, concurrency_groups={STATUS_GROUP: 8}, max_restarts=-1, max_task_retries=0
)
class GpuActor:
    """One call at a time on the device; see docs/gpu.md, "What is running there".

    The constructor returns at once and never raises: the engine loads in the lane's thread, also after a restart,
    and a loading error goes to every caller until a later call's attempt succeeds. pool names the actors with the same
    settings and namespace, slot this one of them.
    """

    def __init__(self, settings: Settings, pool: str, slot: int) -> None:
        context = ray.get_runtime_context()
        self._settings = settings
        self._started = time.time()
        self._ledger = Ledger(ClusterStore(), pool, slot, fresh=not context.was_current_actor_reconstructed)
        # Ray sets 1 for an actor without CPUs; the engine's own thread setting decides here, 0 meaning every core.
        os.environ["OMP_NUM_THREADS"] = str(settings.ocr.threads or len(os.sched_getaffinity(0)))
        order_gpus()
        self._guard = HangGuard(settings.gpu_lock.lock_timeout + HANG_GRACE_S)
        self._counting = threading.Lock()
        self._on_device = self._max_on_device = 0
        self._engine: HalvingEngine | None = None
        self._xids = XidWatch()
        self._lane = self._made_lane()
        self._load_ended = 0.0
        self._loading: Future[EngineFacts] = self._lane.executor.submit(self._load)

    async def call(self, ticket: Ticket, *payload: Any) -> Reply:
        """Returns what was asked for once the call has had its turn: payload is images, in one part or several.

        Errors: those of Lane.run, of the engine's loading and of its methods; InputError INPUT_SET_ASIDE.
        """
        if self._ledger.is_set_aside(ticket.key):
            raise InputError(
                f"{ticket.kind} on this video ended the GPU process at least {DEATHS_ALLOWED} times.",
                code="INPUT_SET_ASIDE",
                call=ticket.key,
            )
        reply = await self._lane.run(ticket, payload)
        return replace(reply, engine=self._loading.result())

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, once a real inference went through in this process. Errors: those of
        load_engine."""
        return await self._loaded()

    @ray.method(concurrency_group=STATUS_GROUP)
    async def load(self) -> int:
        """Returns how many calls wait or run here. Errors: what kept the engine from loading; where that is some time
        ago it is tried once more, and is no error meanwhile."""
        failed = self._loading.exception() if self._loading.done() else None
        if failed is not None and not self._lane.lost:
            if time.monotonic() - self._load_ended < RELOAD_S:
                raise failed
            self._loading = self._lane.executor.submit(self._load)
        return self._lane.waiting + len(self._lane.running[0])

    @ray.method(concurrency_group=STATUS_GROUP)
    async def hold(self, job: str) -> None:
        """Notes down that a driver works with this actor, by the id of its job in Ray."""
        self._ledger.hold(job)

    @ray.method(concurrency_group=STATUS_GROUP)
    async def status(self) -> dict[str, Any]:
        """Returns facts about this process for people and programs, at once, also while the lane is busy.

        Times are Unix times; `_s` are seconds. ready: a real inference went through in this very process.
        """
        failed = self._loading.exception() if self._loading.done() else None
        facts = self._loading.result() if self._loading.done() and failed is None else None
        state = "ready" if facts else "failed" if failed else "loading"
        if self._lane.lost:
            state = "leaving"
        lane = lane_status(self._lane)
        on_gpu = is_on_gpu(facts)
        return {
            "state": state,
            "ready": state == "ready",
            "error": failed.as_dict() if isinstance(failed, YivideoError) else str(failed) if failed else None,
            "engine": facts.as_dict() if facts else None,
            "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "started": self._started,
            "jobs": self._ledger.jobs,
            "version": __version__,
            "restarts": self._ledger.restarts,
            "failed_starts": self._ledger.failed_starts,
            **lane,
            "calls": {
                **lane["calls"],
                "halved": self._engine.halved if self._engine else 0,
                "most_at_once": self._max_on_device,
            },
            # Without the GPU, NVML would tell of one that somebody else may use.
            "memory": {**process_memory(), "gpu": gpu_memory() if on_gpu else None},
            "gpu_health": {**(gpu_health() or {}), "xids": self._xids.seen} if on_gpu else None,
        }

    def _made_lane(self) -> Lane:
        lock = self._settings.gpu_lock
        return Lane(
            ThreadPoolExecutor(1, thread_name_prefix="ocr"),
            self._serve,
            size=self._settings.gpu.mailbox_size,
            timeout_s=lock.lock_timeout,
            by_priority=lock.enable_priority_queue,
            prepare=self._loaded,
            leave=self._leave,
            worn_out=self._worn_out,
            most_together=self._most_together,
        )

    def _load(self) -> EngineFacts:
        from yivideo_ray.ocr import create_engine

        if self._engine is not None:
            self._engine.close()
        try:
            self._engine, facts = load_engine(self._settings, self._ledger, create_engine)
        finally:
            self._load_ended = time.monotonic()
        if is_on_gpu(facts):
            self._xids.start()
        return facts

    async def _loaded(self) -> EngineFacts:
        if self._loading.done() and self._loading.exception() is not None:
            self._loading = self._lane.executor.submit(self._load)
        limit_s = max(LOAD_AT_LEAST_S, self._settings.gpu_lock.lock_timeout)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._loading)), limit_s)
        except TimeoutError as error:
            raise DeviceError(f"The engine did not start within {limit_s:g} s.", code="DEVICE_FAILED") from error

    def _most_together(self) -> int:
        facts = self._loading.result() if self._loading.done() else None
        return calls_together(self._settings.gpu, facts) if facts else 1

    def _serve(self, calls: Sequence[tuple[Ticket, tuple[Any, ...]]]) -> list[Any]:
        """Returns the calls' results, as batching.ask does, and keeps the books on them."""
        assert self._engine is not None, "a lane's calls run when the engine is loaded"
        self._ledger.start(*(ticket.key for ticket, _ in calls))
        self._enter(1)
        try:
            with self._guard.watch():
                asked = [[image for part in parts for image in part] for _, parts in calls]
                results = ask(self._engine, calls[0][0].method, asked)
        except BaseException as error:
            # A device that failed takes the process along: the calls stay written down as those that did it.
            if not is_fatal(error):
                self._ledger.finish()
            raise
        finally:
            self._enter(-1)
        self._ledger.finish()
        return results

    def _enter(self, step: int) -> None:
        with self._counting:
            self._on_device += step
            self._max_on_device = max(self._max_on_device, self._on_device)

    def _worn_out(self) -> str:
        limit = self._settings.gpu.max_calls_before_restart
        calls = self._lane.counts.done + self._lane.counts.failed
        return f"The process has served {calls} calls (gpu.max_calls_before_restart)." if 0 < limit <= calls else ""

    def _leave(self, sentence: str, *culprits: str) -> None:
        self._ledger.leave(sentence, *culprits)
        print(sentence, "This process ends and Ray starts another.", file=sys.stderr, flush=True)
        # The errors of the waiting callers are on their way out; a process that ends now would take them along.
        asyncio.get_running_loop().call_later(REPLY_S, os._exit, EXIT_LOST)
