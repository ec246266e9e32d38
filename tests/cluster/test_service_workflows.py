"""The service on a real Ray: results as those of a run, cancels that free the device, parts that are kept."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.services import begun, ended, told, until
from tests.support.text_pictures import TEXTS
from yivideo_ray.config import Settings
from yivideo_ray.jobs import EventKind
from yivideo_ray.service.contract import ExecutionMode, WorkflowRequest, WorkflowState
from yivideo_ray.service.service import Service, open_service
from yivideo_ray.types import STAGES, Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

LIMIT_S = 150
SMALL_STEPS = {"chunk_s": 2, "crops_per_call": 1, "chunks_in_flight": 1}


def serve(settings: Settings, namespace: str, scenario: Callable[[Service], Awaitable[None]]) -> None:
    async def run() -> None:
        service = open_service(settings, namespace=namespace)
        await service.start()
        try:
            await asyncio.wait_for(scenario(service), LIMIT_S)
        finally:
            await service.close()

    asyncio.run(run())


async def submitted(service: Service, video: Path, chain: tuple[Stage, ...] = STAGES) -> str:
    return (await service.submit(WorkflowRequest(video, chain)))[0].workflow_id


def test_workflows_overlap_and_give_right_subtitles_away_from_the_video(
    namespace: str, make_settings: SettingsMaker, patterns: Path, tmp_path: Path
) -> None:
    async def scenario(service: Service) -> None:
        videos = [Path(shutil.copy(patterns, tmp_path / f"{name}.mp4")) for name in "abc"]
        # The same file twice is two workflows, none of which disturbs the other.
        ids = [await submitted(service, video) for video in (*videos, videos[0])]
        views = [await ended(service, workflow_id) for workflow_id in ids]
        assert [view.state for view in views] == [WorkflowState.SUCCESS] * 4
        for view in views:
            assert view.result is not None
            document = json.loads(view.result.read_bytes())
            assert [cue["text"] for cue in document["cues"]] == list(TEXTS)
            assert view.result.parent == tmp_path / "work" / "workflows" / view.workflow_id
            assert [path.suffix for path in view.outputs] == [".srt", ".json"]
            assert [record.stage for record in view.stages] == list(STAGES)
        assert max(view.started or 0 for view in views[:3]) < min(view.ended or 0 for view in views[:3])
        assert sorted(path.name for path in tmp_path.glob("?.*")) == ["a.mp4", "b.mp4", "c.mp4"]
        assert await service.is_ready()
        assert len((await service.queue())["gpu_actors"]) == 1

    serve(make_settings(), namespace, scenario)


def test_a_running_workflow_is_cancelled_within_a_call_and_frees_the_device(
    namespace: str, make_settings: SettingsMaker, video: Path, tmp_path: Path
) -> None:
    call_s = 2.0
    # As many calls as would take too long if the workflow went on. What it reads when it is tried again takes no time.
    slow = {"kind": "hang", "method": "recognize", "seconds": call_s, "times": 4}

    async def scenario(service: Service) -> None:
        workflow_id = await submitted(service, video)
        reading = asyncio.Event()

        async def watch() -> None:
            async for numbered in service.events(workflow_id):
                if numbered.event.kind is EventKind.STAGE_STARTED and numbered.event.stage is Stage.PERFORM_OCR:
                    reading.set()

        watcher = asyncio.ensure_future(watch())
        await reading.wait()
        asked = time.monotonic()
        await service.cancel(workflow_id)
        view = await ended(service, workflow_id)
        assert time.monotonic() - asked < call_s + 5
        assert (view.state, view.outputs) == (WorkflowState.CANCELLED, ())
        await watcher
        # The device is free for others after the call that runs.
        while (status := (await service.queue())["gpu_actors"][0])["running"] or status["waiting"]:
            assert time.monotonic() - asked < call_s + 5, status
            await asyncio.sleep(0.1)
        assert not (tmp_path / "work" / "workflows" / workflow_id).exists()
        view = await service.retry(workflow_id)
        assert (await ended(service, workflow_id)).state is WorkflowState.SUCCESS

    serve(make_settings({"faults": [slow]}, pipeline=SMALL_STEPS), namespace, scenario)


def test_a_chain_grows_by_stages_and_keeps_what_is_done(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    async def scenario(service: Service) -> None:
        workflow_id = await submitted(service, video, STAGES[:1])
        view = await ended(service, workflow_id)
        assert view.state is WorkflowState.SUCCESS
        assert view.stages[0].output["frames"] > 0
        for stages in (STAGES[:3], STAGES):
            done = view.stages
            more = WorkflowRequest(None, stages, ExecutionMode.INCREMENTAL, workflow_id)
            await service.submit(more)
            view = await ended(service, workflow_id)
            assert view.state is WorkflowState.SUCCESS, view.error
            assert view.stages[: len(done)] == done
        assert view.result is not None
        document = json.loads(view.result.read_bytes())
        assert [cue["text"] for cue in document["cues"]] == list(TEXTS)
        # The chunks of the second run were not reported on again.
        crops = next(stage for stage in document["stages"] if stage["stage"] == Stage.CROP_SUBTITLE_IMAGES)
        assert crops["output"]["kept_chunks"] == crops["output"]["chunks"] > 0

    serve(make_settings(pipeline=SMALL_STEPS), namespace, scenario)


def test_a_service_that_ends_in_the_middle_goes_on_at_its_chunk(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    settings = make_settings({"recognize_s": 0.5}, pipeline=SMALL_STEPS)
    workflow_id = ""

    async def first(service: Service) -> None:
        nonlocal workflow_id
        workflow_id = await submitted(service, video)
        await begun(service, workflow_id)
        # All chunks are decoded at 54: by then some text was read.
        await until(service, workflow_id, lambda view: view.percent > 60)

    async def second(service: Service) -> None:
        view = await ended(service, workflow_id)
        assert view.state is WorkflowState.SUCCESS
        assert view.result is not None
        document = json.loads(view.result.read_bytes())
        assert [cue["text"] for cue in document["cues"]] == list(TEXTS)
        read = next(stage["output"] for stage in document["stages"] if stage["stage"] == Stage.PERFORM_OCR)
        assert 0 < read["kept_calls"] < read["calls"]
        events = await told(service, workflow_id)
        assert [numbered.number for numbered in events] == list(range(1, len(events) + 1))

    serve(settings, namespace, first)
    serve(settings, namespace, second)
