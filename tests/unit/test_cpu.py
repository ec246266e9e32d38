"""CPU time of the benchmarks' processes."""

from __future__ import annotations

import time

import pytest

from benchmarks.instruments.usage import CpuUse, cpu_use


def test_work_of_this_process_is_its_own() -> None:
    with cpu_use() as use:
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
    assert use.own_s >= 0.25
    assert use.wall_s >= 0.25
    assert use.others_s >= 0


def test_sleeping_is_no_work() -> None:
    with cpu_use() as use:
        time.sleep(0.2)
    assert use.own_s < 0.15


def test_the_share_of_others_is_of_all_cores() -> None:
    assert CpuUse(wall_s=10.0, own_s=1.0, others_s=5.0).others(2) == pytest.approx(0.25)
