"""Which workflow goes next where several wait: for a place among those at work, or for a core. Pure: no Ray.

Ray works on tasks in the order in which it is given them. With the chunks of all workflows in it, all would come on at
the same pace and be done at the end only. So a chunk is given to Ray when a core is about to be free, and the workflow
that is due first has one decoded: each is due about as long after it begins as its video lasts. Videos of one length
are decoded one after the other, a short one before what is left of a long one, and a long one waits for none that
begins when it is due itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections import deque
from collections.abc import AsyncIterator

__all__ = ["DeadlineScheduler", "Queue", "due_at", "workflows_at_once"]

# What a video counts as whose length its file doesn't tell.
_UNKNOWN_S = 3600.0
# What keeps a small cluster busy. Each workflow more holds crops in the object store, and has its area looked for
# before the first ones are done (docs/decisions/059).
_AT_LEAST = 4


def workflows_at_once(cores: int) -> int:
    """Returns how many workflows are worked on at a time in a cluster of so many cores, where the settings leave it to
    us: by the command and by the service. Others wait their turn."""
    return max(_AT_LEAST, 2 * cores)


def due_at(begun: float, length_s: float | None, *, urgent: bool = False) -> float:
    """Returns when a video is due that is at work since `begun` and lasts length_s (None: unknown), all in seconds.

    The length is rounded up to a power of two, so that the episodes of a series, which differ by seconds, are due in
    the order in which they were begun. An urgent one is due at once.
    """
    return begun if urgent else begun + 2.0 ** math.ceil(math.log2(length_s or _UNKNOWN_S))


class DeadlineScheduler:
    """Lets at most `room` pieces of work, such as chunks to decode, be done at a time. All in one event loop."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._running = 0
        self._numbers = itertools.count()
        self._waiting: set[Queue] = set()

    @property
    def room(self) -> int:
        return self._room

    def share(self, due: float, at_once: int) -> Queue:
        """Returns the part of a workflow whose video is due at a time, in seconds by any clock that they share. No more
        than at_once of its pieces are done at a time."""
        return Queue(self, (due, next(self._numbers)), at_once)

    def resize(self, room: int) -> None:
        """Has so many pieces done at a time from now on; those that are being done go on."""
        self._room = room
        self._serve()

    def _enter(self, share: Queue) -> None:
        self._waiting.add(share)
        self._serve()

    def _leave(self) -> None:
        self._running -= 1
        self._serve()

    def _serve(self) -> None:
        while self._running < self._room:
            ready = [share for share in self._waiting if share.may_begin()]
            if not ready:
                return
            share = min(ready, key=lambda share: share.due)
            self._running += share.begin()
            if not share.waits():
                self._waiting.discard(share)


class Queue:
    """One workflow's part in the turns. due: when its video is due, and a number that no other has."""

    def __init__(self, turns: DeadlineScheduler, due: tuple[float, int], at_once: int) -> None:
        self.due = due
        self.at_once = at_once
        self._turns = turns
        self._running = 0
        self._requests: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn of one piece of work, and keeps its place until it is done.

        Who asks for the next turn only when a piece is done loses it to those who wait meanwhile.
        """
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests.append(granted)
        self._turns._enter(self)
        try:
            await granted
            yield
        finally:
            # Whoever is cancelled in the moment in which its turn comes has had it.
            if not granted.cancelled():
                self._running -= 1
                self._turns._leave()

    def waits(self) -> bool:
        """Returns whether a piece waits."""
        return bool(self._requests)

    def may_begin(self) -> bool:
        """Returns whether one more piece may be begun."""
        return self.waits() and self._running < self.at_once

    def begin(self) -> bool:
        """Begins the piece that has waited longest, and returns whether it is still wanted."""
        granted = self._requests.popleft()
        if granted.cancelled():
            return False
        granted.set_result(None)
        self._running += 1
        return True
