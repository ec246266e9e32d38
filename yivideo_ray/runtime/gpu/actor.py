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

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, InputError, YivideoError
from yivideo_ray.runtime.gpu.batching import HalvingEngine, ask, calls_together
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.device import HangGuard, gpu_memory, process_memory
from yivideo_ray.runtime.gpu.lane import Lane, is_fatal
from yivideo_ray.runtime.gpu.ledger import DEATHS_ALLOWED, ClusterStore, Ledger
from yivideo_ray.runtime.gpu.status import lane_status
from yivideo_ray.types import EngineFacts

__all__ = ["STATUS_GROUP", "GpuActor"]

STATUS_GROUP = "status"
EXIT_LOST = 70
REPLY_S = 0.3
HANG_GRACE_S = 10.0
# A load reads models from disk, or fetches them.
LOAD_AT_LEAST_S = 300.0
OCR, DECODE = "ocr", "decode"


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
        self._guard = HangGuard(settings.gpu_lock.lock_timeout + HANG_GRACE_S)
        self._counting = threading.Lock()
        self._on_device = self._max_on_device = 0
        self._engine: HalvingEngine | None = None
        self._decodes = "cpu"
        names = (OCR, DECODE) if settings.gpu.overlap_decode else (OCR,)
        self._lanes = {name: self._lane(ThreadPoolExecutor(1, thread_name_prefix=name), name) for name in names}
        self._loading: Future[EngineFacts] = self._executor.submit(self._load)

    async def call(self, ticket: Ticket, *payload: Any) -> Reply:
        """Returns what was asked for once the call has had its turn: payload is images, in one part or several,
        where the engine is asked, and what crop_subtitle_images takes where a chunk is to be decoded.

        Errors: those of Lane.run, of the engine's loading and of its methods; InputError INPUT_SET_ASIDE.
        """
        if self._ledger.is_set_aside(ticket.key):
            raise InputError(
                f"{ticket.kind} on this video ended the GPU process at least {DEATHS_ALLOWED} times.",
                code="INPUT_SET_ASIDE",
                call=ticket.key,
            )
        name = DECODE if ticket.method == "decode" and DECODE in self._lanes else OCR
        return await self._lanes[name].run(ticket, payload)

    @ray.method(num_returns=2)
    async def decode(self, ticket: Ticket, *payload: Any) -> tuple[Reply, Any]:
        """Does what `call` does for a chunk: the report in the reply, the crops' pictures in the object store."""
        reply = await self.call(ticket, *payload)
        report, pictures = reply.value
        return replace(reply, value=report), pictures

    async def ready(self) -> tuple[EngineFacts, str]:
        """Returns what runs the models, once a real inference went through in this process, and what can decode here:
        cuda or cpu. Errors: those of OcrEngine.load, and DeviceError ENGINE_NOT_STARTING."""
        return await self._loaded(), self._decodes

    @ray.method(concurrency_group=STATUS_GROUP)
    async def load(self) -> int:
        """Returns how many calls wait or run here."""
        return sum(lane.waiting + len(lane.running[0]) for lane in self._lanes.values())

    @ray.method(concurrency_group=STATUS_GROUP)
    async def status(self) -> dict[str, Any]:
        """Returns facts about this process for people and programs, at once, also while the lane is busy.

        Times are Unix times; `_s` are seconds. ready: a real inference went through in this very process.
        """
        failed = self._loading.exception() if self._loading.done() else None
        facts = self._loading.result() if self._loading.done() and failed is None else None
        state = "ready" if facts else "failed" if failed else "loading"
        if any(lane.lost for lane in self._lanes.values()):
            state = "leaving"
        lanes = {name: lane_status(lane) for name, lane in self._lanes.items()}
        return {
            "state": state,
            "ready": state == "ready",
            "error": failed.as_dict() if isinstance(failed, YivideoError) else str(failed) if failed else None,
            "engine": facts.as_dict() if facts else None,
            "decoder": self._decodes if facts else None,
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "started": self._started,
            "restarts": self._ledger.restarts,
            "failed_starts": self._ledger.failed_starts,
            "waiting": sum(lane["waiting"] for lane in lanes.values()),
            "running": [running for lane in lanes.values() for running in lane["running"]],
            "lanes": lanes,
            "calls": {
                **{key: sum(lane["calls"][key] for lane in lanes.values()) for key in lanes[OCR]["calls"]},
                "halved": self._engine.halved if self._engine else 0,
                "most_at_once": self._max_on_device,
            },
            "memory": {**process_memory(), "gpu": gpu_memory()},
        }

    @property
    def _executor(self) -> ThreadPoolExecutor:
        return self._lanes[OCR].executor

    def _lane(self, executor: ThreadPoolExecutor, name: str) -> Lane:
        lock = self._settings.gpu_lock
        return Lane(
            executor,
            lambda calls: self._serve(name, calls),
            size=self._settings.gpu.mailbox_size,
            timeout_s=lock.lock_timeout,
            by_priority=lock.enable_priority_queue,
            prepare=self._loaded,
            leave=self._leave,
            worn_out=self._worn_out,
            most_together=self._most_together,
        )

    def _load(self) -> EngineFacts:
        from yivideo_ray.media import cuda_decodes
        from yivideo_ray.ocr import create_engine

        self._ledger.begin_start()
        if self._engine is not None:
            self._engine.close()
        try:
            self._engine = HalvingEngine(create_engine(self._settings), self._settings.ocr.batch_size)
            facts = self._engine.load()
        except Exception as error:
            self._ledger.start_failed(error.message if isinstance(error, YivideoError) else repr(error))
            raise
        self._decodes = "cuda" if self._settings.gpu.device != "cpu" and cuda_decodes() else "cpu"
        self._ledger.started()
        return facts

    async def _loaded(self) -> EngineFacts:
        if self._loading.done() and self._loading.exception() is not None:
            self._loading = self._executor.submit(self._load)
        limit_s = max(LOAD_AT_LEAST_S, self._settings.gpu_lock.lock_timeout)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._loading)), limit_s)
        except TimeoutError as error:
            raise DeviceError(f"The engine did not start within {limit_s:g} s.", code="DEVICE_FAILED") from error

    def _most_together(self) -> int:
        facts = self._loading.result() if self._loading.done() else None
        return calls_together(self._settings.gpu, facts) if facts else 1

    def _serve(self, lane: str, calls: Sequence[tuple[Ticket, tuple[Any, ...]]]) -> list[Any]:
        """Returns the calls' results, as batching.ask does, and keeps the books on them."""
        assert self._engine is not None, "a lane's calls run when the engine is loaded"
        first, payload = calls[0]
        self._ledger.start(lane, *(ticket.key for ticket, _ in calls))
        self._enter(1)
        try:
            with self._guard.watch():
                if first.method == "decode":
                    results = [self._decode(*payload)]
                else:
                    asked = [[image for part in parts for image in part] for _, parts in calls]
                    results = ask(self._engine, first.method, asked)
        except BaseException as error:
            # A device that failed takes the process along: the calls stay written down as those that did it.
            if not is_fatal(error):
                self._ledger.finish(lane)
            raise
        finally:
            self._enter(-1)
        self._ledger.finish(lane)
        return results

    def _decode(self, *payload: Any) -> Any:
        from yivideo_ray.stages.crop_subtitle_images import crop_subtitle_images

        return crop_subtitle_images(*payload)

    def _enter(self, step: int) -> None:
        with self._counting:
            self._on_device += step
            self._max_on_device = max(self._max_on_device, self._on_device)

    def _worn_out(self) -> str:
        limit = self._settings.gpu.max_calls_before_restart
        calls = sum(lane.counts.done + lane.counts.failed for lane in self._lanes.values())
        return f"The process has served {calls} calls (gpu.max_calls_before_restart)." if 0 < limit <= calls else ""

    def _leave(self, sentence: str, *culprits: str) -> None:
        self._ledger.leave(sentence, *culprits)
        planned = any(lane.planned for lane in self._lanes.values())
        for lane in self._lanes.values():
            if not lane.lost:
                lane.abandon(sentence, planned=planned)
        print(sentence, "This process ends and Ray starts another.", file=sys.stderr, flush=True)
        # The errors of the waiting callers are on their way out; a process that ends now would take them along.
        asyncio.get_running_loop().call_later(REPLY_S, os._exit, EXIT_LOST)
