"""What passes by itself (no room on the disk, a database that does not answer) ends no workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.services import Runner, begun, ended, play, serving, submitted, until
from yivideo_ray.errors import InputError, OutputError, ServiceError, YivideoError
from yivideo_ray.service import dispatcher
from yivideo_ray.service.contract import WorkflowState


@pytest.mark.parametrize(
    "error",
    [OutputError("The disk is full.", code="STORAGE_FULL"), ServiceError("Gone.", code="STORAGE_UNAVAILABLE")],
    ids=lambda error: error.code.name,
)
def test_a_workflow_that_finds_no_room_goes_on_by_itself_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: YivideoError
) -> None:
    monkeypatch.setattr(dispatcher, "FIRST_PAUSE_S", 0.3)

    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.errors["a"] = error
            runner.open("a")
            workflow_id = await submitted(service, "a")
            other = await submitted(service, "b")
            await until(service, workflow_id, lambda view: view.state is WorkflowState.PENDING and bool(runner.ended))
            # Others would find none either.
            assert runner.begun == ["a"]
            assert (await service.get(other)).state is WorkflowState.PENDING
            assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS
            assert runner.begun[:2] == ["a", "a"]
            await begun(service, other)

    play(scenario())


def test_one_that_waits_for_room_can_be_cancelled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            runner.errors["a"] = OutputError("The disk is full.", code="STORAGE_FULL")
            runner.open("a")
            workflow_id = await submitted(service, "a")
            await until(service, workflow_id, lambda view: view.state is WorkflowState.PENDING and bool(runner.ended))
            assert (await service.cancel(workflow_id)).state is WorkflowState.CANCELLED

    play(scenario())


def test_the_fault_of_a_video_is_none_that_passes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, Runner()) as (service, runner):
            runner.errors["a"] = InputError("It is broken.", code="INPUT_CORRUPT")
            runner.open("a")
            assert (await ended(service, await submitted(service, "a"))).state is WorkflowState.FAILED

    play(scenario())
