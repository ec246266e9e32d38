"""What time may cure is tried again: so often, after such waits, and nothing else is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from yivideo_ray.errors import InputError, ServiceError
from yivideo_ray.retries import IsCurable, RetryPolicy, is_retryable, retry, retry_async

AWAY = ServiceError("The database can't be used.", code="STORAGE_UNAVAILABLE")
GONE = InputError("There is nothing there.", code="INPUT_NOT_FOUND")
THREE = RetryPolicy(attempts=3, total_s=60.0, first_wait_s=0.1, longest_wait_s=1.0)

Retry = Callable[[Callable[[], str], RetryPolicy, IsCurable], str]


def awaited(call: Callable[[], str], policy: RetryPolicy, on: IsCurable) -> str:
    async def asynchronous() -> str:
        return call()

    return asyncio.run(retry_async(asynchronous, policy, on))


EITHER_WAY = pytest.mark.parametrize("again", [retry, awaited])


class Flaky:
    """Fails with each of the errors in turn, then works. begun: when each attempt did."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.begun: list[float] = []

    def __call__(self) -> str:
        self.begun.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    @property
    def waits_s(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.begun)]


@EITHER_WAY
@pytest.mark.usefixtures("no_waits")
def test_what_is_cured_in_time_gives_its_result(again: Retry) -> None:
    flaky = Flaky(AWAY, AWAY)
    assert again(flaky, THREE, is_retryable) == "done"
    assert len(flaky.begun) == 3


@EITHER_WAY
@pytest.mark.usefixtures("no_waits")
def test_what_is_not_cured_ends_with_the_last_error(again: Retry) -> None:
    last = ServiceError("Still away.", code="STORAGE_UNAVAILABLE")
    flaky = Flaky(AWAY, AWAY, last, AWAY)
    with pytest.raises(ServiceError) as caught:
        again(flaky, THREE, is_retryable)
    assert caught.value is last
    assert len(flaky.begun) == 3


@EITHER_WAY
@pytest.mark.parametrize("error", [GONE, ZeroDivisionError()])
def test_what_no_time_cures_is_tried_once(again: Retry, error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        again(flaky, THREE, is_retryable)
    assert len(flaky.begun) == 1


@EITHER_WAY
@pytest.mark.usefixtures("no_waits")
def test_an_error_that_no_time_cures_ends_the_attempts(again: Retry) -> None:
    flaky = Flaky(AWAY, GONE, AWAY)
    with pytest.raises(InputError):
        again(flaky, THREE, is_retryable)
    assert len(flaky.begun) == 2


@EITHER_WAY
def test_each_wait_is_twice_the_one_before_up_to_the_longest(again: Retry) -> None:
    flaky = Flaky(*[AWAY] * 4)
    again(flaky, RetryPolicy(attempts=5, total_s=None, first_wait_s=0.05, longest_wait_s=0.12), is_retryable)
    for wait_s, least_s in zip(flaky.waits_s, (0.05, 0.1, 0.12, 0.12), strict=True):
        assert least_s <= wait_s < least_s + 0.25


def test_chance_makes_waits_longer_up_to_the_longest() -> None:
    waits = set()
    for _ in range(20):
        flaky = Flaky(AWAY)
        policy = RetryPolicy(attempts=2, total_s=None, first_wait_s=0.001, longest_wait_s=0.02, jitter_s=0.05)
        retry(flaky, policy)
        waits.add(flaky.waits_s[0])
    assert max(waits) - min(waits) > 0.002
    assert min(waits) >= 0.001


@EITHER_WAY
def test_after_the_total_time_no_more_is_tried(again: Retry) -> None:
    flaky = Flaky(*[AWAY] * 1000)
    with pytest.raises(ServiceError):
        again(flaky, RetryPolicy(None, total_s=0.2, first_wait_s=0.05, longest_wait_s=0.05), is_retryable)
    assert 3 <= len(flaky.begun) <= 6


@EITHER_WAY
def test_no_time_at_all_is_one_attempt(again: Retry) -> None:
    flaky = Flaky(AWAY)
    with pytest.raises(ServiceError):
        again(flaky, RetryPolicy(None, total_s=0, first_wait_s=0.05, longest_wait_s=0.05), is_retryable)
    assert len(flaky.begun) == 1


@EITHER_WAY
def test_an_error_may_say_when_to_come_again(again: Retry) -> None:
    flaky = Flaky(AWAY)
    again(flaky, RetryPolicy(2, total_s=None, first_wait_s=30, longest_wait_s=30), lambda _: 0.01)
    assert flaky.waits_s[0] < 5


def test_who_is_cancelled_while_waiting_tries_no_more() -> None:
    flaky = Flaky(AWAY, AWAY)

    async def call() -> str:
        return flaky()

    async def scenario() -> None:
        policy = RetryPolicy(None, total_s=None, first_wait_s=60, longest_wait_s=60)
        waiting: Awaitable[str] = retry_async(call, policy)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.1)

    asyncio.run(scenario())
    assert len(flaky.begun) == 1


PROGRAM = """
import sys
from yivideo_ray.retries import RetryPolicy, retry
policy = RetryPolicy(2, None, 0.01, 0.01)
assert retry(lambda: 1, policy) == 1
assert "stamina" not in sys.modules, "nothing has failed"
errors = [OSError()]
def call():
    if errors:
        raise errors.pop()
retry(call, policy, lambda _: True)
from stamina.instrumentation import get_on_retry_hooks
assert get_on_retry_hooks() == ()
assert "prometheus_client" not in sys.modules
"""
THEIRS = """
import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks
told = []
set_on_retry_hooks([told.append])
""" + PROGRAM.replace('assert "stamina" not in sys.modules, "nothing has failed"', "").replace(
    "assert get_on_retry_hooks() == ()", "assert len(told) == 1"
)


@pytest.mark.parametrize("program", [PROGRAM, THEIRS])
def test_stamina_counts_and_logs_nothing_unless_the_program_around_wants_it(program: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
