"""The arithmetic of the throughput benchmark."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.throughput import locks as throughput_lock
from benchmarks.throughput.locks import GlobalLock, HandedOver, Polled, polling_wait_s
from benchmarks.throughput.score import Batch, busy_share, fallen, percentile, ratios, rows
from yivideo_ray.types import Stage

__all__ = []


def batch(mode: str, completions: tuple[float, ...], *, engine: str = "real", cpu_s: float = 0.0) -> Batch:
    return Batch(engine, mode, completions, ((0.0, 5.0),), tuple(1.0 for _ in completions), cpu_s)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0], 0.95, 3.0),
        ([5.0, 1.0, 4.0, 2.0, 3.0], 0.95, 5.0),
        ([5.0, 1.0, 4.0, 2.0, 3.0], 0.5, 3.0),
        ([float(value) for value in range(1, 21)], 0.95, 19.0),
        ([float(value) for value in range(1, 101)], 0.95, 95.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_a_percentile_is_the_value_of_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.5)])
def test_a_percentile_of_nothing_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, share)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([], 0.0),
        ([(0.0, 10.0)], 1.0),
        ([(1.0, 3.0), (5.0, 6.0)], 0.3),
        # Overlapping, contained, and out of order.
        ([(4.0, 6.0), (1.0, 5.0), (2.0, 3.0)], 0.5),
        # Beyond the edges, and outside.
        ([(-5.0, 2.0), (9.0, 20.0), (30.0, 40.0), (-9.0, -8.0)], 0.3),
    ],
)
def test_a_busy_share_counts_covered_time_once(intervals: list[tuple[float, float]], expected: float) -> None:
    assert busy_share(intervals, 0.0, 10.0) == pytest.approx(expected)


def test_a_busy_share_needs_time() -> None:
    with pytest.raises(ValueError, match="must end after"):
        busy_share([], 1.0, 1.0)


@given(st.lists(st.tuples(st.floats(-10, 20), st.floats(0, 10))))
def test_a_busy_share_lies_between_none_and_all(spans: list[tuple[float, float]]) -> None:
    share = busy_share([(start, start + length) for start, length in spans], 0.0, 10.0)
    assert 0.0 <= share <= 1.0 + 1e-9


def test_a_row_holds_medians_over_batches_of_a_kind() -> None:
    kinds = [
        batch("a", (10.0, 20.0), cpu_s=20.0),
        batch("a", (10.0, 30.0)),
        batch("a", (40.0, 40.0)),
        batch("b", (5.0,)),
    ]
    first, second = rows(kinds, cores=2)
    assert (first.mode, first.workflows, first.batches) == ("a", 2, 3)
    assert first.videos_per_minute == pytest.approx(2 * 60 / 30)
    assert first.mean_completion_s == pytest.approx(20.0)
    assert first.p95_completion_s == pytest.approx(30.0)
    assert first.device_busy == pytest.approx(5 / 30)
    assert first.mean_wait_s == pytest.approx(1.0)
    assert (second.mode, second.device_busy) == ("b", 1.0)


def test_cpu_shares_are_of_all_cores() -> None:
    (row,) = rows([replace(batch("a", (10.0,), cpu_s=10.0), others_s=5.0)], cores=2)
    assert row.cpu == pytest.approx(0.5)
    assert row.others == pytest.approx(0.25)


def test_ratios_compare_equal_engines_and_counts_only() -> None:
    kinds = [
        batch("ours", (10.0, 10.0)),
        batch("lock", (10.0, 30.0)),
        batch("lock", (10.0,)),
        batch("lock", (9.0, 9.0), engine="modelled"),
    ]
    (ratio,) = ratios(rows(kinds, cores=1), "ours")
    assert (ratio.engine, ratio.against, ratio.workflows) == ("real", "lock", 2)
    assert ratio.throughput == pytest.approx(3.0)
    assert ratio.shorter == pytest.approx(0.5)


def test_a_ratio_has_fallen_when_it_is_below_the_tolerance_or_missing() -> None:
    kept = {"a": 2.0, "b": 2.0, "c": 2.0}
    sentences = fallen({"a": 1.61, "b": 1.59, "new": 9.0}, kept, 0.2)
    assert [sentence.partition(":")[0] for sentence in sentences] == ["b", "c"]


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
