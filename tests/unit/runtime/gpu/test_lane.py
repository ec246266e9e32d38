"""The actor's lane without Ray: order, bound, time limit."""

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from yivideo_ray.errors import CallError, DeviceError, InputError, ModelError, YivideoError
from yivideo_ray.runtime.gpu.calls import CallKind, Reply, Ticket
from yivideo_ray.runtime.gpu.lane import Lane

Scenario = Callable[["Bench"], Awaitable[None]]


def ticket(sequence: int, priority: int = 0) -> Ticket:
    return Ticket(CallKind.PERFORM_OCR, "w", f"w/{sequence}", sequence, priority, method="recognize")


class Bench:
    """A lane whose first call can be held back, so that others pile up behind it."""

    def __init__(self, **options: Any) -> None:
        self.executor = ThreadPoolExecutor(1)
        self.gate = threading.Event()
        self.order: list[int] = []
        self.left: list[tuple[str, ...]] = []
        self.served: list[list[int]] = []
        self.prepared: list[BaseException | None] = []
        options = {"size": 10, "timeout_s": 30.0, "by_priority": False} | options
        self.lane = Lane(self.executor, self._serve, prepare=self._prepare, leave=self._leave, **options)

    def _serve(self, calls: Sequence[tuple[Ticket, Callable[[], Any]]]) -> list[Any]:
        self.served.append([ticket.sequence for ticket, _ in calls])
        return [work() for _, work in calls]

    def _leave(self, sentence: str, *culprits: str) -> None:
        self.left.append((sentence, *culprits))

    async def _prepare(self) -> None:
        error = self.prepared.pop(0) if self.prepared else None
        if error is not None:
            raise error

    def put(self, place: Ticket, work: Callable[[], Any] | None = None) -> asyncio.Task[Reply]:
        return asyncio.ensure_future(self.lane.run(place, work or (lambda: self.order.append(place.sequence))))

    async def hold(self) -> asyncio.Task[Reply]:
        """Starts a call that keeps the lane until the gate opens."""
        held = self.put(ticket(0), self.gate.wait)
        while not self.lane.running[0]:
            await asyncio.sleep(0.001)
        return held


def play(scenario: Scenario, **options: Any) -> None:
    async def run() -> None:
        bench = Bench(**options)
        try:
            await asyncio.wait_for(scenario(bench), 20)
        finally:
            bench.gate.set()
            bench.executor.shutdown()

    asyncio.run(run())


def test_calls_run_in_the_order_of_their_sequence_whatever_order_they_start_in() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.hold()
        calls = [bench.put(ticket(n, priority=-n)) for n in (5, 2, 9, 1)]
        await asyncio.sleep(0)
        bench.gate.set()
        await asyncio.gather(*calls)
        assert bench.order == [1, 2, 5, 9]

    play(scenario)


def test_with_the_priority_queue_small_priorities_run_first_then_the_sequence_counts() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.hold()
        calls = [bench.put(ticket(n, priority=p)) for n, p in ((1, 5), (2, 0), (3, 5), (4, -1))]
        await asyncio.sleep(0)
        bench.gate.set()
        await asyncio.gather(*calls)
        assert bench.order == [4, 2, 1, 3]

    play(scenario, by_priority=True)


def test_a_full_mailbox_refuses_and_takes_calls_again_when_there_is_room() -> None:
    async def scenario(bench: Bench) -> None:
        held = await bench.hold()
        calls = [bench.put(ticket(n)) for n in (1, 2)]
        await asyncio.sleep(0)
        assert bench.lane.waiting == 2
        with pytest.raises(CallError) as caught:
            await bench.put(ticket(3))
        assert caught.value.code.name == "MAILBOX_FULL"
        bench.gate.set()
        await asyncio.gather(held, *calls)
        await bench.put(ticket(4))
        assert bench.order == [1, 2, 4]
        assert (bench.lane.counts.done, bench.lane.counts.refused, bench.lane.waiting) == (4, 1, 0)

    play(scenario, size=2)


