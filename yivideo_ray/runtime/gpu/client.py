"""Work that needs the GPU actor, tried again as gpu_lock says: the only retry layer. No Ray here.

backoff decides, pool sends; this waits in between.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import CallError, YivideoError
from yivideo_ray.jobs import Priority
from yivideo_ray.runtime.gpu.backoff import Reason, decide, longest_wait
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.types import EngineFacts

__all__ = ["Caller", "GpuClient", "Link", "OnRetry"]

POLL_S = 0.5
CURED_BY_A_NEW_PROCESS = frozenset({"ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"})

Result = TypeVar("Result")
OnRetry = Callable[[YivideoError, int, float], None]
"""Called with the error, the attempt that failed (from 1) and the longest wait in seconds before the next."""


class Link(Protocol):
    """The way to the actors."""

    async def send(self, ticket: Ticket, begin: Any) -> Reply:
        """Returns the reply to one attempt, which begin begins. Errors: YivideoError only. Cancelling it cancels it."""
        ...

    async def ready(self) -> EngineFacts:
        """Returns what runs the models, after a real inference. Errors: YivideoError only."""
        ...

    async def is_back(self) -> bool:
        """Returns whether a process answers that has its engine ready."""
        ...


class GpuClient:
    """What workflows of one process use together. sleep, now, rng and sequence are the world; tests bring their own."""

    def __init__(
        self,
        link: Link,
        settings: GpuLockSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        sequence: Callable[[], int] = time.time_ns,
    ) -> None:
        self._link = link
        self._settings = settings
        self._sleep = sleep
        self._now = now
        self._rng = rng or random.Random()
        self._sequence = sequence

    async def call(
        self,
        kind: CallKind,
        workflow_id: str,
        key: str,
        begin: Any,
        *,
        priority: Priority = Priority.BATCH,
        on_retry: OnRetry,
    ) -> Reply:
        """Returns the reply to the work that begin begins (link.Begin), once for each attempt.

        key names the work within the workflow. Errors: whatever the last attempt met, or CallError WAIT_EXCEEDED; with
        facts["attempts"], and in facts["tried"] the code of each attempt that was followed by another. A process that
        is replaced by plan costs no attempt.
        """
        ticket = Ticket(kind, workflow_id, f"{workflow_id}/{kind.value}/{key}", self._sequence(), priority)

        async def send(attempt: int, left_s: float) -> Reply:
            return await self._link.send(replace(ticket, attempt=attempt, wait_left_s=left_s), begin)

        return await self._persist(send, on_retry)

    async def ready(self, on_retry: OnRetry) -> EngineFacts:
        """Returns what Link.ready returns; tried again as calls are. Errors: as call."""

        async def ask(attempt: int, left_s: float) -> EngineFacts:
            return await self._link.ready()

        return await self._persist(ask, on_retry)

    async def _persist(self, attempt_made: Callable[[int, float], Awaitable[Result]], on_retry: OnRetry) -> Result:
        """Returns what attempt_made returns; it is given the number of the attempt, and the seconds left to wait."""
        began = self._now()
        tried: list[str] = []
        while True:
            attempt = len(tried) + 1
            try:
                return await attempt_made(attempt, self._settings.max_wait - (self._now() - began))
            except YivideoError as error:
                elapsed_s = self._now() - began
                if error.facts.get("planned") and elapsed_s < self._settings.max_wait:
                    await self._wait(longest_wait(1, self._settings), until_back=True)
                    continue
                decision = decide(error, attempt, elapsed_s, self._settings, self._rng)
                if decision.wait_s is None:
                    final = _final(error, decision.reason, elapsed_s, tried)
                    if final is error:
                        raise
                    raise final from error
                tried.append(error.code.name)
                on_retry(error, attempt, decision.wait_s)
                await self._wait(decision.wait_s, until_back=error.code.name in CURED_BY_A_NEW_PROCESS)

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


@dataclass(frozen=True, slots=True)
class Caller:
    """The calls of one workflow."""

    gpu: GpuClient
    workflow_id: str
    priority: Priority
    on_retry: OnRetry

    async def ready(self) -> EngineFacts:
        """Does what GpuClient.ready does."""
        return await self.gpu.ready(self.on_retry)

    async def call(self, kind: CallKind, key: str, begin: Any) -> Reply:
        """Does what GpuClient.call does."""
        return await self.gpu.call(kind, self.workflow_id, key, begin, priority=self.priority, on_retry=self.on_retry)


def _final(error: YivideoError, reason: Reason, elapsed_s: float, tried: list[str]) -> YivideoError:
    if reason is Reason.WAIT_EXHAUSTED:
        error = CallError(
            f"A call to the GPU was given up after {elapsed_s:.0f} s; at last: {error.message}",
            code="WAIT_EXCEEDED",
            waited_s=round(elapsed_s, 3),
            last=error.code.name,
        )
    error.facts["attempts"] = len(tried) + 1
    if tried:
        error.facts["tried"] = tried
    return error
