"""What is done to a workflow that is there: it is cancelled, tried again, given more stages, forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.services import ONE, begun, ended, play, serving, submitted, told
from yivideo_ray.errors import ConfigError, InputError, ServiceError, YivideoError
from yivideo_ray.jobs import StageStatus
from yivideo_ray.service.contract import ExecutionMode, WorkflowRequest, WorkflowState
from yivideo_ray.types import STAGES

pytestmark = pytest.mark.usefixtures("each_database")


def test_a_waiting_workflow_is_cancelled_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            running = await submitted(service, "running")
            await begun(service, running)
            waiting = await submitted(service, "waiting")
            view = await service.cancel(waiting)
            assert (view.state, view.stages[0].status) == (WorkflowState.CANCELLED, StageStatus.PENDING)
            assert view.error is not None
            assert view.error["code"] == "CANCELLED"
            assert [numbered.event.kind for numbered in await told(service, waiting)] == ["workflow_finished"]
            with pytest.raises(ServiceError, match="it is CANCELLED already"):
                await service.cancel(waiting)
            runner.open("running")
            await ended(service, running)
            assert runner.begun == ["running"]

    play(scenario())


def test_a_running_workflow_is_cancelled_and_leaves_no_file_and_its_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a")
            following = await submitted(service, "b")
            await begun(service, workflow_id)
            views = await asyncio.gather(service.cancel(workflow_id), service.cancel(workflow_id))
            assert all(view.cancelling or view.state is WorkflowState.CANCELLED for view in views)
            view = await ended(service, workflow_id)
            assert (view.state, view.cancelling, view.outputs) == (WorkflowState.CANCELLED, False, ())
            assert view.stages[0].status is StageStatus.FAILED
            await begun(service, following)
            assert runner.ended == []
            assert not (tmp_path / "workflows" / workflow_id).exists()

    play(scenario())


def test_a_cancel_that_comes_while_the_end_is_written_down_still_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a")
            await begun(service, workflow_id)
            runner.open("a")
            await service.cancel(workflow_id)
            view = await ended(service, workflow_id)
            assert (view.state, view.outputs) == (WorkflowState.CANCELLED, ())
            while (tmp_path / "workflows" / workflow_id).exists():
                await asyncio.sleep(0.01)

    play(scenario())


def test_a_failed_one_is_tried_again_and_its_events_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.errors["a"] = InputError("No frame could be decoded.", code="INPUT_CORRUPT")
            runner.open("a")
            workflow_id = await submitted(service, "a", chain=STAGES[:2])
            view = await ended(service, workflow_id)
            assert (view.state, view.error and view.error["code"]) == (WorkflowState.FAILED, "INPUT_CORRUPT")
            before = await told(service, workflow_id)
            assert (await service.retry(workflow_id)).state in (WorkflowState.PENDING, WorkflowState.IN_PROGRESS)
            view = await ended(service, workflow_id)
            assert (view.state, view.error, view.workflow_id) == (WorkflowState.SUCCESS, None, workflow_id)
            events = await told(service, workflow_id)
            assert events[: len(before)] == before
            assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))
            with pytest.raises(ServiceError, match="has succeeded") as caught:
                await service.retry(workflow_id)
            assert caught.value.code.name == "WORKFLOW_STATE_CONFLICT"

    play(scenario())


def test_stages_are_added_to_one_that_has_succeeded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.open("a")
            workflow_id = await submitted(service, "a", chain=STAGES[:2])
            first = await ended(service, workflow_id)
            more = WorkflowRequest(
                None,
                STAGES,
                ExecutionMode.INCREMENTAL,
                workflow_id,
                idempotency_key="k",
                fingerprint="f",
                parameters={"paddleocr.postprocess_and_finalize": {"min_duration_ms": 5}},
            )
            view, new = await service.submit(more)
            assert (new, view.workflow_id, view.chain) == (True, workflow_id, STAGES)
            assert view.stages[:2] == first.stages
            assert (await service.submit(more))[1] is False
            view = await ended(service, workflow_id)
            assert view.state is WorkflowState.SUCCESS
            assert view.stages[:2] == first.stages
            assert runner.settings["a"].postprocessor.min_duration_ms == 5
            for request, code in (
                (replace(more, idempotency_key=None), "WORKFLOW_STATE_CONFLICT"),
                (replace(more, idempotency_key=None, chain=STAGES[:1]), "CHAIN_INVALID"),
            ):
                with pytest.raises(YivideoError) as caught:
                    await service.submit(request)
                assert caught.value.code.name == code

    play(scenario())


def test_parameters_of_a_stage_that_is_done_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.open("a")
            workflow_id = await submitted(service, "a")
            await ended(service, workflow_id)
            more = WorkflowRequest(
                None,
                STAGES[:2],
                ExecutionMode.INCREMENTAL,
                workflow_id,
                parameters={"ffmpeg.extract_keyframes": {"samples": 5}},
            )
            with pytest.raises(ConfigError, match="is done and kept"):
                await service.submit(more)

    play(scenario())


def test_a_workflow_that_has_ended_can_be_forgotten_with_all_that_it_has(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            upload = tmp_path / "uploads" / "u1" / "film.mp4"
            upload.parent.mkdir(parents=True)
            upload.touch()
            workflow_id = (await service.submit(WorkflowRequest(upload, ONE, owned_video=True)))[0].workflow_id
            await begun(service, workflow_id)
            with pytest.raises(ServiceError, match="Cancel it first"):
                await service.delete(workflow_id)
            runner.open("film")
            view = await ended(service, workflow_id)
            await service.delete(workflow_id)
            assert view.result is not None
            assert not any(path.exists() for path in (upload.parent, view.result.parent))
            for call in (service.get(workflow_id), service.delete(workflow_id), told(service, workflow_id)):
                with pytest.raises(ServiceError) as caught:
                    await call
                assert caught.value.code.name == "WORKFLOW_NOT_FOUND"

    play(scenario())


def test_a_video_that_does_not_belong_to_the_workflow_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            video = tmp_path / "film.mp4"
            video.touch()
            runner.open("film")
            workflow_id = (await service.submit(WorkflowRequest(video, ONE)))[0].workflow_id
            await ended(service, workflow_id)
            await service.delete(workflow_id)
            assert video.exists()

    play(scenario())
