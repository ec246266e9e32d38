"""Trying again what time may cure: one way for all but calls to the GPU actor, whose settings govern theirs.

stamina carries it out. It is imported once a first attempt has failed, so that nobody waits for it who needs none.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from yivideo_ray.errors import YivideoError

__all__ = ["RetryPolicy", "is_retryable", "retry", "retry_async"]

Result = TypeVar("Result")
IsCurable = Callable[[Exception], bool | float]
"""Whether another attempt may help after an error; a number: yes, after so many seconds whatever the policy says."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often something is tried, and how long is waited between.

    The second attempt comes first_wait_s after the first has failed, and each wait is twice the one before,
    longest_wait_s at most; chance adds up to jitter_s. attempts counts the first one. An attempt that fails after
    total_s seconds is the last. None: no limit.
    """

    attempts: int | None
    total_s: float | None
    first_wait_s: float
    longest_wait_s: float
    jitter_s: float = 0.0

    def options(self) -> dict[str, Any]:
        """Returns what stamina takes for it."""
        return {
            # A limit of no time is one attempt to stamina as well, and a warning.
            "attempts": 1 if self.total_s == 0 else self.attempts,
            "timeout": self.total_s or None,
            "wait_initial": self.first_wait_s,
            "wait_max": self.longest_wait_s,
            "wait_jitter": self.jitter_s,
        }


def is_retryable(error: Exception) -> bool:
    """Returns whether the error is one of ours that may be gone by itself later."""
    return isinstance(error, YivideoError) and error.retryable


def retry(call: Callable[[], Result], policy: RetryPolicy, on: IsCurable = is_retryable) -> Result:
    """Returns what call returns, made again as long as on says that it may help and the policy allows it.

    Blocks. Errors: that of the last attempt.
    """
    try:
        return call()
    except Exception as error:
        first: Exception | None = error
    for attempt in _stamina().retry_context(on, **policy.options()):
        with attempt:
            if first is None:
                return call()
            # What has failed already is the first attempt of these.
            failed, first = first, None
            raise failed
    raise AssertionError("the last attempt returns or raises")


async def retry_async(
    call: Callable[[], Awaitable[Result]], policy: RetryPolicy, on: IsCurable = is_retryable
) -> Result:
    """Does what retry does, inside a running event loop. Cancelled, it makes no further attempt."""
    try:
        return await call()
    except Exception as error:
        first: Exception | None = error
    async for attempt in _stamina().retry_context(on, **policy.options()):
        with attempt:
            if first is None:
                return await call()
            failed, first = first, None
            raise failed
    raise AssertionError("the last attempt returns or raises")


def _stamina() -> ModuleType:
    """Returns stamina, without what it does by itself: it would count in Prometheus's registry and log each retry. In
    the process of somebody who uses it as well, it is left as it is."""
    is_new = "stamina" not in sys.modules
    import stamina

    if is_new:
        stamina.instrumentation.set_on_retry_hooks(())
    return stamina
