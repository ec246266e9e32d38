"""The order of waiting calls: priority, turns between workflows, and that nobody starves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.jobs import Priority
from yivideo_ray.runtime.gpu.calls import CallKind, Ticket
from yivideo_ray.runtime.gpu.mailbox import OVERTAKEN_AT_MOST, Mailbox

INTERACTIVE, BATCH = Priority.INTERACTIVE, Priority.BATCH


def ticket(workflow: str, sequence: int, priority: Priority = BATCH) -> Ticket:
    return Ticket(CallKind.PERFORM_OCR, workflow, f"{workflow}/perform_ocr/{sequence}", sequence, priority)


def filled(*tickets: Ticket, by_priority: bool = True) -> Mailbox[Ticket]:
    box: Mailbox[Ticket] = Mailbox(by_priority=by_priority)
    for place in tickets:
        box.put(place, place)
    return box


def drained(box: Mailbox[Ticket]) -> list[int]:
    return [box.take().sequence for _ in range(len(box))]


def test_off_the_sequence_alone_decides() -> None:
    box = filled(ticket("a", 3), ticket("b", 1, INTERACTIVE), ticket("a", 2), ticket("a", 0), by_priority=False)
    assert drained(box) == [0, 1, 2, 3]


def test_interactive_calls_go_before_batch_calls_in_order_of_arrival() -> None:
    box = filled(ticket("a", 1), ticket("b", 4, INTERACTIVE), ticket("c", 2), ticket("d", 3, INTERACTIVE))
    assert drained(box) == [3, 4, 1, 2]


def test_a_short_video_waits_for_no_more_than_the_running_call_of_a_long_one() -> None:
    box = filled(*(ticket("long", n) for n in range(9)))
    assert box.take().workflow_id == "long"
    late = ticket("short", 100)
    box.put(late, late)
    assert box.take() is late


def test_workflows_of_one_priority_take_turns() -> None:
    box = filled(*(ticket("a", n) for n in range(3)), *(ticket("b", 10 + n) for n in range(3)), ticket("c", 20))
    assert drained(box) == [0, 10, 20, 1, 11, 2, 12]


def test_a_batch_call_is_overtaken_by_no_more_than_the_bound() -> None:
    box = filled(ticket("batch", 0))
    turns = 0
    while True:
        urgent = ticket(f"i{turns}", turns + 1, INTERACTIVE)
        box.put(urgent, urgent)
        if box.take().workflow_id == "batch":
            break
        turns += 1
    assert turns == OVERTAKEN_AT_MOST


Call = tuple[int, bool, int]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), max_size=120),
    st.integers(0, 40),
)
def test_nobody_waits_for_more_than_the_bound_and_those_before_him(calls: Sequence[Call], at_first: int) -> None:
    box: Mailbox[Ticket] = Mailbox(by_priority=True)
    served: list[int] = []
    before: dict[int, int] = {}
    turns_at_arrival: dict[int, int] = {}
    for number, (workflow, urgent, turns) in enumerate(calls):
        place = ticket(f"w{workflow}", number, INTERACTIVE if urgent else BATCH)
        before[number], turns_at_arrival[number] = len(box), len(served)
        box.put(place, place)
        if number >= at_first:
            served += [box.take().sequence for _ in range(min(turns, len(box)))]
    served += drained(box)
    assert sorted(served) == list(range(len(calls)))
    for number, ahead in before.items():
        waited = served.index(number) - turns_at_arrival[number]
        assert waited <= ahead + OVERTAKEN_AT_MOST


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=60), st.booleans(), st.integers(0, 30))
def test_the_order_foretold_is_the_order_that_comes(
    calls: Sequence[tuple[int, bool]], by_priority: bool, taken: int
) -> None:
    box = filled(
        *(ticket(f"w{workflow}", n, INTERACTIVE if urgent else BATCH) for n, (workflow, urgent) in enumerate(calls)),
        by_priority=by_priority,
    )
    for _ in range(min(taken, len(box))):
        box.take()
    foretold = [place.sequence for place in box.in_order(1000)]
    assert box.in_order(2) == box.in_order(1000)[:2]
    assert drained(box) == foretold


def test_a_discarded_call_is_gone_and_an_empty_mailbox_has_no_next() -> None:
    first, second = ticket("a", 1), ticket("a", 2)
    box = filled(first, second)
    assert box.discard(first)
    assert not box.discard(first)
    assert list(box) == [second]
    assert box.clear() == [second]
    with pytest.raises(IndexError):
        box.take()
