"""One call at a time on the device: the lane of the GPU actor, without Ray. The order of those that wait is mailbox's.

Calls that wait one behind the other may have their turn as one. A lane belongs to one event loop and one process. What
a call does, how the process ends and who may call are others' business.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeGuard

from yivideo_ray.errors import CallError, DeviceError, YivideoError
from yivideo_ray.runtime.gpu.calls import Reply, Ticket
from yivideo_ray.runtime.gpu.mailbox import Mailbox
from yivideo_ray.runtime.gpu.status import History

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
    payload: Any
    answer: asyncio.Future[Reply]
    since: float
    expiry: asyncio.TimerHandle | None = None


class Lane:
    """Runs `serve` with the calls handed to it, one after the other, on `executor`, which must have one thread.

    serve gets a call's ticket and payload, and returns its result. Of calls that are next to each other in the queue
    and whose tickets join, it gets up to most_together() at once, and returns a result or an exception for each. What
    it raises is the error of all.

    prepare is awaited before that (the engine's loading), outside the time limit. A call that holds the lane for more
    than timeout_s, or whose error says that the device is lost, means that this process is lost: its caller and all
    that wait get their errors, and `leave` is called with a sentence and the call's key, or those of all that were
    served as one; it must end the process. `worn_out` is asked after each call: a sentence from it ends the process
    the same way, blaming nobody.
    """

    def __init__(
        self,
        executor: ThreadPoolExecutor,
        serve: Callable[[Sequence[tuple[Ticket, Any]]], list[Any]],
        *,
        size: int,
        timeout_s: float,
        by_priority: bool,
        prepare: Callable[[], Awaitable[object]],
        leave: Callable[..., None],
        worn_out: Callable[[], str] = str,
        most_together: Callable[[], int] = lambda: 1,
    ) -> None:
        self.executor = executor
        self._serve_calls = serve
        self._size = size
        self._timeout_s = timeout_s
        self._prepare = prepare
        self._leave = leave
        self._worn_out = worn_out
        self._most_together = most_together
        self._mailbox: Mailbox[_Waiting] = Mailbox(by_priority=by_priority)
        self._arrived = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._error: CallError | None = None
        # Whose turn it is, while the engine still loads: neither waiting for others nor on the device.
        self._next: _Waiting | None = None
        self._running: list[_Waiting] = []
        self._since = 0.0
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
    def running(self) -> tuple[list[Ticket], float]:
        """Returns the tickets of the running call, or of those that run as one, and the seconds they have held the
        lane."""
        return [item.ticket for item in self._running], time.monotonic() - self._since

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

    async def run(self, ticket: Ticket, payload: Any) -> Reply:
        """Returns what serve returns for the call, once it has had its turn.

        Errors: CallError MAILBOX_FULL (nothing was queued), WAIT_EXCEEDED (it waited for ticket.wait_left_s and never
        ran), CALL_TIMED_OUT, ACTOR_LOST; those of serve and prepare.
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
        item = _Waiting(ticket, payload, loop.create_future(), time.monotonic())
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
        running, seconds = self.running
        on_device = [(ticket.kind.value, seconds / len(running)) for ticket in running]
        return self.history.waits(on_device, [ticket.kind.value for ticket in tickets])

    def _expire(self, item: _Waiting) -> None:
        if item in self._running:
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
                    self._give_up(f"The engine failed to start: {error}")
                continue
            self._next = None
            if not item.answer.done() and self._error is None:
                await self._hold([item, *self._companions(item)])

    def _companions(self, first: _Waiting) -> list[_Waiting]:
        """Takes out of the mailbox what has its turn together with a call."""
        found: list[_Waiting] = []
        most = self._most_together()
        following = self._mailbox.next_ticket()
        while len(found) + 1 < most and following is not None and first.ticket.joins(following):
            found.append(self._mailbox.take())
            following = self._mailbox.next_ticket()
        return found

    async def _hold(self, items: list[_Waiting]) -> None:
        started = self._since = time.monotonic()
        self._running = items
        calls = [(item.ticket, item.payload) for item in items]
        call = asyncio.get_running_loop().run_in_executor(self.executor, self._serve_calls, calls)
        done, _ = await asyncio.wait([call], timeout=self._timeout_s)
        ended = time.monotonic()
        culprits = [item.ticket.key for item in items]
        if not done:
            sentence = f"A call held the GPU for more than {self._timeout_s:g} s."
            for item in items:
                self._fail(item, CallError(sentence, code="CALL_TIMED_OUT", lock_timeout_s=self._timeout_s))
            self._give_up(sentence, *culprits)
            return
        self._running = []
        error = call.exception()
        results = call.result() if error is None else [error] * len(items)
        ran_s = (ended - started) / len(items)
        for item, result in zip(items, results, strict=True):
            if isinstance(result, BaseException):
                self._fail(item, _copy(result) if len(items) > 1 and isinstance(result, YivideoError) else result)
                continue
            self.counts.done += 1
            self.history.add(item.ticket.kind.value, ran_s)
            if not item.answer.done():
                item.answer.set_result(
                    Reply(result, started - item.since, ran_s, together=len(items), held=((started, ended),))
                )
        if error is not None and is_fatal(error):
            self._give_up(f"{error.code.name}: {error.message}", *culprits)
            return
        worn_out = self._worn_out()
        if worn_out:
            self._give_up(worn_out, planned=True)

    def _fail(self, item: _Waiting, error: BaseException, *, counted: bool = True) -> None:
        self.counts.failed += counted
        if not item.answer.done():
            item.answer.set_exception(error)

    def _give_up(self, sentence: str, *culprits: str, planned: bool = False) -> None:
        self.abandon(sentence, planned=planned)
        self._leave(sentence, *culprits)


def is_fatal(error: BaseException) -> TypeGuard[DeviceError]:
    """Returns whether the process that met this error can't be trusted with another call: the device failed, or has
    no memory even for the smallest batches."""
    return isinstance(error, DeviceError) and error.code.name in {"DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"}


def _copy(error: YivideoError) -> YivideoError:
    """Returns an error of its own for each caller: tracebacks are attached where it is raised."""
    return type(error)(error.message, code=error.code.name, remedy=error.remedy, **error.facts)
