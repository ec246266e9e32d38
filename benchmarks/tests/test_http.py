"""The scorer of the benchmark of posts."""

from __future__ import annotations

from benchmarks.http import Answer, percentile, verdict


def answers(*times: float, status: int = 202) -> list[Answer]:
    return [Answer(status, took_s, f"w{number}") for number, took_s in enumerate(times)]


def test_percentiles_are_by_nearest_rank() -> None:
    found = answers(*(number / 100 for number in range(100, 0, -1)))
    assert [percentile(found, share) for share in (0.5, 0.95, 0.99, 1.0)] == [0.5, 0.95, 0.99, 1.0]
    assert percentile(answers(3.0), 0.99) == 3.0
    assert percentile(answers(1.0, 2.0), 0.5) == 1.0
    assert percentile(answers(1.0, 2.0), 0.51) == 2.0


def test_each_limit_is_judged_by_itself() -> None:
    same = [Answer(202, 0.1, "w1")] * 3
    good = answers(*[0.1] * 100)
    assert [holds for _, holds, _ in verdict(same, good)] == [True, True, True]
    assert [holds for _, holds, _ in verdict([*same, Answer(202, 0.1, "w2")], good)] == [False, True, True]
    assert [holds for _, holds, _ in verdict([*same, Answer(503, 0.1)], good)] == [False, True, True]
    assert [holds for _, holds, _ in verdict(same, [*good, Answer(429, 0.1)])] == [True, True, True]
    assert [holds for _, holds, _ in verdict(same, [*good, Answer(500, 0.1)])] == [True, False, True]
    assert [holds for _, holds, _ in verdict(same, [*good, *answers(1.0, 1.0)])] == [True, True, False]
