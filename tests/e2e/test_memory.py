"""The real engine's memory stays flat under changing picture sizes; benchmarks.memory does so for longer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.memory.__main__ import LIMIT, measure
from yivideo_ray.config import Settings, StorageSettings
from yivideo_ray.runtime.session import session

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_memory_after_many_sizes_is_what_it_was_after_each_had_come_once(tmp_path: Path) -> None:
    with session(Settings(storage=StorageSettings(work_dir=tmp_path))) as opened:
        found = asyncio.run(measure(opened, calls=120, sizes=30, seed=3))
    assert found["ratio"] <= LIMIT
    assert found["restarts"] == 0
