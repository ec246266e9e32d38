"""What becomes of workflows when the service, its cluster or its lock goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import ONE, Runner, asked, begun, ended, kill, play, serving, submitted, told
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, ServiceError
from yivideo_ray.jobs import EventKind, Job, Outcome
from yivideo_ray.locations import Url
from yivideo_ray.service.contract import NumberedEvent, WorkflowRequest, WorkflowState
from yivideo_ray.service.service import Service

pytestmark = pytest.mark.usefixtures("each_database")


def test_unfinished_workflows_go_on_after_a_restart_in_their_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            running = await submitted(service, "running")
            waiting = await submitted(service, "waiting")
            cancelled = await submitted(service, "cancelled")
            await service.cancel(cancelled)
            await begun(service, running)
            await asyncio.sleep(0.4)
            before = (await service.get(running)).percent, len(await first_events(service, running))
        async with serving(tmp_path) as (service, runner):
            assert (await begun(service, running)).percent >= before[0]
            assert (await service.get(waiting)).state is WorkflowState.PENDING
            assert (await service.get(cancelled)).state is WorkflowState.CANCELLED
            for name in ("running", "waiting"):
                runner.open(name)
            for workflow_id in (running, waiting):
                assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS
            assert runner.begun == ["running", "waiting"]
            events = await told(service, running)
            assert len(events) > before[1] > 0
            assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))
            assert [numbered.event.kind for numbered in events].count(EventKind.WORKFLOW_FINISHED) == 1

    play(scenario())


async def first_events(service: Service, workflow_id: str) -> list[NumberedEvent]:
    """Returns the events that are there, of a workflow that goes on."""
    found = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            async for numbered in service.events(workflow_id):
                found.append(numbered)
    return found


def test_a_second_service_on_the_same_database_does_not_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            second = Service(service._settings, Runner)
            with pytest.raises(ServiceError) as caught:
                await asyncio.to_thread(second._ownership.take, 0.3)
            assert caught.value.code.name == "SERVICE_RUNNING"
            await second.close()
            await submitted(service, "still there")

    play(scenario())


def test_one_that_another_has_taken_over_from_changes_nothing_any_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a")
            await begun(service, workflow_id)
            # As if the lock had been lost with a connection.
            service._ownership.release()
            async with serving(tmp_path) as (other, _):
                runner.open("a")
                with pytest.raises(ServiceError) as caught:
                    await service.submit(asked("b"))
                assert caught.value.code.name == "SERVICE_RUNNING"
                assert not await service.is_ready()
                assert (await begun(other, workflow_id)).outputs == ()
                assert len((await other.list()).workflows) == 1

    play(scenario())


def test_a_cluster_that_goes_away_costs_no_workflow(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_running=2) as (service, runner):
            runner.errors["a"] = CallError("The Ray cluster failed.", code="CLUSTER_UNAVAILABLE")
            ids = [await submitted(service, name) for name in "ab"]
            await begun(service, ids[1])
            runner.open("a")
            assert (await ended(service, ids[0])).state is WorkflowState.SUCCESS
            assert runner.closed == 1
            runner.open("b")
            assert (await ended(service, ids[1])).state is WorkflowState.SUCCESS
            assert runner.begun.count("a") == 2
            assert await service.is_ready()

    play(scenario())


class Stuck(Runner):
    """Never gets past the probe of a video, but of those that are named."""

    def __init__(self, *sound: str) -> None:
        super().__init__()
        self.sound = sound

    async def run_async(self, jobs: Sequence[Job], *arguments: Any, **more: Any) -> list[Outcome]:
        if jobs[0].video.stem in self.sound:
            return await super().run_async(jobs, *arguments, **more)
        self.begun.append(jobs[0].video.stem)
        await asyncio.Event().wait()
        raise AssertionError


async def probed(runner: Runner, *names: str) -> None:
    while sorted(runner.begun) != sorted(names):
        await asyncio.sleep(0.01)


def test_a_video_that_ends_the_process_whenever_it_is_opened_is_set_aside(tmp_path: Path) -> None:
    async def scenario() -> None:
        workflow_id = ""
        for _ in range(3):
            runner = Stuck()
            async with serving(tmp_path, runner) as (service, _):
                workflow_id = workflow_id or await submitted(service, "a")
                await probed(runner, "a")
                await kill(service)
        async with serving(tmp_path) as (service, _):
            view = await ended(service, workflow_id)
            assert view.error is not None
            assert (view.state, view.error["code"]) == (WorkflowState.FAILED, "INPUT_SET_ASIDE")

    play(scenario())


def test_planned_restarts_never_count_against_a_video_that_is_slow_to_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        workflow_id = ""
        for _ in range(4):
            runner = Stuck()
            async with serving(tmp_path, runner) as (service, _):
                workflow_id = workflow_id or await submitted(service, "a")
                await probed(runner, "a")
        async with serving(tmp_path) as (service, sound):
            sound.open("a")
            assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS

    play(scenario())


def test_kills_while_several_videos_were_probed_count_against_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        ids: list[str] = []
        for times in range(4):
            runner = Stuck()
            async with serving(tmp_path, runner, max_running=2) as (service, _):
                if not ids:
                    ids = [await submitted(service, name) for name in "ab"]
                    await probed(runner, "a", "b")
                    await kill(service)
                    continue
                # From then on each is probed alone, and planned stops count against none.
                await probed(runner, "a")
                await asyncio.sleep(0.1)
                assert runner.begun == ["a"], times
        async with serving(tmp_path, max_running=2) as (service, sound):
            for name in "ab":
                sound.open(name)
            for workflow_id in ids:
                assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS

    play(scenario())


def test_of_several_videos_that_were_probed_the_one_that_ends_the_process_is_found_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        ids: dict[str, str] = {}
        for kills in range(4):
            runner = Stuck() if kills == 0 else Stuck("good")
            async with serving(tmp_path, runner, max_running=2) as (service, _):
                ids = ids or {name: await submitted(service, name) for name in ("deadly", "good")}
                await probed(runner, *(("deadly", "good") if kills == 0 else ("deadly",)))
                await kill(service)
        async with serving(tmp_path, max_running=2) as (service, sound):
            sound.open("good")
            assert (await ended(service, ids["good"])).state is WorkflowState.SUCCESS
            view = await ended(service, ids["deadly"])
            assert view.error is not None
            assert view.error["code"] == "INPUT_SET_ASIDE"
            assert sound.begun == ["good"]

    play(scenario())


def test_what_waits_to_be_probed_alone_begins_once_the_others_are_past_theirs(tmp_path: Path) -> None:
    async def scenario() -> None:
        runner = Stuck()
        async with serving(tmp_path, runner, max_running=2) as (service, _):
            for name in "ab":
                await submitted(service, name)
            await probed(runner, "a", "b")
            await kill(service)
        async with serving(tmp_path, max_running=2) as (service, sound):
            # Neither ends: the second one begins because the first one is past its probe.
            await probed(sound, "a", "b")

    play(scenario())


def test_what_forgotten_workflows_left_is_removed_at_the_start_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.open("a")
            workflow_id = await submitted(service, "a")
            await ended(service, workflow_id)
            upload = tmp_path / "uploads" / "u" / "film.mp4"
            upload.parent.mkdir(parents=True)
            upload.touch()
            await service.submit(WorkflowRequest(upload, ONE, owned_video=True))
        left = [tmp_path / "workflows/wf-dead", tmp_path / "uploads/half"]
        kept = [tmp_path / "workflows" / workflow_id, upload.parent]
        for path in left + kept:
            path.mkdir(parents=True, exist_ok=True)
        async with serving(tmp_path):
            assert [path.exists() for path in left] == [False] * len(left)
            assert [path.exists() for path in kept] == [True] * len(kept)
        # Another database's service can't know which of them are its own.
        dead = left[0]
        dead.mkdir()
        monkeypatch.delenv("YIVIDEO_STORAGE__URL", raising=False)
        other = Settings(storage={"work_dir": tmp_path, "url": f"sqlite:///{tmp_path}/other.sqlite"})
        for settings in (other, Settings(storage={"work_dir": tmp_path})):
            service = Service(settings, Runner)
            await service.start()
            await service.close()
            assert dead.exists()

    play(scenario())


def test_the_end_is_told_to_a_callback_until_it_is_delivered_or_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.open("a")
            workflow_id = await submitted(service, "a", callback_url="https://example.org/hook")
            await ended(service, workflow_id)
            now = 2e9
            (due,) = await service.due_callbacks(now)
            assert (due.workflow_id, due.url, due.attempt) == (workflow_id, "https://example.org/hook", 1)
            assert b'"type": "workflow.success"' in due.body
            await service.record_callback(workflow_id, delivered=False, next_attempt=now + 5)
            assert await service.due_callbacks(now) == []
        async with serving(tmp_path) as (service, _):
            (again,) = await service.due_callbacks(now + 5)
            assert (again.attempt, again.body, again.message_id) == (2, due.body, due.message_id)
            await service.record_callback(workflow_id, delivered=True, next_attempt=None)
            assert await service.due_callbacks(now + 5) == []
            with pytest.raises(ServiceError):
                await service.record_callback("none", delivered=True, next_attempt=None)

    play(scenario())


def test_a_service_that_is_not_open_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            assert await service.is_ready()
        assert not await service.is_ready()
        with pytest.raises(ServiceError) as caught:
            await service.list()
        assert caught.value.code.name == "SERVICE_UNAVAILABLE"
        await service.close()

    play(scenario())


def test_a_fault_of_ours_fails_its_workflow_alone(tmp_path: Path) -> None:
    class Faulty(Runner):
        async def run_async(self, jobs: Sequence[Job], *arguments: Any, **more: Any) -> list[Outcome]:
            if jobs[0].video.stem == "bad":
                raise KeyError("nobody thought of this")
            return await super().run_async(jobs, *arguments, **more)

    async def scenario() -> None:
        async with serving(tmp_path, Faulty()) as (service, runner):
            bad, good = await submitted(service, "bad"), await submitted(service, "good")
            view = await ended(service, bad)
            assert view.error is not None
            assert (view.state, view.error["code"]) == (WorkflowState.FAILED, "INTERNAL")
            assert Path(view.error["facts"]["log"]).is_file()
            runner.open("good")
            assert (await ended(service, good)).state is WorkflowState.SUCCESS

    play(scenario())


def test_an_address_is_the_same_after_a_restart(tmp_path: Path) -> None:
    address = Url("s3://films//a b/film.mp4")

    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            workflow_id = (await service.submit(WorkflowRequest(address, ONE)))[0].workflow_id
            await begun(service, workflow_id)
        async with serving(tmp_path) as (service, runner):
            assert (await service.get(workflow_id)).video == address
            runner.open("film")
            assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS
            assert {numbered.event.video for numbered in await told(service, workflow_id)} == {str(address)}

    play(scenario())
