"""The locks of the throughput benchmark."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.throughput import locks as throughput_lock
from benchmarks.throughput.locks import GlobalLock, HandedOver, Polled, polling_wait_s
from yivideo_ray.types import Stage


def test_polling_waits_twice_as_long_each_time_up_to_a_minute() -> None:
    assert [polling_wait_s(failures) for failures in range(1, 6)] == [10.0, 20.0, 40.0, 60.0, 60.0]


@pytest.mark.parametrize("kind", [HandedOver, Polled])
def test_one_stage_at_a_time_holds_the_lock(kind: type[HandedOver | Polled], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput_lock, "FIRST_WAIT_S", 0.001)
    holding: list[int] = []
    waits: list[float] = []

    async def stage(lock: GlobalLock, number: int) -> None:
        async with lock.held(Stage.PERFORM_OCR, waits):
            assert holding == []
            holding.append(number)
            await asyncio.sleep(0.001)
            holding.remove(number)

    async def run() -> GlobalLock:
        lock = GlobalLock(kind())
        await asyncio.gather(*(stage(lock, number) for number in range(4)))
        return lock

    lock = asyncio.run(run())
    assert len(waits) == 4
    assert min(waits) >= 0
    assert lock.held_s[Stage.PERFORM_OCR] >= 0.004
