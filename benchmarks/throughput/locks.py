"""The global lock of serialized workflows: handed over at once, or polled as the old system did. No Ray here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from yivideo_ray.types import Stage

__all__ = ["GlobalLock", "HandedOver", "Polled", "polling_wait_s"]

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 60.0


def polling_wait_s(failures: int) -> float:
    """Returns how long the old system waited after so many attempts to take its lock: 10 s, doubling up to 60 s."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (failures - 1))


class _Taken(Protocol):
    async def acquire(self) -> Any: ...

    def release(self) -> None: ...


class HandedOver(asyncio.Lock):
    """The ideal lock: whoever has waited longest gets it at once."""


class Polled:
    """The old system's lock: whoever finds it taken sleeps and tries again, and whoever comes meanwhile gets it."""

    def __init__(self) -> None:
        self._taken = False

    async def acquire(self) -> None:
        failures = 0
        while self._taken:
            failures += 1
            await asyncio.sleep(polling_wait_s(failures))
        self._taken = True

    def release(self) -> None:
        self._taken = False


class GlobalLock:
    """What all serialized workflows of a batch share. held_s: the seconds of each stage together."""

    def __init__(self, lock: _Taken) -> None:
        self.held_s: dict[Stage, float] = {}
        self._lock = lock

    @asynccontextmanager
    async def held(self, stage: Stage, waits: list[float]) -> AsyncIterator[None]:
        """Holds the lock inside; what it took to get it is appended to waits."""
        asked = time.monotonic()
        await self._lock.acquire()
        taken = time.monotonic()
        waits.append(taken - asked)
        try:
            yield
        finally:
            self.held_s[stage] = self.held_s.get(stage, 0.0) + time.monotonic() - taken
            self._lock.release()
