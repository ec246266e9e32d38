"""Blocking work on threads of its own kind: what stalls holds up nobody else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from yivideo_ray import executors
from yivideo_ray.errors import ServiceError
from yivideo_ray.executors import AbandonableThreads, Threads


@pytest.fixture
def stalled() -> Iterator[threading.Event]:
    """What a stalled call waits for."""
    event = threading.Event()
    yield event
    event.set()


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 20)

    asyncio.run(limited())


@pytest.mark.parametrize("make", [lambda: Threads("t", 2), lambda: AbandonableThreads("t", 2)])
def test_results_and_errors_come_back(make: Callable[[], Threads | AbandonableThreads]) -> None:
    async def scenario() -> None:
        threads = make()
        assert await threads.run(divmod, 7, 2) == (3, 1)
        assert await threads.run(sorted, "ab", reverse=True) == ["b", "a"]
        with pytest.raises(ZeroDivisionError):
            await threads.run(divmod, 1, 0)

    play(scenario)


def test_stalled_calls_of_one_kind_hold_up_no_other(stalled: threading.Event) -> None:
    async def scenario() -> None:
        hung = AbandonableThreads("hung", 100)
        calls = [asyncio.ensure_future(hung.run(stalled.wait)) for _ in range(100)]
        await asyncio.sleep(0)
        assert await Threads("others", 1).run(len, "abc") == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    play(scenario)


def test_a_cancelled_call_gives_its_place_to_the_next_at_once(stalled: threading.Event) -> None:
    async def scenario() -> None:
        threads = AbandonableThreads("probe", 1)
        for _ in range(3):
            call = asyncio.ensure_future(threads.run(stalled.wait))
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert await threads.run(len, "abc") == 3

    play(scenario)


def test_one_that_takes_too_long_is_given_up_waiting_for_a_place_among_it(stalled: threading.Event) -> None:
    async def scenario() -> None:
        threads = AbandonableThreads("path", 1, limit_s=0.05)
        calls = [asyncio.ensure_future(threads.run(stalled.wait)) for _ in range(2)]
        assert [type(error) for error in await asyncio.gather(*calls, return_exceptions=True)] == [TimeoutError] * 2
        assert await threads.run(len, "abc") == 3

    play(scenario)


def test_there_is_an_end_to_threads_that_hang(stalled: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "_threads", threading.BoundedSemaphore(2))

    async def scenario() -> None:
        threads = AbandonableThreads("path", 10)
        calls = [asyncio.ensure_future(threads.run(stalled.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(ServiceError) as refused:
            await threads.run(len, "abc")
        assert refused.value.code.name == "TOO_MANY_REQUESTS"
        stalled.set()
        await asyncio.gather(*calls)
        assert await threads.run(len, "abc") == 3

    play(scenario)


def test_too_many_calls_that_wait_are_refused(stalled: threading.Event) -> None:
    async def scenario() -> None:
        threads = Threads("uploads", 1, max_waiting=1)
        calls = [asyncio.ensure_future(threads.run(stalled.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceError) as refused:
            await threads.run(len, "abc")
        assert refused.value.facts["retry_after_s"] > 0
        stalled.set()
        await asyncio.gather(*calls)
        assert await threads.run(len, "abc") == 3
        threads.close()

    play(scenario)


def test_a_call_that_never_returns_keeps_no_process_from_ending() -> None:
    program = (
        "import asyncio, threading\n"
        "from yivideo_ray.executors import AbandonableThreads\n"
        "async def main():\n"
        "    try: await AbandonableThreads('x', 1, limit_s=0.1).run(threading.Event().wait)\n"
        "    except TimeoutError: pass\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
