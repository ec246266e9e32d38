"""What a lane says of itself, as plain values for people and programs."""

from __future__ import annotations

import time
from typing import Any

from yivideo_ray.runtime.gpu.calls import Ticket
from yivideo_ray.runtime.gpu.lane import Lane

__all__ = ["lane_status"]


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
