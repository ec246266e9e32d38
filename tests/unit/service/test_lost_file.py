"""The service whose database file is removed or replaced under it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.services import Runner, asked, begun, ended, play, serving, submitted
from yivideo_ray.errors import ServiceError
from yivideo_ray.service import service as module
from yivideo_ray.service.contract import WorkflowState
from yivideo_ray.service.service import Service


def remove(work_dir: Path) -> None:
    for path in work_dir.glob("workflows.sqlite*"):
        if path.suffix != ".lock":
            path.unlink()


async def refused(service: Service) -> str:
    with pytest.raises(ServiceError) as caught:
        await service.submit(asked("lost"))
    assert caught.value.code.name == "STORAGE_UNAVAILABLE"
    assert (await service.unready())["database"] == caught.value.message
    return caught.value.message


@pytest.mark.usefixtures("expects_error_logs")
def test_a_removed_file_refuses_posts_until_it_is_written_anew_and_costs_no_workflow(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            running, waiting = await submitted(service, "runs"), await submitted(service, "waits")
            await begun(service, running)
            remove(tmp_path)
            await refused(service)
            # It ends while nothing can be written down.
            runner.open("runs")
            async with asyncio.timeout(5):
                while service._database.trouble() is not None:
                    await asyncio.sleep(0.05)
            assert (await ended(service, running)).state is WorkflowState.SUCCESS
            late = await submitted(service, "late")
            await begun(service, waiting)
        async with serving(tmp_path, Runner()) as (service, runner):
            for name in ("waits", "late"):
                runner.open(name)
            for workflow_id in (running, waiting, late):
                assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS
            assert runner.begun == ["waits", "late"]

    play(scenario())


@pytest.mark.usefixtures("expects_error_logs")
def test_a_replaced_file_is_said_once_and_never_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)

    async def scenario() -> None:
        async with serving(tmp_path) as (service, _):
            await submitted(service, "kept")
            remove(tmp_path)
            (tmp_path / "workflows.sqlite").write_bytes(b"")
            assert "was replaced" in await refused(service)
            await asyncio.sleep(0.3)
            assert "was replaced" in await refused(service)
        assert (tmp_path / "workflows.sqlite").read_bytes() == b""
        assert [record.levelname for record in caplog.records].count("ERROR") == 1

    play(scenario())
