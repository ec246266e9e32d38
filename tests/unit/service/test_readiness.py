"""What readiness tells, and what a locked or lost database does to calls: nobody waits for long, or for others."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import Runner, play, serving, submitted
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.service import readiness
from yivideo_ray.service import service as services
from yivideo_ray.service.service import Service


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    connection = sqlite3.connect(directory / "workflows.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test can await."""
    for module, name, seconds in (
        (services, "LOCK_WAIT_S", 0.3),
        (services, "TURN_WAIT_S", 0.3),
        (readiness, "LOCK_WAIT_S", 0.2),
    ):
        monkeypatch.setattr(module, name, seconds)


def disk_of(free_bytes: int) -> Any:
    return lambda _: shutil._ntuple_diskusage(1 << 40, 0, free_bytes)


def test_a_service_that_could_go_on_has_nothing_to_tell(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            assert await service.unready() == {}
            assert await service.is_ready()
        assert list(await service.unready()) == ["service"]

    play(scenario())


@pytest.mark.usefixtures("brief")
def test_a_locked_database_is_told_while_it_is_locked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            with locked(tmp_path):
                found = await service.unready()
                assert list(found) == ["database"]
                assert "locked" in found["database"]
            assert await service.unready() == {}

    play(scenario())


def test_a_database_that_is_gone_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            for path in tmp_path.glob("workflows.sqlite*"):
                path.rename(path.with_suffix(".away"))
            assert list(await service.unready()) == ["database"]
            assert not (tmp_path / "workflows.sqlite").exists()

    play(scenario())


def test_a_full_disk_and_an_actor_that_is_not_ready_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Loading(Runner):
        async def is_ready(self) -> bool:
            return False

    async def scenario() -> None:
        async with serving(tmp_path, Loading()) as (service, _):
            assert list(await service.unready()) == ["actor"]
            monkeypatch.setattr(shutil, "disk_usage", disk_of(1000))
            assert sorted(await service.unready()) == ["actor", "disk"]

    play(scenario())


def test_an_actor_that_does_not_answer_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ACTOR_ANSWER_S", 0.1)

    class Hung(Runner):
        async def is_ready(self) -> bool:
            await asyncio.Event().wait()
            return True

    async def scenario() -> None:
        async with serving(tmp_path, Hung()) as (service, _):
            answers = await asyncio.gather(*(service.unready() for _ in range(50)))
            assert answers == [{"actor": "It does not answer."}] * 50

    play(scenario())


@pytest.mark.usefixtures("brief")
def test_calls_behind_a_locked_database_end_together_and_not_one_after_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            workflow_id = await submitted(service, "a")
            with locked(tmp_path):
                began = time.monotonic()
                calls = [service.get(workflow_id) for _ in range(40)]
                errors = await asyncio.gather(*calls, return_exceptions=True)
                assert time.monotonic() - began < 5
                assert {error.code.name for error in errors if isinstance(error, YivideoError)} == {
                    "STORAGE_UNAVAILABLE"
                }
                assert len(errors) == 40
            assert (await service.get(workflow_id)).workflow_id == workflow_id

    play(scenario())


async def refusal(service: Service, *arguments: Any) -> str:
    with pytest.raises(YivideoError) as caught:
        await service.require_room(*arguments)
    return caught.value.code.name


def test_a_full_queue_is_told_but_not_to_whom_has_a_place_in_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_queued=1) as (service, runner):
            await service.require_room()
            await submitted(service, "a")
            while not runner.begun:
                await asyncio.sleep(0.01)
            await submitted(service, "b", idempotency_key="mine", fingerprint="f")
            assert await refusal(service) == "QUEUE_FULL"
            assert await refusal(service, "another") == "QUEUE_FULL"
            await service.require_room("mine")

    play(scenario())


def test_an_upload_that_the_disk_has_no_room_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", disk_of(readiness.FLOOR_BYTES + 1000))

    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            await service.require_room(None, 1000)
            assert await refusal(service, None, 1001) == "STORAGE_FULL"

    play(scenario())


def test_a_disk_that_does_not_answer_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "FILES_S", 0.1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: time.sleep(2))

    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            with pytest.raises(ServiceError) as caught:
                await service.require_room()
            assert caught.value.code.name == "STORAGE_UNAVAILABLE"

    play(scenario())
