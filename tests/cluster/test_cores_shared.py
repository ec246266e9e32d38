"""Workflows whose models run on the cores that decode as well."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.text_pictures import TEXTS, pattern_video
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow import tasks as cpu_tasks
from yivideo_ray.runtime.workflow.decoding import Decoding
from yivideo_ray.runtime.workflow.ray_stages import RayStages

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.mark.parametrize("on_cores", [True, False])
def test_what_is_read_takes_turns_with_what_is_decoded_where_both_are_done_on_the_cores(
    on_cores: bool, namespace: str, make_settings: SettingsMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pattern_video(tmp_path / "0.mp4", TEXTS)
    videos = [first, Path(shutil.copy(first, tmp_path / "1.mp4"))]
    decoded_now = 0
    # How many chunks were decoded when a group was to be read.
    beside: list[int] = []
    crop, read = Decoding._on_cpu, cpu_tasks.read

    async def crop_counted(*args: Any) -> Any:
        nonlocal decoded_now
        decoded_now += 1
        try:
            return await crop(*args)
        finally:
            decoded_now -= 1

    class ReadNoted:
        @staticmethod
        def remote(*args: Any) -> Any:
            beside.append(decoded_now)
            return read.remote(*args)

    async def scenario() -> Sequence[Outcome]:
        session = Session(make_settings(pipeline={"chunk_s": 2, "crops_per_call": 1}), namespace)
        turns = (await session.tools()).decoding
        # A single turn for all: a chunk that waited for what is read of it would wait for ever.
        turns.resize(1)
        monkeypatch.setattr(turns, "resize", lambda _: None)
        return await session.run_async([Job(video) for video in videos], lambda _: None)

    monkeypatch.setattr(Decoding, "_on_cpu", crop_counted)
    monkeypatch.setattr(cpu_tasks, "read", ReadNoted)
    monkeypatch.setattr(RayStages, "_reads_on_cores", lambda _: on_cores)
    outcomes = asyncio.run(scenario())
    assert [[cue.text for cue in outcome.cues] for outcome in outcomes] == [list(TEXTS)] * 2
    assert len(beside) >= 2 * len(TEXTS)
    assert max(beside) == (0 if on_cores else 1)
