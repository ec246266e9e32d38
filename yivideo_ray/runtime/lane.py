"""One call at a time on the device: the lane of the GPU actor, without Ray. The order of those that wait is mailbox's.

A lane belongs to one event loop and one process. What a call does, how the process ends and who may call
are others' business.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeGuard

from yivideo_ray.errors import CallError, DeviceError
from yivideo_ray.runtime.calls import Reply, Ticket
from yivideo_ray.runtime.history import History
from yivideo_ray.runtime.mailbox import Mailbox

__all__ = ["Lane", "LaneCounts", "is_fatal"]

# Positions that a status tells one by one.
LISTED = 100


@dataclass(slots=True)
class LaneCounts:
    """Calls since the process started. refused: the mailbox was full; dropped: cancelled, or given up waiting."""

    done: int = 0
    failed: int = 0
    refused: int = 0
    dropped: int = 0


@dataclass(slots=True, eq=False)
class _Waiting:
    ticket: Ticket
    work: Callable[[], Any]
    answer: asyncio.Future[Reply]
    since: float
    expiry: asyncio.TimerHandle | None = None


class Lane:
    """Runs the calls handed to it one after the other on `executor`, which must have one thread.

    prepare is awaited before each call (the engine's loading), outside the call's time limit. A call that holds the
    lane for more than timeout_s, or whose error says that the device is lost, means that this process is lost: its
    caller and all that wait get their errors, and `leave` is called with a sentence and the call's key; it must end
    the process. `worn_out` is asked after each call: a sentence from it ends the process the same way, blaming nobody.
    """

    def __init__(
        self,
        executor: ThreadPoolExecutor,
        *,
        size: int,
        timeout_s: float,
        by_priority: bool,
        prepare: Callable[[], Awaitable[object]],
        leave: Callable[[str, str | None], None],
        worn_out: Callable[[], str] = str,
    ) -> None:
        self.executor = executor
        self._size = size
        self._timeout_s = timeout_s
        self._prepare = prepare
        self._leave = leave
        self._worn_out = worn_out
        self._mailbox: Mailbox[_Waiting] = Mailbox(by_priority=by_priority)
        self._arrived = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._error: CallError | None = None
        # Whose turn it is, while the engine still loads: neither waiting for others nor on the device.
        self._next: _Waiting | None = None
        self._running: tuple[_Waiting, float] | None = None
        self.counts = LaneCounts()
        self.history = History()

    @property
    def lost(self) -> bool:
        """Returns whether the lane has given up its process."""
        return self._error is not None

    @property
    def planned(self) -> bool:
        """Returns whether it has done so because the process was worn out."""
        return self._error is not None and bool(self._error.facts.get("planned"))

    @property
    def waiting(self) -> int:
        """Returns how many calls are admitted and not yet running."""
        return len(self._mailbox) + (self._next is not None)

    @property
    def running(self) -> tuple[Ticket, float] | None:
        """Returns the running call's ticket and the seconds it has held the lane."""
        running = self._running
        return None if running is None else (running[0].ticket, time.monotonic() - running[1])

    def queue(self) -> list[tuple[Ticket, float, float | None]]:
        """Returns the tickets of the next LISTED turns in their order, each with the seconds it has waited and those
        that it will probably wait; None before anything is known."""
        now = time.monotonic()
        items = [*([self._next] if self._next else []), *self._mailbox.in_order(LISTED)][:LISTED]
        waits = self._waits(item.ticket for item in items)
        return [(item.ticket, now - item.since, wait) for item, wait in zip(items, waits, strict=False)]

    def expected_wait_s(self) -> float | None:
        """Returns how long a call that came now would probably wait, if all that wait go before it."""
        items = [*([self._next] if self._next else []), *self._mailbox]
        return self._waits(item.ticket for item in items)[-1]

    async def run(self, ticket: Ticket, work: Callable[[], Any]) -> Reply:
        """Returns what work returns, once it has had its turn.

        Errors: CallError MAILBOX_FULL (nothing was queued), WAIT_EXCEEDED (it waited for ticket.wait_left_s and never
        ran), CALL_TIMED_OUT, ACTOR_LOST; those of work and prepare.
        Cancelling a waiting call takes it out of the mailbox; a running one runs to its end.
        """
        if self._error is not None:
            raise _copy(self._error)
        if self.waiting >= self._size:
            self.counts.refused += 1
            raise CallError(f"{self.waiting} calls wait for the GPU already.", code="MAILBOX_FULL", size=self._size)
        loop = asyncio.get_running_loop()
        if self._runner is None:
            self._runner = loop.create_task(self._serve())
        item = _Waiting(ticket, work, loop.create_future(), time.monotonic())
        if math.isfinite(ticket.wait_left_s):
            item.expiry = loop.call_later(ticket.wait_left_s, self._expire, item)
        item.answer.add_done_callback(lambda answer: self._answered(item, answer))
        self._mailbox.put(ticket, item)
        self._arrived.set()
        return await item.answer

    def abandon(self, sentence: str, *, planned: bool = False) -> None:
        """Answers all that wait, and whoever comes, with ACTOR_LOST: the process is about to end."""
        facts: dict[str, Any] = {"planned": True} if planned else {}
        self._error = CallError(sentence, code="ACTOR_LOST", **facts)
        for item in self._mailbox.clear():
            self._fail(item, _copy(self._error), counted=False)
        if self._next is not None:
            self._fail(self._next, _copy(self._error), counted=False)

    def _waits(self, tickets: Iterable[Ticket]) -> list[float | None]:
        running = self.running
        on_device = [] if running is None else [(running[0].kind.value, running[1])]
        return self.history.waits(on_device, [ticket.kind.value for ticket in tickets])

    def _expire(self, item: _Waiting) -> None:
        if self._running is not None and self._running[0] is item:
            return
        waited_s = time.monotonic() - item.since
        error = CallError(f"A call waited {waited_s:.1f} s for the GPU.", code="WAIT_EXCEEDED", waited_s=waited_s)
        self._fail(item, error, counted=False)
        self.counts.dropped += 1

    def _answered(self, item: _Waiting, answer: asyncio.Future[Reply]) -> None:
        if item.expiry is not None:
            item.expiry.cancel()
        was_waiting = self._mailbox.discard(item)
        if answer.cancelled() and (was_waiting or self._next is item):
            self.counts.dropped += 1

    async def _serve(self) -> None:
        while self._error is None:
            if not len(self._mailbox):
                self._arrived.clear()
                await self._arrived.wait()
                continue
            item = self._next = self._mailbox.take()
            try:
                await self._prepare()
            except Exception as error:
                self._next = None
                self._fail(item, error)
                if is_fatal(error):
                    self._give_up(f"The engine failed to start: {error}", None)
                continue
            self._next = None
            if not item.answer.done() and self._error is None:
                await self._hold(item)

    async def _hold(self, item: _Waiting) -> None:
        started = time.monotonic()
        self._running = (item, started)
        call = asyncio.get_running_loop().run_in_executor(self.executor, item.work)
        done, _ = await asyncio.wait([call], timeout=self._timeout_s)
        ended = time.monotonic()
        if not done:
            sentence = f"A call held the GPU for more than {self._timeout_s:g} s."
            self._fail(item, CallError(sentence, code="CALL_TIMED_OUT", lock_timeout_s=self._timeout_s))
            self._give_up(sentence, item.ticket.key)
            return
        self._running = None
        error = call.exception()
        if error is None:
            self.counts.done += 1
            self.history.add(item.ticket.kind.value, ended - started)
            if not item.answer.done():
                item.answer.set_result(Reply(call.result(), started - item.since, ended - started))
        else:
            self._fail(item, error)
            if is_fatal(error):
                self._give_up(f"{error.code.name}: {error.message}", item.ticket.key)
                return
        worn_out = self._worn_out()
        if worn_out:
            self._give_up(worn_out, None, planned=True)

    def _fail(self, item: _Waiting, error: BaseException, *, counted: bool = True) -> None:
        self.counts.failed += counted
        if not item.answer.done():
            item.answer.set_exception(error)

    def _give_up(self, sentence: str, culprit: str | None, *, planned: bool = False) -> None:
        self.abandon(sentence, planned=planned)
        self._leave(sentence, culprit)


def is_fatal(error: BaseException) -> TypeGuard[DeviceError]:
    """Returns whether the process that met this error can't be trusted with another call: the device failed, or has
    no memory even for the smallest batches."""
    return isinstance(error, DeviceError) and error.code.name in {"DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"}


def _copy(error: CallError) -> CallError:
    """Returns an error of its own for each caller: tracebacks are attached where it is raised."""
    return CallError(error.message, code=error.code.name, remedy=error.remedy, **error.facts)
