"""The gpu_lock table of the settings, as decisions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import CODES, CallError, YivideoError
from yivideo_ray.runtime.gpu.backoff import Reason, decide, longest_wait, wait_before

locks = st.builds(
    GpuLockSettings,
    retry_interval=st.floats(0.001, 1000),
    max_retries=st.integers(0, 100),
    exponential_backoff=st.booleans(),
    max_retry_interval=st.floats(0.001, 1000),
    max_wait=st.floats(0.001, 100_000),
)


@given(locks, st.integers(2, 5000), st.integers())
def test_jitter_only_shortens_the_wait_and_never_by_more_than_half(
    lock: GpuLockSettings, attempt: int, seed: int
) -> None:
    longest = longest_wait(attempt, lock)
    assert longest / 2 <= wait_before(attempt, lock, random.Random(seed)) <= longest
    assert 0 < longest <= lock.max_retry_interval


@given(locks, st.integers(2, 200))
def test_waits_never_shrink_and_double_until_the_maximum(lock: GpuLockSettings, attempt: int) -> None:
    this, following = longest_wait(attempt, lock), longest_wait(attempt + 1, lock)
    assert this <= following
    if lock.exponential_backoff:
        assert following == min(2 * this, lock.max_retry_interval) or this == following == lock.max_retry_interval
    else:
        assert following == this


def test_the_default_waits_are_those_of_the_table() -> None:
    lock = GpuLockSettings()
    assert [longest_wait(n, lock) for n in (2, 3, 4, 60)] == [20, 40, 60, 60]
    steady = GpuLockSettings(exponential_backoff=False)
    assert [longest_wait(n, steady) for n in (2, 3, 60)] == [10, 10, 10]


RETRIED = {"MAILBOX_FULL", "ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_OUT_OF_MEMORY", "DEVICE_FAILED"}


@pytest.mark.parametrize("code", sorted(CODES))
def test_only_what_another_attempt_can_cure_is_retried(code: str) -> None:
    decision = decide(YivideoError("", code=code), 1, 0.0, GpuLockSettings(), random.Random(0))
    if code in RETRIED:
        assert decision.reason is Reason.WORTH_RETRYING
        assert decision.wait_s is not None
    else:
        assert decision == type(decision)(None, Reason.NOT_CURED_BY_RETRYING)


@given(locks, st.floats(0, 200_000), st.integers())
def test_no_wait_leads_past_the_longest_time_a_call_may_wait(
    lock: GpuLockSettings, elapsed_s: float, seed: int
) -> None:
    decision = decide(CallError("lost"), 1, elapsed_s, lock, random.Random(seed))
    if decision.wait_s is not None:
        assert elapsed_s + decision.wait_s < lock.max_wait
    elif lock.max_retries:
        assert decision.reason is Reason.WAIT_EXHAUSTED
        assert elapsed_s + longest_wait(2, lock) >= lock.max_wait


@given(st.integers(0, 50))
def test_max_retries_counts_the_attempts_after_the_first(retries: int) -> None:
    lock = GpuLockSettings(max_retries=retries)
    lost = CallError("lost")
    granted = [decide(lost, attempt, 0.0, lock, random.Random(0)).reason for attempt in range(1, retries + 2)]
    assert granted == [Reason.WORTH_RETRYING] * retries + [Reason.ATTEMPTS_EXHAUSTED]
