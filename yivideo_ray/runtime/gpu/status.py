"""What a lane says of itself, as plain values for people and programs: its calls, and how long those that wait will
probably wait."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from yivideo_ray.runtime.gpu.calls import Ticket

if TYPE_CHECKING:
    from yivideo_ray.runtime.gpu.lane import Lane

__all__ = ["History", "lane_status"]

# The last calls of a stage: enough for a steady median, few enough to follow a change.
REMEMBERED = 32


class History:
    """Durations in seconds by stage. A stage without any is taken for the mean of the others."""

    def __init__(self) -> None:
        self._durations: dict[str, deque[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        self._durations.setdefault(stage, deque(maxlen=REMEMBERED)).append(seconds)

    def typical_s(self, stage: str) -> float | None:
        """Returns the median of the stage's last calls; None before the first call of any stage."""
        if stage in self._durations:
            return statistics.median(self._durations[stage])
        medians = [statistics.median(known) for known in self._durations.values()]
        return statistics.fmean(medians) if medians else None

    def left_s(self, stage: str, running_s: float) -> float | None:
        """Returns how much longer a call will probably take that has run for a while; 0 for one that is overdue."""
        typical = self.typical_s(stage)
        return None if typical is None else max(0.0, typical - running_s)

    def waits(self, running: Iterable[tuple[str, float]], queue: Iterable[str]) -> list[float | None]:
        """Returns the expected wait of each call of the queue, and behind them that of one more.

        running: the stage and the seconds so far of what is on the device; queue: stages in the order of their turns.
        """
        total: float | None = 0.0
        for stage, running_s in running:
            total = _sum(total, self.left_s(stage, running_s))
        waits = [total]
        for stage in queue:
            total = _sum(total, self.typical_s(stage))
            waits.append(total)
        return waits

    def as_dict(self) -> dict[str, dict[str, float]]:
        return {
            stage: {"calls": len(known), "median_s": round(statistics.median(known), 4), "max_s": round(max(known), 4)}
            for stage, known in self._durations.items()
        }


def _sum(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more


def lane_status(lane: Lane) -> dict[str, Any]:
    """Returns the running call, the queue in the order of its turns, what to expect, and counts.

    running holds one call or none, or those that run as one. expected_wait_s is None where no call has ended yet to
    judge by; at the top it is that of a call that came now.
    """
    now = time.time()
    running, seconds = lane.running
    return {
        "running": [{**_call(ticket), "since": now - seconds, "since_s": round(seconds, 3)} for ticket in running],
        "waiting": lane.waiting,
        "queue": [
            {
                "position": position,
                **_call(ticket),
                "priority": int(ticket.priority),
                "waited_s": round(waited_s, 3),
                "expected_wait_s": _rounded(wait_s),
            }
            for position, (ticket, waited_s, wait_s) in enumerate(lane.queue(), 1)
        ],
        "expected_wait_s": _rounded(lane.expected_wait_s()),
        "stages": lane.history.as_dict(),
        "calls": {
            "done": lane.counts.done,
            "failed": lane.counts.failed,
            "refused": lane.counts.refused,
            "dropped": lane.counts.dropped,
        },
    }


def _call(ticket: Ticket) -> dict[str, Any]:
    return {
        "workflow_id": ticket.workflow_id,
        "stage": ticket.kind.value,
        "chunk": ticket.part,
        "attempt": ticket.attempt,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
