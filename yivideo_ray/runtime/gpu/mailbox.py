"""The order in which waiting calls get the device. Pure: no clock, no event loop, no Ray.

Off (gpu_lock.enable_priority_queue: false), calls run in the order of their sequence. On, in this order:

1. a call that OVERTAKEN_AT_MOST later ones have overtaken, the oldest first: nobody starves;
2. the smallest priority;
3. the workflow that has not been served for the longest time, so that the many calls of a long video make a short
   one's wait for the running call at most;
4. the smallest sequence.

So a call runs after at most OVERTAKEN_AT_MOST later ones, beside all that were made before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from yivideo_ray.runtime.gpu.calls import Ticket

__all__ = ["OVERTAKEN_AT_MOST", "Mailbox"]

OVERTAKEN_AT_MOST = 16
# Who was served when is remembered of so many workflows.
REMEMBERED = 1000

Item = TypeVar("Item")


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item]):
    item: Item
    ticket: Ticket
    place: tuple[int, int]
    overtaken: int = 0


class Mailbox(Generic[Item]):
    """Waiting items, each with its ticket. An item is in it once at most, and is told by identity."""

    def __init__(self, *, by_priority: bool) -> None:
        self._by_priority = by_priority
        self._waiting: list[_Entry[Item]] = []
        self._served: OrderedDict[str, int] = OrderedDict()
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Item]:
        """Yields the items in the order in which they came."""
        return (entry.item for entry in self._waiting)

    def put(self, ticket: Ticket, item: Item) -> None:
        self._arrivals += 1
        self._waiting.append(_Entry(item, ticket, (ticket.sequence, self._arrivals)))

    def take(self) -> Item:
        """Removes and returns the item whose turn it is. Errors: IndexError where none waits."""
        if not self._waiting:
            raise IndexError("no call waits")
        return self._serve().item

    def next_ticket(self) -> Ticket | None:
        """Returns the ticket of the item whose turn it is; None where none waits."""
        return self._next().ticket if self._waiting else None

    def discard(self, item: Item) -> bool:
        """Returns whether the item was there; it is not any more."""
        for index, entry in enumerate(self._waiting):
            if entry.item is item:
                del self._waiting[index]
                return True
        return False

    def clear(self) -> list[Item]:
        """Removes and returns all items."""
        left, self._waiting = [entry.item for entry in self._waiting], []
        return left

    def in_order(self, limit: int) -> list[Item]:
        """Returns the items of the next `limit` turns, in the order they will run in if no other call arrives."""
        return list(islice(self._foreseen(), limit))

    def _foreseen(self) -> Iterator[Item]:
        future: Mailbox[Item] = Mailbox(by_priority=self._by_priority)
        future._waiting = [_Entry(entry.item, entry.ticket, entry.place, entry.overtaken) for entry in self._waiting]
        future._served = self._served.copy()
        while future._waiting:
            yield future._serve().item

    def _serve(self) -> _Entry[Item]:
        entry = self._next()
        self._waiting.remove(entry)
        for other in self._waiting:
            if other.place < entry.place:
                other.overtaken += 1
        workflow = entry.ticket.workflow_id
        turn = next(reversed(self._served.values()), 0) + 1
        self._served[workflow] = turn
        self._served.move_to_end(workflow)
        if len(self._served) > REMEMBERED:
            self._served.popitem(last=False)
        return entry

    def _next(self) -> _Entry[Item]:
        if not self._by_priority:
            return min(self._waiting, key=lambda entry: entry.place)
        starving = [entry for entry in self._waiting if entry.overtaken >= OVERTAKEN_AT_MOST]
        if starving:
            return min(starving, key=lambda entry: entry.place)
        return min(
            self._waiting,
            key=lambda entry: (entry.ticket.priority, self._served.get(entry.ticket.workflow_id, 0), entry.place),
        )
