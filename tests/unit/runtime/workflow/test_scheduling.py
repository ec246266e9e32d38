"""Whose chunk is decoded next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from yivideo_ray.runtime.workflow.scheduling import DeadlineScheduler, due_at, workflows_at_once

FILM_S, CLIP_S = 6000.0, 60.0


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


class Decoders:
    """Notes down in which order the workflows' chunks come to a decoder, and how many are decoded at once."""

    def __init__(self, room: int) -> None:
        self.turns = DeadlineScheduler(room)
        self.order = ""
        self.most = 0
        self._running = 0

    def begin(self, name: str, due: float, chunks: int, at_once: int = 2) -> asyncio.Task[None]:
        """Has a workflow decode its video, so many chunks at once, each of which takes a few rounds of the loop."""
        return asyncio.ensure_future(self._workflow(name, due, chunks, at_once))

    async def until(self, chunks: int) -> None:
        """Waits until so many chunks have come to a decoder."""
        while len(self.order) < chunks:
            await asyncio.sleep(0)

    async def _workflow(self, name: str, due: float, chunks: int, at_once: int) -> None:
        share = self.turns.share(due, at_once)
        asked = asyncio.Semaphore(2 * at_once)
        running = 0

        async def chunk() -> None:
            nonlocal running
            async with asked, share.turn():
                self.order += name
                self._running += 1
                running += 1
                self.most = max(self.most, self._running)
                assert running <= at_once
                for _ in range(5):
                    await asyncio.sleep(0)
                self._running -= 1
                running -= 1

        await asyncio.gather(*(chunk() for _ in range(chunks)))


def test_episodes_are_due_in_the_order_in_which_they_were_begun_whatever_seconds_they_differ_by() -> None:
    lengths_s = (1421.3, 1418.0, 1440.04, 1380.7)
    due = [due_at(begun, length_s) for begun, length_s in enumerate(lengths_s)]
    assert due == sorted(due)


@pytest.mark.parametrize("length_s", [0.04, 1.0, 60.0, 90.0, 5400.0])
def test_a_video_is_due_after_its_length_and_before_twice_of_it(length_s: float) -> None:
    assert length_s <= due_at(100.0, length_s) - 100.0 < 2 * length_s


def test_an_urgent_video_is_due_at_once_and_one_of_unknown_length_like_a_film() -> None:
    assert due_at(100.0, FILM_S, urgent=True) == 100.0
    assert due_at(0.0, 1440.0) < due_at(0.0, None) < due_at(0.0, FILM_S)


@pytest.mark.parametrize(("cores", "workflows"), [(1, 4), (2, 4), (3, 6), (64, 128)])
def test_as_many_workflows_are_at_work_as_twice_the_cores_but_four_on_a_small_machine(
    cores: int, workflows: int
) -> None:
    assert workflows_at_once(cores) == workflows


def test_videos_of_one_length_are_decoded_one_after_the_other() -> None:
    async def scenario() -> None:
        decoders = Decoders(2)
        await asyncio.gather(*(decoders.begin(name, CLIP_S, 4) for name in "abc"))
        assert decoders.order == "aaaabbbbcccc"
        assert decoders.most == 2

    run(scenario)


def test_a_short_video_is_decoded_before_what_is_left_of_a_long_one() -> None:
    async def scenario() -> None:
        decoders = Decoders(1)
        film = decoders.begin("f", FILM_S, 20)
        await decoders.until(5)
        await decoders.begin("c", 100.0 + CLIP_S, 3)
        assert decoders.order.startswith("fffffccc")
        await film

    run(scenario)


def test_a_long_video_waits_for_none_that_begins_when_it_is_due() -> None:
    async def scenario() -> None:
        decoders = Decoders(1)
        film = decoders.begin("f", FILM_S, 20)
        await decoders.until(5)
        clip = decoders.begin("c", FILM_S + CLIP_S, 3)
        await asyncio.gather(film, clip)
        assert decoders.order == "f" * 20 + "ccc"

    run(scenario)


def test_of_videos_of_one_length_the_one_that_began_first_goes_on_first_though_it_was_ready_later() -> None:
    async def scenario() -> None:
        decoders = Decoders(1)
        second = decoders.begin("b", 1.0 + CLIP_S, 10)
        await decoders.until(3)
        await decoders.begin("a", CLIP_S, 4)
        assert decoders.order.startswith("bbbaaaa")
        await second

    run(scenario)


def test_what_one_workflow_leaves_is_for_the_next() -> None:
    async def scenario() -> None:
        decoders = Decoders(3)
        await asyncio.gather(*(decoders.begin(name, CLIP_S, 4, at_once=1) for name in "abcd"))
        assert decoders.most == 3
        assert decoders.order[:3] == "abc"
        assert decoders.order.endswith("dd")

    run(scenario)


@pytest.mark.parametrize("rounds", range(5))
def test_who_is_cancelled_leaves_the_place_to_others(rounds: int) -> None:
    async def scenario() -> None:
        turns = DeadlineScheduler(1)
        entered, leave = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with turns.share(CLIP_S, 1).turn():
                entered.set()
                await leave.wait()

        async def wait() -> None:
            async with turns.share(CLIP_S, 1).turn():
                await asyncio.sleep(0)

        holder = asyncio.ensure_future(hold())
        await entered.wait()
        waiting, last = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        leave.set()
        for _ in range(rounds):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(holder, last)
        await asyncio.gather(waiting, return_exceptions=True)
        async with turns.share(CLIP_S, 1).turn():
            pass

    run(scenario)


def test_what_fails_gives_its_place_back() -> None:
    async def scenario() -> None:
        turns = DeadlineScheduler(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with turns.share(CLIP_S, 1).turn():
                    raise ZeroDivisionError

    run(scenario)


def test_more_cores_take_more_chunks_at_once() -> None:
    async def scenario() -> None:
        decoders = Decoders(1)
        film = decoders.begin("f", FILM_S, 40, at_once=8)
        await decoders.until(5)
        assert decoders.most == 1
        decoders.turns.resize(4)
        await film
        assert decoders.most == 4

    run(scenario)
