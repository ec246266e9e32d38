"""One GPU actor, or one for each of several GPUs, as a single place to send work to: the least busy one gets it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, YivideoError
from yivideo_ray.runtime.cluster import Cluster
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.link import ActorLink, Begin
from yivideo_ray.types import EngineFacts

__all__ = ["ActorPool", "actors_wanted"]

# Whoever takes longer to say how busy it is counts as busier than all others.
ASK_S = 1.0


def actors_wanted(settings: Settings, cluster: Cluster) -> int:
    """Returns how many actors gpu.actors asks for in this cluster.

    Errors: DeviceError DEVICE_UNAVAILABLE if gpu.device is gpu and there is none, or if the GPUs have less room.
    """
    wanted = settings.gpu.actors
    gpus = int(cluster.gpus) if settings.gpu.device != "cpu" else 0
    room = gpus * settings.gpu.per_device
    if settings.gpu.device == "gpu" and not gpus:
        raise DeviceError("gpu.device is gpu, and the cluster has no GPU.", cluster_gpus=cluster.gpus)
    if wanted == "auto":
        return max(1, room)
    if gpus and wanted > room:
        each = f", each with room for {settings.gpu.per_device}" if settings.gpu.per_device > 1 else ""
        raise DeviceError(
            f"gpu.actors is {wanted}, and the cluster has {gpus} GPU{'s' if gpus > 1 else ''}{each}.",
            remedy="Set gpu.actors: auto, or to what the GPUs have room for (gpu.per_device).",
            cluster_gpus=cluster.gpus,
        )
    return wanted


class ActorPool:
    """What the workflows of a session share. Its links are made when they are first needed."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        self._settings = settings
        self._cluster = cluster
        self._made: list[ActorLink] = []
        self._turn = 0
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def links(self) -> list[ActorLink]:
        """Returns a link per actor. Errors: those of actors_wanted."""
        if not self._made:
            wanted = actors_wanted(self._settings, self._cluster)
            self._made = [ActorLink(self._settings, self._cluster, slot) for slot in range(wanted)]
        return self._made

    @property
    def on_gpu(self) -> bool:
        """Returns whether the actors get GPUs of the cluster."""
        return self._settings.gpu.device != "cpu" and self._cluster.gpus >= 1

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, as the first actor that is ready says; starts all of them.

        Errors: those of ActorLink.ready, if none becomes ready, and of actors_wanted.
        """
        waiting = {self._start(link.ready()) for link in self.links}
        first: YivideoError | None = None
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    found: EngineFacts = task.result()
                    return found
                if not isinstance(error, YivideoError):
                    raise error
                first = first or error
        assert first is not None, "there is one actor at least"
        raise first

    async def status(self, *, place: bool = True) -> list[dict[str, Any]]:
        """Returns each actor's account of itself; of one that does not answer, its name and the error.

        place: start those that are not there.
        """
        return list(await asyncio.gather(*(_status(link, place) for link in self.links)))

    async def is_back(self) -> bool:
        """Returns whether an actor answers that is ready: a real inference went through in its very process."""
        return any(await asyncio.gather(*(link.is_back() for link in self.links)))

    async def send(self, ticket: Ticket, begin: Begin) -> Reply:
        """Returns the reply to one attempt, from the least busy actor. Errors: as ActorLink.send."""
        return await (await self._least_busy()).send(ticket, begin)

    async def _least_busy(self) -> ActorLink:
        links = self.links
        if len(links) == 1:
            return links[0]
        loads = await asyncio.gather(*(self._load(link) for link in links))
        # Of equally busy ones each has its turn.
        self._turn += 1
        slots = sorted(range(len(links)), key=lambda slot: (slot - self._turn) % len(links))
        # What this process has just sent may not have arrived there yet.
        return links[min(slots, key=lambda slot: (max(loads[slot], links[slot].in_flight), links[slot].in_flight))]

    async def _load(self, link: ActorLink) -> float:
        asked = self._start(link.load())
        done, _ = await asyncio.wait([asked], timeout=ASK_S)
        return asked.result() if done and asked.exception() is None else math.inf

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts something that goes on when whoever started it no longer waits."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled():
            task.exception()


async def _status(link: ActorLink, place: bool) -> dict[str, Any]:
    try:
        return await link.status(place=place)
    except YivideoError as error:
        return {"name": link.name, "state": "silent", "ready": False, "error": error.as_dict()}