def test_a_cancelled_call_leaves_the_mailbox_and_never_runs() -> None:
    async def scenario(bench: Bench) -> None:
        held = await bench.hold()
        calls = [bench.put(ticket(n)) for n in (1, 2)]
        await asyncio.sleep(0)
        calls[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bench.lane.waiting == 1
        bench.gate.set()
        await asyncio.gather(held, calls[1])
        assert bench.order == [2]
        assert bench.lane.counts.dropped == 1

    play(scenario)


def test_a_call_over_the_limit_ends_the_process_and_everybody_hears_why() -> None:
    async def scenario(bench: Bench) -> None:
        held = bench.put(ticket(0), bench.gate.wait)
        waiting = bench.put(ticket(1))
        with pytest.raises(CallError) as caught:
            await held
        assert caught.value.code.name == "CALL_TIMED_OUT"
        with pytest.raises(CallError) as caught:
            await waiting
        assert caught.value.code.name == "ACTOR_LOST"
        with pytest.raises(CallError):
            await bench.put(ticket(2))
        assert [culprits for _, *culprits in bench.left] == [["w/0"]]
        assert bench.lane.lost
        assert bench.order == []

    play(scenario, timeout_s=0.05)


@pytest.mark.parametrize("code", ["DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"])
def test_a_failed_device_ends_the_process_and_other_errors_do_not(code: str) -> None:
    def fail(error: Exception) -> Callable[[], None]:
        def work() -> None:
            raise error

        return work

    async def scenario(bench: Bench) -> None:
        with pytest.raises(InputError):
            await bench.put(ticket(1), fail(InputError("bad")))
        await bench.put(ticket(3))
        assert bench.left == []
        with pytest.raises(DeviceError):
            await bench.put(ticket(4), fail(DeviceError("", code=code)))
        assert [culprits for _, *culprits in bench.left] == [["w/4"]]

    play(scenario)


def test_a_call_that_meets_a_failed_start_gets_its_error_and_the_next_one_starts_afresh() -> None:
    async def scenario(bench: Bench) -> None:
        bench.prepared = [ModelError("no model")]
        with pytest.raises(ModelError):
            await bench.put(ticket(1))
        await bench.put(ticket(2))
        assert bench.order == [2]
        assert bench.left == []

    play(scenario)


def test_a_call_that_waits_too_long_is_given_up_and_never_runs() -> None:
    async def scenario(bench: Bench) -> None:
        held = await bench.hold()
        with pytest.raises(CallError) as caught:
            await bench.put(replace(ticket(1), wait_left_s=0.02))
        assert caught.value.code.name == "WAIT_EXCEEDED"
        assert (bench.lane.waiting, bench.lane.counts.dropped) == (0, 1)
        bench.gate.set()
        await held
        await bench.put(replace(ticket(2), wait_left_s=15.0))
        assert bench.order == [2]

    play(scenario)


def test_a_running_call_is_not_given_up_for_having_waited() -> None:
    async def scenario(bench: Bench) -> None:
        held = bench.put(replace(ticket(0), wait_left_s=0.05), bench.gate.wait)
        await asyncio.sleep(0.1)
        bench.gate.set()
        assert (await held).value is True

    play(scenario)


def test_a_worn_out_process_ends_between_two_calls_and_blames_nobody() -> None:
    async def scenario(bench: Bench) -> None:
        calls = [bench.put(ticket(n)) for n in (1, 2, 3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert bench.order == [1, 2]
        assert isinstance(results[2], CallError)
        assert results[2].code.name == "ACTOR_LOST"
        assert results[2].facts["planned"]
        assert bench.left == [("two are enough",)]
        assert bench.lane.planned

    served: list[int] = []

    def worn_out() -> str:
        served.append(1)
        return "two are enough" if len(served) == 2 else ""

    play(scenario, worn_out=worn_out)


def test_the_queue_is_told_in_order_with_what_to_expect() -> None:
    async def scenario(bench: Bench) -> None:
        bench.lane.history.add("paddleocr.perform_ocr", 4.0)
        await bench.hold()
        calls = [bench.put(ticket(n)) for n in (3, 1, 2)]
        await asyncio.sleep(0)
        queue = bench.lane.queue()
        assert [place.sequence for place, _, _ in queue] == [1, 2, 3]
        waits = [wait for _, _, wait in queue if wait is not None]
        assert [round(later - first) for first, later in itertools.pairwise(waits)] == [4, 4]
        assert 0 < waits[0] <= 4
        expected = bench.lane.expected_wait_s()
        assert expected is not None
        assert round(expected - waits[2]) == 4
        bench.gate.set()
        await asyncio.gather(*calls)
        assert bench.lane.queue() == []

    play(scenario)


def test_a_reply_tells_waiting_from_running() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.hold()
        call = bench.put(ticket(1))
        await asyncio.sleep(0.05)
        bench.gate.set()
        reply = await call
        assert reply.waited_s >= 0.05 > reply.ran_s

    play(scenario)


def together(scenario: Scenario, most: int = 3, **options: Any) -> None:
    play(scenario, most_together=lambda: most, **options)


def test_calls_that_wait_have_their_turns_as_one_in_the_order_of_the_queue() -> None:
    async def scenario(bench: Bench) -> None:
        held = await bench.hold()
        calls = [bench.put(ticket(n)) for n in (5, 2, 4, 1, 3)]
        await asyncio.sleep(0)
        bench.gate.set()
        replies = await asyncio.gather(*calls)
        assert bench.served == [[0], [1, 2, 3], [4, 5]]
        assert bench.lane.counts.done == 6
        shares = {reply.ran_s for reply in replies}
        assert len(shares) == 2
        assert sorted(reply.together for reply in replies) == [2, 2, 3, 3, 3]
        assert (await held).together == 1

    together(scenario)


def test_a_call_of_another_kind_or_one_that_is_tried_again_has_its_turn_alone() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.hold()
        area = replace(ticket(2), kind=CallKind.DETECT_SUBTITLE_AREA)
        again = replace(ticket(4), attempt=2)
        calls = [bench.put(place) for place in (ticket(1), area, ticket(3), again, ticket(5), ticket(6))]
        await asyncio.sleep(0)
        bench.gate.set()
        await asyncio.gather(*calls)
        assert bench.served == [[0], [1], [2], [3], [4], [5, 6]]

    together(scenario)


def test_calls_that_run_as_one_are_all_told_and_none_of_them_still_waits() -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.hold()
        second = threading.Event()
        calls = [bench.put(replace(ticket(n), wait_left_s=0.2), second.wait) for n in (1, 2)]
        await asyncio.sleep(0)
        bench.gate.set()
        await first
        while not bench.lane.running[0]:
            await asyncio.sleep(0.001)
        assert [place.sequence for place in bench.lane.running[0]] == [1, 2]
        assert bench.lane.waiting == 0
        await asyncio.sleep(0.3)
        second.set()
        assert [(await call).value for call in calls] == [True, True]

    together(scenario)


def test_an_error_of_one_of_several_is_its_own() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.hold()
        calls = [bench.put(ticket(n), lambda n=n: InputError("bad") if n == 2 else n) for n in (1, 2, 3)]  # type: ignore[misc]
        await asyncio.sleep(0)
        bench.gate.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [reply.value for reply in found if isinstance(reply, Reply)] == [1, 3]
        assert isinstance(found[1], InputError)
        assert (bench.lane.counts.done, bench.lane.counts.failed, bench.left) == (3, 1, [])

    together(scenario)


@pytest.mark.parametrize("hangs", [False, True])
def test_where_the_device_is_lost_under_several_all_of_them_are_named(hangs: bool) -> None:
    def lose() -> None:
        if hangs:
            time.sleep(1.5)
            return
        raise DeviceError("gone", code="DEVICE_FAILED")

    async def scenario(bench: Bench) -> None:
        await bench.hold()
        calls = [bench.put(ticket(n), lose) for n in (1, 2, 3, 4)]
        await asyncio.sleep(0)
        bench.gate.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        codes = [error.code.name for error in found if isinstance(error, YivideoError)]
        assert codes == ["CALL_TIMED_OUT" if hangs else "DEVICE_FAILED"] * 3 + ["ACTOR_LOST"]
        assert len({id(error) for error in found}) == 4
        assert [culprits for _, *culprits in bench.left] == [["w/1", "w/2", "w/3"]]

    together(scenario, timeout_s=1.0)
