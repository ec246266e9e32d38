"""Calls to the GPU actor, tried again as gpu_lock says: the only retry layer. No Ray here.

backoff decides, actor_link sends; this waits in between.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import YivideoError
from yivideo_ray.runtime.backoff import decide
from yivideo_ray.runtime.calls import CallKind, Reply, Ticket

__all__ = ["GpuClient", "Link", "OnRetry"]

POLL_S = 0.5
CURED_BY_A_NEW_PROCESS = frozenset({"ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_FAILED"})

OnRetry = Callable[[YivideoError, int, float], None]
"""Called with the error, the attempt that failed (from 1) and the longest wait in seconds before the next."""


class Link(Protocol):
    """The way to one actor."""

    async def send(self, ticket: Ticket, payload: tuple[Any, ...]) -> Reply:
        """Returns the reply to one attempt. Errors: YivideoError only. Cancelling it cancels the call."""
        ...

    async def is_back(self) -> bool:
        """Returns whether a process answers that has its engine ready."""
        ...


class GpuClient:
    """What workflows of one process use together. sleep, rng and sequence are the world; tests bring their own."""

    def __init__(
        self,
        link: Link,
        settings: GpuLockSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        sequence: Callable[[], int] = time.time_ns,
    ) -> None:
        self._link = link
        self._settings = settings
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._sequence = sequence

    async def call(
        self, kind: CallKind, workflow_id: str, key: str, *payload: Any, priority: int = 0, on_retry: OnRetry
    ) -> Reply:
        """Returns the reply to the call; ObjectRefs in payload reach the stage as their values.

        key names the call within the workflow. Errors: whatever the last attempt met, with facts["attempts"].
        """
        first = Ticket(kind, workflow_id, f"{workflow_id}/{kind.value}/{key}", self._sequence(), priority)
        for attempt in itertools.count(1):
            try:
                return await self._link.send(replace(first, attempt=attempt), payload)
            except YivideoError as error:
                decision = decide(error, attempt, self._settings, self._rng)
                if decision.wait_s is None:
                    error.facts["attempts"] = attempt
                    raise
                on_retry(error, attempt, decision.wait_s)
                await self._wait(decision.wait_s, until_back=error.code.name in CURED_BY_A_NEW_PROCESS)
        raise AssertionError("itertools.count ends never")

    async def _wait(self, wait_s: float, *, until_back: bool) -> None:
        """Waits wait_s, or less where the cause is a lost process and its successor is ready earlier."""
        if not until_back:
            await self._sleep(wait_s)
            return
        left = wait_s
        while left > 0:
            step = min(POLL_S, left)
            await self._sleep(step)
            left -= step
            if left > 0 and await self._link.is_back():
                return
