"""A GPU client in the test's own process, as a workflow has one, and what it sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import Priority
from yivideo_ray.ocr.testing.pattern import draw_pattern
from yivideo_ray.runtime import cluster
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu.client import GpuClient
from yivideo_ray.runtime.gpu.pool import ActorPool

LIMIT_S = 100


def reading(*texts: str) -> Callable[[Any, Ticket], Any]:
    """Returns how the reading of lines begins that show the texts: a call to the actor, as a task makes it."""
    lines = [draw_pattern(text, margin_px=12) for text in texts]
    return lambda actor, ticket: actor.call.remote(replace(ticket, method="recognize"), lines)


class Driver:
    """A client and its pool. retries: the codes of the failed attempts that were followed by another."""

    def __init__(self, settings: Settings, namespace: str) -> None:
        self.pool = ActorPool(settings, cluster.start(namespace))
        self.gpu = GpuClient(self.pool, settings.gpu_lock)
        self.retries: list[str] = []

    def read(
        self, *texts: str, key: str = "0", workflow: str = "w", priority: Priority = Priority.BATCH
    ) -> asyncio.Task[Reply]:
        call = self.gpu.call(
            CallKind.PERFORM_OCR, workflow, key, reading(*texts), priority=priority, on_retry=self._note
        )
        return asyncio.ensure_future(call)

    async def status(self) -> dict[str, Any]:
        """Returns the only actor's account of itself."""
        (found,) = await self.pool.status()
        return found

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            found = await self.status()
            if found["state"] != "silent" and fits(found):
                return found
            await asyncio.sleep(0.05)

    def _note(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self.retries.append(error.code.name)


def drive(settings: Settings, namespace: str, scenario: Callable[[Driver], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scenario(Driver(settings, namespace)), LIMIT_S)

    asyncio.run(run())


def texts(reply: Reply) -> list[str]:
    return [reading.text for reading in reply.value]


def calls_begun(log: Path) -> list[dict[str, Any]]:
    """Returns the scripted engine's log entries of calls that began."""
    if not log.exists():
        return []
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [entry for entry in entries if entry["event"] == "start"]
