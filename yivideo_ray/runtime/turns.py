"""Which workflow's chunk is decoded next, where several wait for a core. Pure: no Ray.

Ray works on tasks in the order in which it is given them. With the chunks of all workflows in it, all would come on at
the same pace and be done at the end only. So a chunk is given to Ray when a core is about to be free, and the workflow
that is due first has one decoded: each is due as long after it begins as its video lasts. Videos of one length are
decoded one after the other, a short one before what is left of a long one, and a long one waits for none that begins
when it is due itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator

__all__ = ["Share", "Turns"]


class Turns:
    """Lets at most `room` chunks be decoded at a time. All in one event loop."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._running = 0
        self._numbers = itertools.count()
        self._waiting: set[Share] = set()

    def share(self, due: float, at_once: int) -> Share:
        """Returns the part of a workflow whose video is due at a time, in seconds by any clock that they share. No more
        than at_once of its chunks are decoded at a time."""
        return Share(self, (due, next(self._numbers)), at_once)

    def resize(self, room: int) -> None:
        """Has so many chunks decoded at a time from now on; those that are being decoded go on."""
        self._room = room
        self._serve()

    def _enter(self, share: Share) -> None:
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


class Share:
    """One workflow's part in the turns. due: when its video is due, and a number that no other has."""

    def __init__(self, turns: Turns, due: tuple[float, int], at_once: int) -> None:
        self.due = due
        self.at_once = at_once
        self._turns = turns
        self._running = 0
        self._requests: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits until a chunk may be decoded, and keeps its place until it is.

        Who asks for the next chunk only when one is decoded loses its turn to those who wait meanwhile.
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
        """Returns whether a chunk waits."""
        return bool(self._requests)

    def may_begin(self) -> bool:
        """Returns whether one more chunk may be decoded."""
        return self.waits() and self._running < self.at_once

    def begin(self) -> bool:
        """Lets the chunk that has waited longest be decoded, and returns whether it still wants to be."""
        granted = self._requests.popleft()
        if granted.cancelled():
            return False
        granted.set_result(None)
        self._running += 1
        return True
