"""The limits on memory: of the longest video, or the most videos, against the next, of all peaks, of scratch files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from benchmarks.instruments.usage import Peak
from benchmarks.memory.calls import LIMIT, measure
from benchmarks.memory.runs import scratch_bytes, verdicts
from yivideo_ray.config import Settings, StorageSettings
from yivideo_ray.runtime.session import Session


def ran(minutes: int, peak_gb: float, scratch_mb: float = 10) -> dict[str, Any]:
    return {"minutes": minutes, "peak_bytes": peak_gb * 1e9, "scratch_bytes": scratch_mb * 1e6}


def holds(*found: dict[str, Any]) -> list[bool]:
    return [held for _, held in verdicts(found, "minutes")]


def test_flat_memory_holds_every_limit() -> None:
    assert holds(ran(1, 1.0), ran(10, 1.2), ran(60, 1.3)) == [True, True, True]


def test_an_hour_is_compared_with_ten_minutes_in_any_order() -> None:
    assert holds(ran(60, 1.4), ran(10, 1.2), ran(1, 1.4))[-1] is False


@pytest.mark.parametrize(("bad", "which"), [(ran(1, 2.6), 0), (ran(1, 1.0, scratch_mb=201), 1)])
def test_one_peak_too_high_is_enough(bad: dict[str, Any], which: int) -> None:
    assert holds(bad, ran(10, 1.0), ran(60, 1.0))[which] is False


def test_numbers_of_videos_are_compared_as_lengths_are() -> None:
    many = [{"videos": n, "peak_bytes": peak, "scratch_bytes": 0} for n, peak in ((24, 1.2e9), (8, 1.0e9))]
    (sentence, held) = verdicts(many, "videos")[-1]
    assert "peak of 24 videos is 1.200 times that of 8" in sentence
    assert not held


def test_one_length_has_no_ratio() -> None:
    assert len(verdicts([ran(1, 1.0)], "minutes")) == 2


def test_scratch_counts_what_lies_below_its_directories(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x" * 50_000)
    assert 50_000 <= scratch_bytes([tmp_path, tmp_path / "missing"]) < 100_000


def test_a_peak_outlives_what_made_it() -> None:
    sizes = iter([3, 1])
    peak = Peak(lambda: next(sizes), interval_s=60)
    for _ in range(2):
        with peak.watch():
            pass
    assert peak.peak_bytes == 3


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(280)
def test_memory_after_many_sizes_is_what_it_was_after_each_had_come_once(tmp_path: Path) -> None:
    with Session(Settings(storage=StorageSettings(work_dir=tmp_path))) as opened:
        found = asyncio.run(measure(opened, calls=120, sizes=30, seed=3))
    assert found["ratio"] <= LIMIT
    assert found["restarts"] == 0
