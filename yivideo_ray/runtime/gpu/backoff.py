"""Whether a failed call to the GPU actor is made again, and after how long. Pure: no clock, no Ray.

runtime/gpu/client.py carries it out. What else is tried again goes through retries.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import YivideoError

__all__ = ["Decision", "Reason", "decide", "longest_wait", "wait_before"]

RETRIED_CODES = frozenset({"MAILBOX_FULL", "ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_OUT_OF_MEMORY", "DEVICE_FAILED"})


class Reason(StrEnum):
    """Why a failed call is tried again or given up."""

    WORTH_RETRYING = "worth_retrying"
    NOT_CURED_BY_RETRYING = "not_cured_by_retrying"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    WAIT_EXHAUSTED = "wait_exhausted"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do after a failed attempt: wait_s is None when the call is given up."""

    wait_s: float | None
    reason: Reason


def longest_wait(attempt: int, settings: GpuLockSettings) -> float:
    """Returns the wait in seconds before `attempt` (2 is the first retry) without jitter."""
    if not settings.exponential_backoff:
        return min(settings.retry_interval, settings.max_retry_interval)
    # Beyond 2**60 the product overflows nothing that matters: max_retry_interval has long won.
    return float(min(settings.max_retry_interval, settings.retry_interval * 2 ** min(attempt - 1, 60)))


def wait_before(attempt: int, settings: GpuLockSettings, rng: random.Random) -> float:
    """Returns the wait in seconds before `attempt` (2 is the first retry): longest_wait less a jitter of up to half.

    Half is kept so that callers who failed together spread out and none comes back at once.
    """
    return longest_wait(attempt, settings) * rng.uniform(0.5, 1.0)


def decide(
    error: YivideoError, attempt: int, elapsed_s: float, settings: GpuLockSettings, rng: random.Random
) -> Decision:
    """Returns what follows after `attempt` (from 1) failed with error, elapsed_s after the first one began."""
    if error.code.name not in RETRIED_CODES:
        return Decision(None, Reason.NOT_CURED_BY_RETRYING)
    if attempt > settings.max_retries:
        return Decision(None, Reason.ATTEMPTS_EXHAUSTED)
    wait_s = wait_before(attempt + 1, settings, rng)
    if elapsed_s + wait_s >= settings.max_wait:
        return Decision(None, Reason.WAIT_EXHAUSTED)
    return Decision(wait_s, Reason.WORTH_RETRYING)
