"""Chunks decoded by calls to the GPU actor in place of tasks, and decoding beside the reading of text."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.cluster.conftest import SettingsMaker, expected, found, run
from yivideo_ray.jobs import Event, EventKind, Job, Outcome
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def cropping(outcome: Outcome) -> tuple[str, str]:
    (record,) = [record for record in outcome.stages if record.stage is Stage.CROP_SUBTITLE_IMAGES]
    return record.output["decoder"], record.output["runs_on"]


@pytest.mark.parametrize("overlap", [False, True])
def test_the_actor_decodes_with_the_same_result_and_one_call_at_a_time_in_each_lane(
    namespace: str, make_settings: SettingsMaker, video: Path, overlap: bool
) -> None:
    # The cluster has one GPU, in name, for the other actor.
    (tasks,) = run(make_settings(gpu={"device": "cpu"}), namespace, Job(video))
    assert cropping(tasks) == ("cpu", "task")
    expected_bytes = video.with_suffix(".srt").read_bytes()
    settings = make_settings(
        {"recognize_s": 0.3},
        decoder={"runs_on": "actor"},
        gpu={"overlap_decode": overlap},
        pipeline={"chunk_s": 2, "crops_per_call": 1, "chunks_in_flight": 3},
    )
    session = Session(settings, namespace)
    (outcome,) = session.run([Job(video, again=True)], lambda _: None)
    assert found(outcome) == expected()
    assert video.with_suffix(".srt").read_bytes() == expected_bytes
    assert cropping(outcome) == ("cpu", "actor")
    (actor,) = session.status()["gpu_actors"]
    counted = {name: sum(stage["calls"] for stage in lane["stages"].values()) for name, lane in actor["lanes"].items()}
    # One for the area, two for each of the six crops, and one for each of the chunks.
    chunks = next(r.output["chunks"] for r in outcome.stages if r.stage is Stage.CROP_SUBTITLE_IMAGES)
    assert counted == ({"ocr": 13, "decode": chunks} if overlap else {"ocr": 13 + chunks})
    assert actor["calls"]["most_at_once"] == (2 if overlap else 1)
    stages = set().union(*(lane["stages"] for lane in actor["lanes"].values()))
    assert stages == {Stage.DETECT_SUBTITLE_AREA, Stage.CROP_SUBTITLE_IMAGES, Stage.PERFORM_OCR}


def test_an_actor_killed_while_it_decodes_costs_that_chunk_and_no_result(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    settings = make_settings(
        {"recognize_s": 0.2}, decoder={"runs_on": "actor"}, pipeline={"chunk_s": 2, "crops_per_call": 2}
    )
    events: list[Event] = []

    async def kill_while_cropping(session: Session) -> int:
        pool = (await session.tools()).pool
        while True:
            (actor,) = await pool.status()
            if any(call["stage"] == Stage.CROP_SUBTITLE_IMAGES for call in actor.get("running", ())):
                os.kill(actor["pid"], signal.SIGKILL)
                return int(actor["pid"])

    async def both() -> Outcome:
        session = Session(settings, namespace)
        await session.tools()
        killer = asyncio.ensure_future(kill_while_cropping(session))
        (outcome,) = await session.run_async([Job(video)], events.append)
        assert killer.done()
        return outcome

    outcome = asyncio.run(asyncio.wait_for(both(), 120))
    assert found(outcome) == expected()
    assert "ACTOR_LOST" in {event.data.get("code") for event in events if event.kind is EventKind.WARNING}


def test_a_gpu_decoder_that_is_not_there_is_an_error_and_never_a_silent_fallback(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    (outcome,) = run(make_settings(decoder={"backend": "cuda"}), namespace, Job(video))
    assert outcome.error is not None
    assert outcome.error["code"] == "DECODER_UNAVAILABLE"
    assert not video.with_suffix(".srt").exists()


def test_the_result_says_what_decoded(namespace: str, make_settings: SettingsMaker, video: Path) -> None:
    run(make_settings(decoder={"runs_on": "actor"}), namespace, Job(video))
    stages = json.loads(video.with_suffix(".json").read_bytes())["stages"]
    (cropped,) = [stage["output"] for stage in stages if stage["stage"] == Stage.CROP_SUBTITLE_IMAGES]
    assert (cropped["decoder"], cropped["runs_on"]) == ("cpu", "actor")
