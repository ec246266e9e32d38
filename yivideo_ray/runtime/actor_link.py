"""The way from this process to the GPU actor: its placement, its calls, its status. Every Ray error becomes ours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import Any

import ray

from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, DeviceError, YivideoError
from yivideo_ray.runtime.calls import Reply, Ticket
from yivideo_ray.runtime.cluster import Cluster
from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu_actor import GpuActor
from yivideo_ray.types import EngineFacts

__all__ = ["ActorLink", "actor_name"]

PLACE_S = 60.0
STATUS_S = 5.0
# Between two looks at whether the actor still answers, while a call waits.
WATCH_S = 60.0
SILENCE_S = 30.0


def actor_name(settings: Settings) -> str:
    """Returns the actor's name: equal for settings that give equal answers from the same kind of process."""
    lock = settings.gpu_lock
    parts = (
        __version__,
        settings.gpu.model_dump_json(),
        settings.ocr.model_dump_json(),
        lock.lock_timeout,
        lock.enable_priority_queue,
    )
    return f"yivideo-gpu-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


class ActorLink:
    """One per session. Places the actor when it is first needed, and again when it is gone for good."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        self._settings = settings
        self._cluster = cluster
        self._actor: Any = None
        self._started = False

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def on_gpu(self) -> bool:
        """Returns whether the actor gets one of the cluster's GPUs."""
        return self._settings.gpu.device != "cpu" and self._cluster.gpus >= 1

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, once the engine has gone through a real inference.

        Errors: DeviceError DEVICE_UNAVAILABLE (no GPU in the cluster, or none free), ModelError, CallError.
        """
        actor = await self._placed()
        facts: EngineFacts = await self._result(actor.ready.remote())
        return facts

    async def status(self) -> dict[str, Any]:
        """Returns the actor's own account of itself. Errors: CallError where nobody answers."""
        actor = await self._placed()
        try:
            found: dict[str, Any] = await asyncio.wait_for(self._result(actor.status.remote()), STATUS_S)
        except TimeoutError as error:
            raise CallError("The GPU actor does not answer.", code="CALL_TIMED_OUT") from error
        return {"name": actor_name(self._settings), **found}

    async def is_back(self) -> bool:
        try:
            return bool((await self.status())["state"] == "ready")
        except YivideoError:
            return False

    async def send(self, ticket: Ticket, payload: tuple[Any, ...]) -> Reply:
        actor = await self._placed()
        ref = actor.call.remote(ticket, *payload)
        call = asyncio.ensure_future(self._result(ref))
        silent_s = 0.0
        try:
            while True:
                done, _ = await asyncio.wait([call], timeout=WATCH_S if not silent_s else SILENCE_S)
                if done:
                    reply: Reply = call.result()
                    return reply
                silent_s = 0.0 if await self._answers() else silent_s + SILENCE_S
                # The actor ends itself after lock_timeout; past that its machine is gone, or frozen as a whole.
                if silent_s > self._settings.gpu_lock.lock_timeout + SILENCE_S:
                    raise CallError("The GPU actor has stopped answering.", code="ACTOR_LOST")
        finally:
            if not call.done():
                call.cancel()
                with contextlib.suppress(Exception):
                    ray.cancel(ref)

    async def _answers(self) -> bool:
        try:
            await self.status()
        except YivideoError as error:
            return error.code.name != "CALL_TIMED_OUT"
        return True

    async def _result(self, ref: Any) -> Any:
        try:
            return await ref
        except Exception as error:
            ours = translate(error)
            if ours.facts.get("gone"):
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
            self._started = True
        return actor

    def _place(self) -> Any:
        if self._settings.gpu.device == "gpu" and self._cluster.gpus < 1:
            raise DeviceError("gpu.device is gpu, and the cluster has no GPU.", cluster_gpus=self._cluster.gpus)
        settings = self._settings
        if not self.on_gpu:
            settings = settings.model_copy(update={"gpu": settings.gpu.model_copy(update={"device": "cpu"})})
        # Any: the decorator's types hide what it adds to the class.
        decorated: Any = GpuActor
        return decorated.options(
            name=actor_name(self._settings),
            namespace=self._cluster.namespace,
            get_if_exists=True,
            num_gpus=1 if self.on_gpu else 0,
            lifetime="detached" if self._cluster.joined else None,
        ).remote(settings)

    async def _await_start(self, actor: Any) -> None:
        """Waits until the actor has a process. One that finds no place is ended, not left pending."""
        try:
            await asyncio.wait_for(self._result(actor.__ray_ready__.remote()), PLACE_S)
        except TimeoutError as error:
            self._actor = None
            ray.kill(actor)
            raise DeviceError(
                f"No GPU of the cluster became free within {PLACE_S:g} s."
                if self.on_gpu
                else f"The GPU actor did not start within {PLACE_S:g} s."
            ) from error
