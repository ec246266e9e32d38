"""The service while its database is locked, its disk is full, or its clock is set: it goes on by itself, and nothing is
lost or done twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import asked, begun, ended, play, serving, submitted, told
from yivideo_ray.errors import YivideoError
from yivideo_ray.service import dispatcher
from yivideo_ray.service.contract import WorkflowState
from yivideo_ray.service.service import Service

DAY_S = 86400.0
TMPFS_BYTES = 4 * 1024 * 1024


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Yields a directory on a disk of its own, of TMPFS_BYTES."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    directory = Path(tempfile.mkdtemp(prefix="yivideo-disk-"))
    options = f"size={TMPFS_BYTES},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        directory.rmdir()
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)
        directory.rmdir()


def fill(directory: Path) -> Path:
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


async def whole(service: Service, workflow_id: str) -> None:
    """Requires that a workflow succeeds, and that its end is told once."""
    assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS
    events = await told(service, workflow_id)
    assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))
    assert [numbered.event.kind.value for numbered in events].count("workflow_finished") == 1


def test_a_full_disk_is_said_and_all_goes_on_once_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "FIRST_PAUSE_S", 0.2)

    async def scenario() -> None:
        async with serving(small_disk) as (service, runner):
            # So much is written to them that it does not fit into what SQLite has on the disk already.
            runner.progress = 2000
            running, waiting = await submitted(service, "runs"), await submitted(service, "waits")
            await begun(service, running)
            large = asked("refused", callback_url="https://example.org/" + "x" * 3000)
            ballast = fill(small_disk)
            with pytest.raises(YivideoError) as caught:
                await asyncio.gather(*(service.submit(large) for _ in range(1000)))
            assert caught.value.code.name == "STORAGE_FULL"
            taken = {view.workflow_id for view in (await service.list(limit=200)).workflows}
            for name in ("runs", "waits", "refused"):
                runner.open(name)
            await asyncio.sleep(0.5)
            ballast.unlink()
            for workflow_id in taken | {running, waiting}:
                await whole(service, workflow_id)
            assert {view.workflow_id for view in (await service.list(limit=200)).workflows} == taken

    play(scenario())
    assert shutil.disk_usage(small_disk).free > 0


def test_a_database_that_another_locks_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            running, waiting = await submitted(service, "runs"), await submitted(service, "waits")
            await begun(service, running)
            other = sqlite3.connect(service._database.path, isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            for name in ("runs", "waits", "late"):
                runner.open(name)
            late = asyncio.ensure_future(submitted(service, "late"))
            await asyncio.sleep(1)
            assert not late.done()
            other.rollback()
            other.close()
            for workflow_id in (running, waiting, await late):
                await whole(service, workflow_id)
            assert runner.begun == ["runs", "waits", "late"]

    play(scenario())


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_set_by_a_day_costs_nothing(tmp_path: Path, days: int) -> None:
    async def scenario() -> None:
        time = 1.8e9
        async with serving(tmp_path, now=lambda: time) as (service, runner):
            running = await submitted(service, "runs", callback_url="https://example.org/told")
            waiting = await submitted(service, "waits")
            await begun(service, running)
            time += days * DAY_S
            late = await submitted(service, "late")
            assert await service._sweeper.sweep() == 0
            for name in ("runs", "waits", "late"):
                runner.open(name)
            for workflow_id in (running, waiting, late):
                await whole(service, workflow_id)
            assert runner.begun == ["runs", "waits", "late"]
            assert [due.workflow_id for due in await service.due_callbacks(time)] == [running]

    play(scenario())
