"""Probes of videos whose server or disk does not answer: they hold up nobody, and a cancelled one is over."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from yivideo_ray.config import Settings
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.runtime import batch
from yivideo_ray.runtime.batch import Batch


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that never answers; yields what it was asked for."""
    asked: list[str] = []
    until = threading.Event()

    def probe(video: Path, *_: Any) -> None:
        asked.append(video.name)
        until.wait()

    monkeypatch.setattr(batch, "probe", probe)
    yield asked
    until.set()


def probing(name: str) -> asyncio.Task[Outcome]:
    """As the service does it: each workflow is a batch of its own."""
    job = Job(Path(f"/videos/{name}.mp4"))
    return asyncio.ensure_future(Batch(cast("Any", None), lambda _: None, Settings(), None).job(job))


def test_videos_that_do_not_answer_hold_up_nothing_else(silent: list[str]) -> None:
    async def run() -> None:
        jobs = [probing(f"film{number}") for number in range(40)]
        while len(silent) < 40:
            await asyncio.sleep(0.01)
        # What others do in threads goes on.
        began = time.monotonic()
        assert await asyncio.wait_for(asyncio.to_thread(len, "abc"), 10) == 3
        assert time.monotonic() - began < 5
        for job in jobs:
            job.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 5)
        assert {type(end) for end in ended} == {asyncio.CancelledError}

    asyncio.run(run())
