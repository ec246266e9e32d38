"""The way from this process to one GPU actor: its placement, its work, its status, its end when it is stuck.

Every Ray error becomes ours here. Which of several actors gets a piece of work is pool's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import ray

from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, DeviceError, YivideoError
from yivideo_ray.runtime.cluster import Cluster
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu.actor import GpuActor
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.ledger import ClusterStore, note_kill
from yivideo_ray.runtime.gpu.other_pools import POOL_PREFIX, end_abandoned
from yivideo_ray.types import EngineFacts

__all__ = ["ActorLink", "Begin", "gpu_share", "pool_name"]

Begin: TypeAlias = Callable[[Any, Ticket], Any]
"""Begins one attempt at a piece of work that needs the device, given the actor's handle: returns the ObjectRef of its
Reply."""

PLACE_S = 60.0
# A GPU that is free is had sooner; then it is looked who has them.
FREE_S = 5.0
STATUS_S = 5.0
# Between two looks at whether the actor still answers, while a call waits.
PULSE_S = 2.0
# An actor ends itself after lock_timeout; one that is silent for so much longer can't: it is stopped, or stuck in
# native code.
SILENCE_S = 10.0
# For Ray to notice that a process or node is gone, after it was told to end it.
KILL_S = 60.0


def pool_name(settings: Settings) -> str:
    """Returns the name of the actors of these settings: equal for settings that give equal answers from the same kind
    of process."""
    lock = settings.gpu_lock
    parts = (
        __version__,
        settings.gpu.model_dump_json(exclude={"actors", "decode_lanes"}),
        settings.ocr.model_dump_json(exclude={"language"}),
        lock.lock_timeout,
        lock.enable_priority_queue,
    )
    return f"{POOL_PREFIX}{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def gpu_share(per_device: int) -> float:
    """Returns how much of a GPU an actor takes, as Ray counts: in ten-thousandths, and no more than all together."""
    return (10_000 // per_device) / 10_000


class ActorLink:
    """Places the actor of one slot when it is first needed, and again when it is gone for good."""

    def __init__(self, settings: Settings, cluster: Cluster, slot: int = 0) -> None:
        self._settings = settings
        self._cluster = cluster
        self._pool = f"{cluster.namespace}/{pool_name(settings)}"
        self._slot = slot
        self._actor: Any = None
        self._started = False
        self._calls: set[asyncio.Future[Any]] = set()
        self._pulse: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return f"{pool_name(self._settings)}-{self._slot}"

    @property
    def on_gpu(self) -> bool:
        """Returns whether the actor gets one of the cluster's GPUs."""
        return self._settings.gpu.device != "cpu" and self._cluster.gpus >= 1

    @property
    def in_flight(self) -> int:
        """Returns how many calls of this process are on their way or there."""
        return len(self._calls)

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, once the engine has gone through a real inference.

        Errors: DeviceError DEVICE_UNAVAILABLE (no GPU in the cluster, or none free) or ENGINE_NOT_STARTING, ModelError,
        CallError.
        """
        actor = await self._placed()
        found: EngineFacts = await self._result(actor, actor.ready.remote())
        return found

    async def status(self, *, place: bool = True) -> dict[str, Any]:
        """Returns the actor's own account of itself. Errors: CallError where nobody answers.

        place: start the actor if there is none; else such a one has the state "absent".
        """
        if not place and self._actor is None:
            try:
                actor = ray.get_actor(self.name, namespace=self._cluster.namespace)
            except ValueError:
                return {"name": self.name, "state": "absent", "ready": False}
        else:
            actor = await self._placed()
        found: dict[str, Any] = await self._soon(actor, actor.status.remote())
        return {"name": self.name, **found}

    async def load(self) -> int:
        """Returns how many calls are there, of whomever. Errors: CallError where nobody answers, and what keeps the
        engine from loading."""
        actor = await self._placed()
        found: int = await self._soon(actor, actor.load.remote())
        return found

    async def is_back(self) -> bool:
        """Returns whether a process answers that has its engine ready."""
        try:
            return bool((await self.status())["ready"])
        except YivideoError:
            return False

    async def send(self, ticket: Ticket, begin: Begin) -> Reply:
        """Returns the reply to one attempt. Errors: as YivideoError only. Cancelling it cancels the work."""
        actor = await self._placed()
        ref = begin(actor, ticket)
        call = asyncio.ensure_future(self._result(actor, ref))
        self._calls.add(call)
        self._watch()
        try:
            await asyncio.wait([call])
            reply: Reply = _result_of(call)
            return reply
        finally:
            self._calls.discard(call)
            if not call.done():
                call.cancel()
                with contextlib.suppress(Exception):
                    ray.cancel(ref)

    def _watch(self) -> None:
        if self._pulse is None or self._pulse.done():
            self._pulse = asyncio.ensure_future(self._take_pulse())

    async def _take_pulse(self) -> None:
        """As long as calls are there, looks whether the actor answers, and ends it when it has not for too long."""
        answered = time.monotonic()
        limit_s = self._settings.gpu_lock.lock_timeout + SILENCE_S
        while self._calls:
            await asyncio.wait(list(self._calls), timeout=PULSE_S)
            actor = self._actor
            if actor is None or await self._answers(actor):
                answered = time.monotonic()
            elif time.monotonic() - answered > limit_s:
                await self._end(actor, f"The process has not answered for {limit_s:g} s: it was stopped, or is stuck.")
                answered = time.monotonic()

    async def _answers(self, actor: Any) -> bool:
        try:
            await self._soon(actor, actor.load.remote())
        except YivideoError as error:
            # A process that is gone answers too, by way of Ray.
            return error.code.name != "CALL_TIMED_OUT"
        return True

    async def _end(self, actor: Any, why: str) -> None:
        """Has Ray kill the actor's process, also a stopped one, and start another; calls that were there fail."""
        note_kill(ClusterStore(), self._pool, self._slot, why)
        with contextlib.suppress(Exception):
            ray.kill(actor, no_restart=False)
        calls = list(self._calls)
        if calls:
            _, left = await asyncio.wait(calls, timeout=KILL_S)
            for call in left:
                call.cancel()

    async def _soon(self, actor: Any, ref: Any) -> Any:
        try:
            return await asyncio.wait_for(self._result(actor, ref), STATUS_S)
        except TimeoutError as error:
            raise CallError("The GPU actor does not answer.", code="CALL_TIMED_OUT") from error

    async def _result(self, actor: Any, ref: Any) -> Any:
        try:
            return await ref
        except Exception as error:
            ours = translate(error)
            if ours.facts.get("gone") and self._actor is actor:
                self._actor = None
            raise ours from error

    async def _placed(self) -> Any:
        """Returns the handle of an actor that has started. Kept as long as this object: one that is not detached
        ends when nobody holds a handle any more."""
        if self._actor is None:
            self._actor, self._started = self._place(), False
        actor = self._actor
        if not self._started:
            await self._await_start(actor)
            # Awaited: what is only sent is lost with a process that dies as it starts.
            await self._result(actor, actor.hold.remote(ray.get_runtime_context().get_job_id()))
            self._started = True
        return actor

    def _place(self) -> Any:
        settings = self._settings
        if not self.on_gpu:
            settings = settings.model_copy(update={"gpu": settings.gpu.model_copy(update={"device": "cpu"})})
        # Any: the decorator's types hide what it adds to the class.
        decorated: Any = GpuActor
        return decorated.options(
            name=self.name,
            namespace=self._cluster.namespace,
            get_if_exists=True,
            num_gpus=gpu_share(settings.gpu.per_device) if self.on_gpu else 0,
            lifetime="detached" if self._cluster.joined else None,
        ).remote(settings, self._pool, self._slot)

    async def _await_start(self, actor: Any) -> None:
        """Waits until the actor has a process. One that finds no place is ended, not left pending."""
        started = asyncio.ensure_future(self._result(actor, actor.__ray_ready__.remote()))
        done, _ = await asyncio.wait([started], timeout=FREE_S)
        held: list[str] = []
        if not done and self.on_gpu:
            held = await end_abandoned(self._cluster.namespace, pool_name(self._settings))
        done, _ = await asyncio.wait([started], timeout=PLACE_S - FREE_S)
        if done:
            started.result()
            return
        started.cancel()
        self._actor = None
        ray.kill(actor)
        if not self.on_gpu:
            raise DeviceError(f"The GPU actor did not start within {PLACE_S:g} s.")
        raise DeviceError(
            f"No GPU of the cluster became free within {PLACE_S:g} s{': ' + '; '.join(held) if held else ''}.",
            holders=held,
        )


def _result_of(call: asyncio.Future[Any]) -> Any:
    if call.cancelled():
        raise CallError("The GPU actor has stopped answering.", code="ACTOR_LOST")
    return call.result()
