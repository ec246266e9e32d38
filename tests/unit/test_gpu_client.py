"""The GPU client against a link of its own and a clock moved by hand."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from yivideo_ray.config import GpuLockSettings
from yivideo_ray.errors import CallError, DeviceError, InputError, YivideoError
from yivideo_ray.runtime.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu_client import GpuClient


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

    async def is_back(self) -> bool:
        return self.now >= self.back_at

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def call(self, lock: GpuLockSettings | None = None, sequence: Sequence[int] = (7,)) -> Reply:
        client = GpuClient(
            self, lock or GpuLockSettings(), sleep=self.sleep, rng=random.Random(1), sequence=iter(sequence).__next__
        )
        return asyncio.run(client.call(CallKind.PERFORM_OCR, "w1", "3", "sheets", on_retry=self._note))

    def _note(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self.retries.append((error.code.name, attempt, wait_s))


def test_a_reply_comes_back_with_its_payload_and_no_wait() -> None:
    world = World(["fine"])
    assert world.call().value == ("fine", ("sheets",))
    assert world.now == 0


def test_a_full_mailbox_is_tried_again_after_the_whole_wait_although_the_actor_is_there() -> None:
    world = World([CallError("", code="MAILBOX_FULL"), "fine"], back_at=0)
    world.call()
    assert 10 <= world.sent[1][0] <= 20
    assert world.retries == [("MAILBOX_FULL", 1, world.sent[1][0])]


@pytest.mark.parametrize("code", ["ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_FAILED"])
def test_a_lost_actor_is_called_again_as_soon_as_its_successor_is_ready(code: str) -> None:
    error = DeviceError("", code=code) if code == "DEVICE_FAILED" else CallError("", code=code)
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
    assert caught.value.facts["attempts"] == 2
    assert len(world.sent) == 2
