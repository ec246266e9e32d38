"""Threads for what blocks inside an event loop, a few for each kind of work: what stalls in one kind holds up no other.

asyncio's own pool is one for all: six reads of a server that doesn't answer would stop whatever else needs a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from yivideo_ray.errors import ServiceError

__all__ = ["AbandonableThreads", "Threads"]

Result = TypeVar("Result")
RETRY_AFTER_S = 2


class Threads:
    """size threads of one kind of work, which end with close. Calls wait for one in their order, max_waiting of them at
    most."""

    def __init__(self, name: str, size: int, max_waiting: int = 1000) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._name = name
        self._most = size + max_waiting
        self._calls = 0

    async def run(self, call: Callable[..., Result], *arguments: object, **named: object) -> Result:
        """Returns what call returns. Cancelled, it is not made if it has not begun. Errors: ServiceError
        TOO_MANY_REQUESTS if too many wait already, and call's own."""
        if self._calls >= self._most:
            raise ServiceError(
                f"Too many requests wait for {self._name}.", code="TOO_MANY_REQUESTS", retry_after_s=RETRY_AFTER_S
            )
        self._calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *arguments, **named))
        finally:
            self._calls -= 1

    def close(self) -> None:
        """Makes no further call; one that is under way is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class AbandonableThreads:
    """A thread for each call that may never return, such as a read of a server or of a disk that is gone.

    at_once calls are made at a time. One that is cancelled, or that takes longer than limit_s (None: as long as it
    likes), gives its place to the next at once; its thread goes on until the call returns, and keeps no process from
    ending. Where a process has MAX_THREADS of them, no further call is made until one returns.
    """

    def __init__(self, name: str, at_once: int, *, limit_s: float | None = None) -> None:
        self._name = name
        self._limit_s = limit_s
        self._places = asyncio.Semaphore(at_once)

    async def run(self, call: Callable[..., Result], *arguments: object, **named: object) -> Result:
        """Returns what call returns. Errors: TimeoutError after limit_s, waiting for a place among it; ServiceError
        TOO_MANY_REQUESTS if too many threads go on already; call's own."""
        async with asyncio.timeout(self._limit_s), self._places:
            if not _threads.acquire(blocking=False):
                raise ServiceError(
                    f"Too many calls hang, and {self._name} needs one.",
                    code="TOO_MANY_REQUESTS",
                    retry_after_s=RETRY_AFTER_S,
                )
            return await self._begin(partial(call, *arguments, **named))

    def _begin(self, call: Callable[[], Result]) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def end(result: Result | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type]
            else:
                future.set_exception(error)

        def work() -> None:
            result, error = None, None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            finally:
                _threads.release()
            # The loop may have ended before the call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(end, result, error)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return future


MAX_THREADS = 512
_threads = threading.BoundedSemaphore(MAX_THREADS)
