"""What the service keeps no longer: workflows by their age and to make room, uploads, idempotency keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import ONE, Runner, asked, begun, ended, play, serving
from yivideo_ray.errors import ServiceError
from yivideo_ray.service import retention
from yivideo_ray.service.contract import WorkflowRequest, WorkflowState
from yivideo_ray.service.service import Service

pytestmark = pytest.mark.usefixtures("each_database")

DAY_S = 86400.0


class Clock:
    def __init__(self) -> None:
        self.time = 1.8e9

    def __call__(self) -> float:
        return self.time


def sweeping(scenario: Callable[[Service, Runner, Clock], Awaitable[None]], tmp_path: Path, **storage: Any) -> None:
    async def whole() -> None:
        clock = Clock()
        async with serving(tmp_path, storage=storage, now=clock) as (service, runner):
            await scenario(service, runner, clock)

    play(whole())


async def done(service: Service, runner: Runner, name: str, **values: Any) -> str:
    runner.open(name)
    view, _ = await service.submit(asked(name, **values))
    await ended(service, view.workflow_id)
    return view.workflow_id


async def uploaded(service: Service, runner: Runner, name: str) -> tuple[str, Path]:
    video = service.uploads / f"u-{name}" / f"{name}.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(bytes(1000))
    runner.open(name)
    view, _ = await service.submit(WorkflowRequest(video, ONE, owned_video=True))
    await ended(service, view.workflow_id)
    return view.workflow_id, video


async def code_of(call: Awaitable[object]) -> str:
    with pytest.raises(ServiceError) as caught:
        await call
    assert caught.value.code.http_status == {"WORKFLOW_NOT_FOUND": 404}.get(caught.value.code.name, 410)
    return caught.value.code.name


def test_a_workflow_that_ended_long_ago_is_swept_with_all_that_the_service_keeps_of_it(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        old, video = await uploaded(service, runner, "old")
        result = (await service.get(old)).result
        assert result is not None
        assert result.is_file()
        clock.time += 9 * DAY_S
        young = await done(service, runner, "young")
        clock.time += 2 * DAY_S
        assert await service._sweeper.sweep() == 1
        for call in (service.get(old), service.retry(old), service.cancel(old), service.delete(old)):
            assert await code_of(call) == "WORKFLOW_SWEPT"
        assert not result.parent.exists()
        assert not video.parent.exists()
        assert [view.workflow_id for view in (await service.list()).workflows] == [young]
        assert await code_of(service.get("wf-never")) == "WORKFLOW_NOT_FOUND"
        clock.time += 366 * DAY_S
        await service._sweeper.sweep()
        assert await code_of(service.get(old)) == "WORKFLOW_NOT_FOUND"

    sweeping(scenario, tmp_path, keep_days=10, keep_uploads_days=0)


def test_what_waits_or_runs_is_never_swept_however_old(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        running, waiting = [(await service.submit(asked(name)))[0].workflow_id for name in ("runs", "waits")]
        await begun(service, running)
        clock.time += 1000 * DAY_S
        assert await service._sweeper.sweep() == 0
        for name in ("runs", "waits"):
            runner.open(name)
        for workflow_id in (running, waiting):
            assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS

    sweeping(scenario, tmp_path, keep_days=1, keep_bytes=1)


def test_an_upload_goes_before_its_workflow_which_can_not_be_run_again_then(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        workflow_id, video = await uploaded(service, runner, "a")
        clock.time += 8 * DAY_S
        assert await service._sweeper.sweep() == 1
        assert not video.parent.exists()
        view = await service.get(workflow_id)
        assert view.result is not None
        assert view.result.is_file()
        assert view.video_swept == clock.time
        assert await code_of(service.retry(workflow_id)) == "VIDEO_SWEPT"
        assert await service._sweeper.sweep() == 0

    sweeping(scenario, tmp_path)


def test_the_workflows_that_ended_first_make_room_and_none_that_has_just_ended(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        ids = []
        for name in "abc":
            ids.append((await uploaded(service, runner, name))[0])
            clock.time += 1800
        assert await service._sweeper.sweep() == 1
        assert await code_of(service.get(ids[0])) == "WORKFLOW_SWEPT"
        for workflow_id in ids[1:]:
            await service.get(workflow_id)
        clock.time += 3600
        # Each takes 1,002 bytes.
        assert await service._sweeper.sweep() == 1
        await service.get(ids[2])

    sweeping(scenario, tmp_path, keep_bytes=1500)


def test_a_video_of_ones_own_and_what_is_beside_it_are_never_touched(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        own = tmp_path / "own" / "film.mp4"
        own.parent.mkdir()
        for path in (own, own.with_suffix(".srt")):
            path.write_bytes(bytes(1000))
        runner.open("film")
        view, _ = await service.submit(WorkflowRequest(own, ONE))
        await ended(service, view.workflow_id)
        clock.time += 1000 * DAY_S
        assert await service._sweeper.sweep() == 1
        assert sorted(path.name for path in own.parent.iterdir()) == ["film.mp4", "film.srt"]

    sweeping(scenario, tmp_path, keep_days=1, keep_bytes=1)


def test_nothing_goes_where_the_settings_say_so(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        workflow_id, video = await uploaded(service, runner, "a")
        clock.time += 10000 * DAY_S
        assert await service._sweeper.sweep() == 0
        assert (await service.get(workflow_id)).video == video
        assert video.exists()

    sweeping(scenario, tmp_path, keep_days=0, keep_bytes=0, keep_uploads_days=0)


def test_an_idempotency_key_is_known_for_thirty_days(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        request = asked("a", idempotency_key="k", fingerprint="f")
        runner.open("a")
        first, _ = await service.submit(request)
        await ended(service, first.workflow_id)
        clock.time += 29 * DAY_S
        await service._sweeper.sweep()
        assert (await service.submit(request)) == (await service.get(first.workflow_id), False)
        clock.time += 2 * DAY_S
        await service._sweeper.sweep()
        _, new = await service.submit(request)
        assert new

    sweeping(scenario, tmp_path)


def test_it_is_swept_at_the_start_and_regularly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SWEEP_S", 0.05)

    async def scenario() -> None:
        clock = Clock()
        async with serving(tmp_path, now=clock) as (service, runner):
            old, other = await done(service, runner, "old"), await done(service, runner, "other")
        clock.time += 100 * DAY_S
        async with serving(tmp_path, now=clock, storage={"keep_days": 99}) as (service, runner):
            await gone(service, old)
            await gone(service, other)
            monkeypatch.setattr(service._sweeper, "_has_jumped", lambda: False)
            young = await done(service, runner, "young")
            clock.time += 100 * DAY_S
            await gone(service, young)

    play(scenario())


async def gone(service: Service, workflow_id: str) -> None:
    while not await is_swept(service, workflow_id):
        await asyncio.sleep(0.01)


async def is_swept(service: Service, workflow_id: str) -> bool:
    try:
        await service.get(workflow_id)
    except ServiceError as error:
        return error.code.name == "WORKFLOW_SWEPT"
    return False


def test_a_clock_that_was_set_sweeps_nothing_until_there_was_time_to_set_it_right(tmp_path: Path) -> None:
    async def scenario(service: Service, runner: Runner, clock: Clock) -> None:
        sweeper = service._sweeper
        workflow_id = await done(service, runner, "a")
        assert not sweeper._has_jumped()
        for days in (400.0, -400.0):
            clock.time += days * DAY_S
            assert sweeper._has_jumped()
            assert not sweeper._has_jumped()
        await service.get(workflow_id)

    sweeping(scenario, tmp_path)
