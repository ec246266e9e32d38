"""A service whose runner does as it is told: no Ray, no video."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import ResultWarning, YivideoError
from yivideo_ray.jobs import Event, EventKind, Job, Outcome, StageRecord, StageStatus
from yivideo_ray.journal import OnEvent, OnStage
from yivideo_ray.service.contract import (
    NumberedEvent,
    WorkflowRequest,
    WorkflowService,
    WorkflowState,
    WorkflowView,
)
from yivideo_ray.service.service import Service
from yivideo_ray.types import Stage

CORES = 4
ONE = (Stage.EXTRACT_KEYFRAMES,)
MIND_THE_GAP = ResultWarning("OTHER", "Mind the gap.", {"gap_s": 1.5})


class Runner:
    """Runs a job until its video's gate is open. killed: it stops as if its process had been killed."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.errors: dict[str, YivideoError] = {}
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.settings: dict[str, Settings] = {}
        self.closed = 0
        self.progress = 0

    async def begin(self) -> int:
        return CORES

    async def run_async(
        self, jobs: Sequence[Job], on_event: OnEvent, settings: Settings | None = None, on_stage: OnStage | None = None
    ) -> list[Outcome]:
        (job,) = jobs
        assert settings is not None
        assert on_stage is not None
        assert job.workflow_id is not None
        assert job.output_dir is not None
        name = job.video.stem
        self.begun.append(name)
        self.settings[name] = settings

        def say(kind: EventKind, stage: Stage | None = None, **values: Any) -> None:
            on_event(Event(kind, job.workflow_id or "", str(job.video), float(len(self.begun)), stage, **values))

        say(EventKind.WORKFLOW_STARTED)
        records = {}
        for stage in job.chain:
            records[stage] = StageRecord(stage, StageStatus.IN_PROGRESS, {"samples": 1})
            on_stage(records[stage])
            say(EventKind.STAGE_STARTED, stage)
            for step in range(self.progress):
                say(EventKind.PROGRESS, stage, done_s=float(step), total_s=100.0)
            if stage is job.chain[-1]:
                await self.gates.setdefault(name, asyncio.Event()).wait()
                if name in self.errors:
                    break
            records[stage] = replace(records[stage], status=StageStatus.SUCCESS, output={"frames": 3}, duration=0.5)
            on_stage(records[stage])
            say(EventKind.STAGE_FINISHED, stage)
        self.ended.append(name)
        say(EventKind.WORKFLOW_FINISHED)
        bare = Outcome(job.workflow_id, job.video, tuple(records.values()), warnings=(MIND_THE_GAP,))
        if name in self.errors:
            return [replace(bare, error=self.errors.pop(name).as_dict())]
        result = job.output_dir / "result.json"
        result.write_text("{}")
        return [replace(bare, outputs=(result,))]

    async def status_async(self) -> dict[str, Any]:
        return {"cluster": {"cpus": CORES}, "gpu_actors": [{"state": "ready"}]}

    async def is_ready(self) -> bool:
        return True

    async def close_async(self) -> None:
        self.closed += 1

    def open(self, name: str) -> None:
        self.gates.setdefault(name, asyncio.Event()).set()


@contextlib.asynccontextmanager
async def serving(
    tmp_path: Path,
    runner: Runner | None = None,
    *,
    storage: dict[str, Any] | None = None,
    now: Callable[[], float] = time.time,
    **serve: Any,
) -> AsyncIterator[tuple[Service, Runner]]:
    runner = runner or Runner()
    settings = Settings(storage={"work_dir": tmp_path, **(storage or {})}, serve={"max_running": 1, **serve})
    service = Service(settings, lambda: runner, now=now)
    await service.start()
    try:
        yield service, runner
    finally:
        await service.close()


async def kill(service: Service) -> None:
    """Ends a service as kill -9 does: it writes nothing down."""
    service._store.note_stop = lambda: None  # type: ignore[method-assign]
    await service.close()


def asked(name: str, **values: Any) -> WorkflowRequest:
    return WorkflowRequest(Path(f"/videos/{name}.mp4"), **{"chain": ONE, **values})


async def submitted(service: WorkflowService, name: str, **values: Any) -> str:
    view, new = await service.submit(asked(name, **values))
    assert new
    return view.workflow_id


async def until(service: Service, workflow_id: str, fits: Callable[[WorkflowView], bool]) -> WorkflowView:
    while not fits(view := await service.get(workflow_id)):
        await asyncio.sleep(0.01)
    return view


async def ended(service: Service, workflow_id: str) -> WorkflowView:
    return await until(service, workflow_id, lambda view: view.ended is not None)


async def begun(service: Service, workflow_id: str) -> WorkflowView:
    return await until(service, workflow_id, lambda view: view.state is WorkflowState.IN_PROGRESS)


async def told(service: Service, workflow_id: str, after: int = 0) -> list[NumberedEvent]:
    return [numbered async for numbered in service.events(workflow_id, after)]


def play(scenario: Awaitable[None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario, 60)

    asyncio.run(limited())
