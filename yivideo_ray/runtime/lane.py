"""One call at a time on the device: the mailbox and the lane of the GPU actor, without Ray.

A lane belongs to one event loop and one process. What a call does, how the process ends and who may call
are others' business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from yivideo_ray.errors import CallError, DeviceError
from yivideo_ray.runtime.calls import Reply, Ticket

__all__ = ["Lane", "LaneCounts", "is_fatal"]


@dataclass(slots=True)
class LaneCounts:
    """Calls since the process started."""

    done: int = 0
    failed: int = 0
    refused: int = 0
    dropped: int = 0


@dataclass(slots=True, order=True)
class _Waiting:
    place: tuple[int, int, int]
    ticket: Ticket = field(compare=False)
    work: Callable[[], Any] = field(compare=False)
    answer: asyncio.Future[Reply] = field(compare=False)
    since: float = field(compare=False)
    in_mailbox: bool = field(compare=False, default=True)


class Lane:
    """Runs the calls handed to it one after the other on `executor`, which must have one thread.

    prepare is awaited before each call (the engine's loading), outside the call's time limit. A call that holds the
    lane for more than timeout_s, or that reports DEVICE_FAILED, means that this process is lost: its caller and all
    that wait get their errors, then `leave` is called with a sentence; it must end the process.
    """

    def __init__(
        self,
        executor: ThreadPoolExecutor,
        *,
        size: int,
        timeout_s: float,
        by_priority: bool,
        prepare: Callable[[], Awaitable[object]],
        leave: Callable[[str], None],
    ) -> None:
        self._executor = executor
        self._size = size
        self._timeout_s = timeout_s
        self._by_priority = by_priority
        self._prepare = prepare
        self._leave = leave
        self._queue: asyncio.PriorityQueue[_Waiting] = asyncio.PriorityQueue()
        self._runner: asyncio.Task[None] | None = None
        self._admitted = 0
        self._arrivals = 0
        self._lost = ""
        self._running: tuple[Ticket, float] | None = None
        self.counts = LaneCounts()

    @property
    def lost(self) -> bool:
        """Returns whether the lane has given up its process."""
        return bool(self._lost)

    @property
    def waiting(self) -> int:
        """Returns how many calls are admitted and not yet running."""
        return self._admitted

    @property
    def running(self) -> tuple[Ticket, float] | None:
        """Returns the running call's ticket and the seconds it has held the lane."""
        running = self._running
        return None if running is None else (running[0], time.monotonic() - running[1])

    async def run(self, ticket: Ticket, work: Callable[[], Any]) -> Reply:
        """Returns what work returns, once it has had its turn.

        Errors: CallError MAILBOX_FULL (nothing was queued), CALL_TIMED_OUT, ACTOR_LOST; those of work and prepare.
        Cancelling a waiting call takes it out of the mailbox; a running one runs to its end.
        """
        if self._lost:
            raise CallError(self._lost, code="ACTOR_LOST")
        if self._admitted >= self._size:
            self.counts.refused += 1
            raise CallError(f"{self._admitted} calls wait for the GPU already.", code="MAILBOX_FULL", size=self._size)
        loop = asyncio.get_running_loop()
        if self._runner is None:
            self._runner = loop.create_task(self._serve())
        self._arrivals += 1
        place = (ticket.priority if self._by_priority else 0, ticket.sequence, self._arrivals)
        item = _Waiting(place, ticket, work, loop.create_future(), time.monotonic())
        self._admitted += 1
        item.answer.add_done_callback(lambda answer: self._answered(item, answer))
        self._queue.put_nowait(item)
        return await item.answer

    def _answered(self, item: _Waiting, answer: asyncio.Future[Reply]) -> None:
        if answer.cancelled() and item.in_mailbox:
            self.counts.dropped += 1
        self._take_out(item)

    def _take_out(self, item: _Waiting) -> None:
        if item.in_mailbox:
            item.in_mailbox = False
            self._admitted -= 1

    async def _serve(self) -> None:
        while not self._lost:
            item = await self._queue.get()
            if item.answer.done():
                continue
            try:
                await self._prepare()
            except Exception as error:
                self._fail(item, error)
                if is_fatal(error):
                    self._abandon(f"The engine failed to start: {error}")
                continue
            if not item.answer.done():
                await self._hold(item)

    async def _hold(self, item: _Waiting) -> None:
        started = time.monotonic()
        self._take_out(item)
        self._running = (item.ticket, started)
        call = asyncio.get_running_loop().run_in_executor(self._executor, item.work)
        done, _ = await asyncio.wait([call], timeout=self._timeout_s)
        ended = time.monotonic()
        if not done:
            sentence = f"A call held the GPU for more than {self._timeout_s:g} s."
            self._fail(item, CallError(sentence, code="CALL_TIMED_OUT", lock_timeout_s=self._timeout_s))
            self._abandon(sentence)
            return
        error = call.exception()
        if error is not None:
            self._fail(item, error)
            if is_fatal(error):
                self._abandon(f"The device failed: {error}")
        else:
            self.counts.done += 1
            if not item.answer.done():
                item.answer.set_result(Reply(call.result(), started - item.since, ended - started))
        self._running = None

    def _fail(self, item: _Waiting, error: BaseException) -> None:
        self.counts.failed += 1
        if not item.answer.done():
            item.answer.set_exception(error)

    def _abandon(self, sentence: str) -> None:
        self._lost = sentence
        while not self._queue.empty():
            item = self._queue.get_nowait()
            if not item.answer.done():
                item.answer.set_exception(CallError(sentence, code="ACTOR_LOST"))
        self._leave(sentence)


def is_fatal(error: BaseException) -> bool:
    """Returns whether the process that met this error can't be trusted with another call."""
    return isinstance(error, DeviceError) and error.code.name == "DEVICE_FAILED"
