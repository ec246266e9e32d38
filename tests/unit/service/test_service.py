"""Workflows in the service: states, order, bounds, events, modes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import MIND_THE_GAP, ONE, Runner, asked, begun, ended, play, serving, submitted, told
from yivideo_ray.config import Settings
from yivideo_ray.errors import ResultWarning, ServiceError, YivideoError
from yivideo_ray.jobs import EventKind, Priority, StageStatus
from yivideo_ray.runtime.workflow.scheduling import workflows_at_once
from yivideo_ray.service.contract import ExecutionMode, WorkflowRequest, WorkflowState
from yivideo_ray.service.outbox import callback_values
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.types import STAGES, Stage

pytestmark = pytest.mark.usefixtures("each_database")


def test_a_workflow_goes_from_pending_to_success(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a", callback_url="https://example.org/hook")
            view = await begun(service, workflow_id)
            assert (view.video, view.chain, view.percent) == (Path("/videos/a.mp4"), ONE, 0.0)
            runner.open("a")
            view = await ended(service, workflow_id)
            assert (view.state, view.percent, view.warnings, view.error) == (
                WorkflowState.SUCCESS,
                100.0,
                (MIND_THE_GAP,),
                None,
            )
            assert view.result == tmp_path / "workflows" / workflow_id / "result.json"
            assert view.result.is_file()
            (stage,) = view.stages
            assert (stage.status, stage.input_params, stage.output, stage.duration) == (
                StageStatus.SUCCESS,
                {"samples": 1},
                {"frames": 3},
                0.5,
            )
            assert view.created <= (view.started or 0) <= (view.ended or 0)
            (message,) = await service.due_callbacks(view.ended or 0)
            told = json.loads(message.body)["data"]["warnings"]
            assert told == [{"code": "OTHER", "message": "Mind the gap.", "gap_s": 1.5}]

    play(scenario())


def test_those_that_wait_are_begun_by_priority_and_then_in_order_of_arrival(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            first = await submitted(service, "first")
            await begun(service, first)
            ids = [await submitted(service, name) for name in ("b", "c")]
            ids.append(await submitted(service, "urgent", priority=Priority.INTERACTIVE))
            positions = [(await service.get(workflow_id)).queue_position for workflow_id in ids]
            assert positions == [2, 3, 1]
            assert (await service.queue())["workflows"]["next"] == [ids[2], ids[0], ids[1]]
            for name in ("first", "b", "c", "urgent"):
                runner.open(name)
            for workflow_id in ids:
                await ended(service, workflow_id)
            assert runner.begun == ["first", "urgent", "b", "c"]

    play(scenario())


def test_as_many_run_at_once_as_there_are_places(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_running=2) as (service, runner):
            ids = [await submitted(service, name) for name in "abc"]
            await begun(service, ids[1])
            await asyncio.sleep(0.05)
            assert [(await service.get(one)).state for one in ids] == ["IN_PROGRESS", "IN_PROGRESS", "PENDING"]
            runner.open("b")
            await begun(service, ids[2])
            runner.open("c")
            await ended(service, ids[2])
            assert set(runner.begun) == set("abc")

    play(scenario())


def test_unless_it_is_set_a_service_works_on_as_many_as_a_command_does_with_its_cores(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_running=0) as (service, runner):
            assert (await service.queue())["workflows"]["max_running"] == workflows_at_once(await runner.begin())

    play(scenario())


def test_a_hundred_requests_with_one_key_make_one_workflow(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            request = asked("a", idempotency_key="k", fingerprint="f")
            answers = await asyncio.gather(*(service.submit(request) for _ in range(100)))
            assert sum(new for _, new in answers) == 1
            assert len({view.workflow_id for view, _ in answers}) == 1
            assert len((await service.list()).workflows) == 1
            with pytest.raises(ServiceError) as caught:
                await service.submit(replace(request, fingerprint="other"))
            assert caught.value.code.name == "IDEMPOTENCY_KEY_REUSED"

    play(scenario())


def test_a_full_queue_turns_more_away_and_says_when_to_come_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_queued=2) as (service, _):
            await begun(service, await submitted(service, "running"))
            known = asked("a", idempotency_key="k", fingerprint="f")
            await service.submit(known)
            await submitted(service, "b")
            with pytest.raises(ServiceError) as caught:
                await service.submit(asked("c"))
            assert caught.value.code.name == "QUEUE_FULL"
            assert caught.value.facts["retry_after_s"] >= 1
            # One that is there already needs no room.
            assert (await service.submit(known))[1] is False

    play(scenario())


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"chain": (Stage.PERFORM_OCR,)}, "CHAIN_INVALID"),
        ({"chain": ()}, "CHAIN_INVALID"),
        ({"parameters": {"ffmpeg.extract_keyframes": {"samples": 0}}}, "CONFIG_INVALID"),
        ({"mode": ExecutionMode.RETRY, "workflow_id": "none"}, "WORKFLOW_NOT_FOUND"),
    ],
)
def test_what_can_not_be_done_is_refused_and_leaves_nothing(tmp_path: Path, values: dict[str, Any], code: str) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            with pytest.raises(YivideoError) as caught:
                await service.submit(asked("a", **values))
            assert caught.value.code.name == code
            assert (await service.list()).workflows == ()

    play(scenario())


def test_parameters_are_the_workflows_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, max_running=2) as (service, runner):
            parameters = {"ffmpeg.extract_keyframes": {"samples": 7}}
            for name, given in (("a", parameters), ("b", {})):
                runner.open(name)
                await ended(service, await submitted(service, name, parameters=given))
            assert runner.settings["a"].area_detector.samples == 7
            assert runner.settings["b"].area_detector.samples == 24

    play(scenario())


def test_events_are_numbered_without_holes_and_can_be_read_on_from_any(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a", chain=STAGES)
            watcher = asyncio.ensure_future(told(service, workflow_id))
            await begun(service, workflow_id)
            await asyncio.sleep(0.6)
            runner.open("a")
            events = await watcher
            assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))
            assert [events[0].event.kind, events[-1].event.kind] == ["workflow_started", "workflow_finished"]
            assert events[-1].event.data["state"] == "SUCCESS"
            assert sum(numbered.event.kind is EventKind.WORKFLOW_FINISHED for numbered in events) == 1
            assert await told(service, workflow_id, after=3) == events[3:]
            assert await told(service, workflow_id, after=len(events)) == []

    play(scenario())


def test_progress_is_told_once_a_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        runner = Runner()
        runner.progress = 1000
        runner.open("a")
        async with serving(tmp_path, runner) as (service, _):
            workflow_id = await submitted(service, "a")
            await ended(service, workflow_id)
            kinds = [numbered.event.kind for numbered in await told(service, workflow_id)]
            assert kinds.count(EventKind.PROGRESS) == 1

    play(scenario())


def test_pages_hold_the_newest_first_and_lead_to_the_oldest(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            ids = [await submitted(service, f"v{number}") for number in range(5)]
            await begun(service, ids[0])
            seen: list[str] = []
            cursor: str | None = None
            while True:
                page = await service.list(limit=2, cursor=cursor)
                seen += [view.workflow_id for view in page.workflows]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert seen == ids[::-1]
            page = await service.list(states=[WorkflowState.IN_PROGRESS])
            assert [view.workflow_id for view in page.workflows] == ids[:1]
            for wrong in ("x", "-1", "٣", ""):
                with pytest.raises(ServiceError) as caught:
                    await service.list(cursor=wrong)
                assert caught.value.code.name == "REQUEST_INVALID"

    play(scenario())


def test_names_of_any_bytes_come_back_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            video = Path("/videos") / b"caf\xe9 \xf0\x9f\x8e\xac\n.mp4".decode("utf-8", "surrogateescape")
            view, _ = await service.submit(WorkflowRequest(video, ONE))
            assert (await service.get(view.workflow_id)).video == video
            await begun(service, view.workflow_id)
            await service.cancel(view.workflow_id)
            assert {numbered.event.video for numbered in await told(service, view.workflow_id)} == {str(video)}

    play(scenario())


def test_the_warnings_of_an_earlier_versions_row_are_its_sentences(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a")
            runner.open("a")
            await ended(service, workflow_id)
            database = Database(Settings(storage={"work_dir": tmp_path}).storage)
            with database.begin() as connection:
                connection.execute(tables.workflows.update().values(warnings='["Mind the gap."]'))
            database.close()
            assert (await service.get(workflow_id)).warnings == (ResultWarning("OTHER", "Mind the gap."),)

    play(scenario())


def test_a_message_of_an_earlier_versions_row_has_warnings_of_no_code() -> None:
    row = {
        "callback_url": "https://example.org/hook",
        "workflow_id": "w",
        "state": "SUCCESS",
        "video": '"/videos/a.mp4"',
        "partial": False,
        "outputs": "[]",
        "warnings": '["Mind the gap."]',
        "error": None,
    }
    body = json.loads(callback_values(row, 1.0)["callback_body"])
    assert body["data"]["warnings"] == [{"code": "OTHER", "message": "Mind the gap."}]
