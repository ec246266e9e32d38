"""The GPU client against a link of its own and a clock moved by hand."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import CallError, DeviceError, InputError, YivideoError
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu.client import GpuClient
from yivideo_ray.types import EngineFacts


class World:
    """A link that answers from a list, and the time that passes while nobody but the client waits."""

    def __init__(self, answers: Sequence[YivideoError | str], back_at: float = float("inf")) -> None:
        self.answers = list(answers)
        self.back_at = back_at
        self.now = 0.0
        self.sent: list[tuple[float, Ticket]] = []
        self.retries: list[tuple[str, int, float]] = []

    async def send(self, ticket: Ticket, payload: tuple[Any, ...]) -> Reply:
        self.sent.append((self.now, ticket))
        answer = self.answers.pop(0)
        if isinstance(answer, YivideoError):
            raise answer
        return Reply((answer, payload), 0.0, 0.0)

    async def ready(self) -> EngineFacts:
        answer = self.answers.pop(0)
        if isinstance(answer, YivideoError):
            raise answer
        return EngineFacts(answer, "none", "none", "d", "r")

    async def is_back(self) -> bool:
        return self.now >= self.back_at

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def client(self, lock: GpuLockSettings | None = None, sequence: Sequence[int] = (7,)) -> GpuClient:
        return GpuClient(
            self,
            lock or GpuLockSettings(),
            sleep=self.sleep,
            now=lambda: self.now,
            rng=random.Random(1),
            sequence=iter(sequence).__next__,
        )

    def call(self, lock: GpuLockSettings | None = None, sequence: Sequence[int] = (7,)) -> Reply:
        client = self.client(lock, sequence)
        return asyncio.run(client.call(CallKind.PERFORM_OCR, "w1", "3", "sheets", on_retry=self.note))

    def note(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self.retries.append((error.code.name, attempt, wait_s))


def test_a_reply_comes_back_with_its_payload_and_no_wait() -> None:
    world = World(["fine"])
    assert world.call().value == ("fine", "sheets")
    assert world.now == 0


def test_a_full_mailbox_is_tried_again_after_the_whole_wait_although_the_actor_is_there() -> None:
    world = World([CallError("", code="MAILBOX_FULL"), "fine"], back_at=0)
    world.call()
    assert 10 <= world.sent[1][0] <= 20
    assert world.retries == [("MAILBOX_FULL", 1, world.sent[1][0])]


@pytest.mark.parametrize("code", ["ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"])
def test_a_lost_actor_is_called_again_as_soon_as_its_successor_is_ready(code: str) -> None:
    error = DeviceError("", code=code) if code.startswith("DEVICE") else CallError("", code=code)
    world = World([error, "fine"], back_at=3.2)
    world.call()
    assert 3.2 <= world.sent[1][0] <= 4


def test_an_actor_that_does_not_come_back_is_called_again_after_the_wait() -> None:
    world = World([CallError(""), "fine"])
    world.call()
    assert 10 <= world.sent[1][0] <= 20


def test_waits_double_from_attempt_to_attempt() -> None:
    world = World([CallError("", code="MAILBOX_FULL")] * 3 + ["fine"])
    world.call()
    waits = [wait for _, _, wait in world.retries]
    assert all(low <= wait <= high for wait, low, high in zip(waits, (10, 20, 30), (20, 40, 60), strict=True))


def test_a_repeated_call_keeps_its_place_and_counts_its_attempts() -> None:
    world = World([CallError("")] * 2 + ["fine"])
    world.call(sequence=(41, 42, 43))
    assert [(ticket.sequence, ticket.attempt) for _, ticket in world.sent] == [(41, 1), (41, 2), (41, 3)]
    assert {ticket.key for _, ticket in world.sent} == {"w1/paddleocr.perform_ocr/3"}


def test_bad_input_is_sent_once() -> None:
    world = World([InputError("", code="INPUT_CORRUPT")])
    with pytest.raises(InputError) as caught:
        world.call()
    assert len(world.sent) == 1
    assert world.now == 0
    assert caught.value.facts["attempts"] == 1


def test_the_last_error_is_raised_when_attempts_run_out() -> None:
    world = World([CallError("first"), CallError("last", code="CALL_TIMED_OUT")])
    with pytest.raises(CallError, match="last") as caught:
        world.call(GpuLockSettings(max_retries=1))
    assert caught.value.facts == {"attempts": 2, "tried": ["ACTOR_LOST"]}
    assert len(world.sent) == 2


def test_a_call_that_would_wait_longer_than_it_may_is_given_up_and_says_what_was_tried() -> None:
    world = World([CallError("", code="MAILBOX_FULL")] * 9)
    with pytest.raises(CallError) as caught:
        world.call(GpuLockSettings(max_wait=100))
    assert caught.value.code.name == "WAIT_EXCEEDED"
    assert caught.value.retryable
    assert caught.value.facts["tried"] == ["MAILBOX_FULL"] * (len(world.sent) - 1)
    assert caught.value.facts["last"] == "MAILBOX_FULL"
    assert isinstance(caught.value.__cause__, CallError)
    assert 40 < world.now < 100


def test_an_attempt_is_told_how_long_it_may_still_wait() -> None:
    world = World([CallError("", code="MAILBOX_FULL")] * 2 + ["fine"])
    world.call(GpuLockSettings(max_wait=500))
    assert [(now, ticket.wait_left_s) for now, ticket in world.sent] == [(now, 500 - now) for now, _ in world.sent]


def test_readiness_is_asked_for_again_where_the_process_is_lost_meanwhile() -> None:
    world = World([CallError(""), CallError(""), "fine"], back_at=0)
    facts = asyncio.run(world.client().ready(world.note))
    assert facts.engine == "fine"
    assert [code for code, _, _ in world.retries] == ["ACTOR_LOST"] * 2


def test_a_process_replaced_by_plan_costs_no_attempt_and_no_warning() -> None:
    planned = CallError("worn out", planned=True)
    world = World([planned, planned, "fine"], back_at=0)
    world.call(GpuLockSettings(max_retries=0))
    assert [ticket.attempt for _, ticket in world.sent] == [1, 1, 1]
    assert world.retries == []
    assert world.now < 2


RETRIED = ["MAILBOX_FULL", "ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_OUT_OF_MEMORY", "DEVICE_FAILED"]
locks = st.builds(
    GpuLockSettings,
    retry_interval=st.floats(0.01, 100),
    max_retries=st.integers(0, 70),
    exponential_backoff=st.booleans(),
    max_retry_interval=st.floats(0.01, 200),
    max_wait=st.floats(1, 100_000),
)


@settings(max_examples=1000, deadline=None)
@given(locks, st.lists(st.sampled_from(RETRIED), max_size=80), st.floats(0, 200))
def test_whatever_the_settings_attempts_waits_and_the_whole_stay_in_bounds(
    lock: GpuLockSettings, failures: list[str], back_at: float
) -> None:
    world = World([*(CallError("", code=code) for code in failures), "fine"], back_at)
    given_up: CallError | None = None
    try:
        world.call(lock)
    except CallError as error:
        given_up = error
    if given_up is None:
        assert len(world.sent) == len(failures) + 1
    else:
        limit = "WAIT_EXCEEDED" if len(world.sent) <= lock.max_retries else failures[lock.max_retries]
        assert given_up.code.name == limit
        assert given_up.facts["attempts"] == len(world.sent)
    assert len(world.sent) <= lock.max_retries + 1
    assert world.now < lock.max_wait
    assert len(world.retries) == len(world.sent) - 1
    for (code, attempt, wait_s), (before, _), (after, _) in zip(
        world.retries, world.sent, world.sent[1:], strict=False
    ):
        longest = lock.retry_interval * (2**attempt if lock.exponential_backoff else 1)
        assert wait_s <= min(longest, lock.max_retry_interval)
        waited = after - before
        assert waited <= wait_s * 1.000001 + 1e-6
        # Only a process that is back already makes the wait shorter.
        if code == "MAILBOX_FULL" or after < back_at:
            assert waited >= wait_s * 0.999999 - 1e-6
