"""The service when its PostgreSQL server is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.postgres import Postgres
from tests.support.services import asked, begun, ended, play, serving, submitted, told
from yivideo_ray.errors import ServiceError
from yivideo_ray.service.contract import WorkflowState


def test_a_database_server_that_is_killed_costs_no_workflow(
    tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setenv("YIVIDEO_STORAGE__URL", postgres_url)

    async def scenario() -> None:
        async with serving(tmp_path) as (service, runner):
            workflow_id = await submitted(service, "a")
            await begun(service, workflow_id)
            postgres_server.kill()
            with pytest.raises(ServiceError) as caught:
                await service.submit(asked("b"))
            assert (caught.value.code.name, caught.value.retryable) == ("STORAGE_UNAVAILABLE", True)
            runner.open("a")
            while not runner.ended:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(postgres_server.start)
            view = await ended(service, workflow_id)
            assert view.state is WorkflowState.SUCCESS
            events = await told(service, workflow_id)
            assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))
            runner.open("b")
            assert (await ended(service, await submitted(service, "b"))).state is WorkflowState.SUCCESS
            assert runner.begun == ["a", "b"]

    play(scenario())
