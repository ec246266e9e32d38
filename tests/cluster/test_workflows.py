"""Whole workflows on a real Ray with the scripted engine: results, concurrency, deaths, damaged videos."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.cluster.conftest import SettingsMaker, expected, found, run
from tests.support.text_pictures import APART, RATE, TEXTS, pattern_video
from tests.support.videos import make_video, picture
from yivideo_ray.jobs import Event, EventKind, Job, Outcome, StageStatus
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow.scheduling import workflows_at_once
from yivideo_ray.types import STAGES, Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def test_a_video_in_its_subtitles_out(namespace: str, make_settings: SettingsMaker, video: Path) -> None:
    events: list[Event] = []
    (outcome,) = run(make_settings(), namespace, Job(video), on_event=events.append)
    assert found(outcome) == expected()
    assert outcome.outputs == (video.with_suffix(".srt"), video.with_suffix(".json"))
    assert all(record.status is StageStatus.SUCCESS for record in outcome.stages)
    assert [record.stage for record in outcome.stages] == list(STAGES)
    document = json.loads(video.with_suffix(".json").read_bytes())
    assert [cue["text"] for cue in document["cues"]] == list(TEXTS)
    assert document["engine"] == "scripted"
    assert document["outputs"] == [str(path) for path in outcome.outputs]
    assert not outcome.partial
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1]) == (EventKind.WORKFLOW_STARTED, EventKind.WORKFLOW_FINISHED)
    ended = {event.stage for event in events if event.kind is EventKind.STAGE_FINISHED}
    assert ended == set(STAGES)
    assert sorted(path.name for path in video.parent.glob("film*")) == ["film.json", "film.mp4", "film.srt"]


@pytest.mark.parametrize(
    ("gop", "samples", "full"),
    [(RATE, 24, False), (APART, 12, True)],
    ids=["every other one shows text", "none shows text"],
)
def test_frames_between_key_frames_are_looked_at_where_those_do_not_tell(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path, *, gop: int, samples: int, full: bool
) -> None:
    video = pattern_video(tmp_path / "film.mp4", TEXTS, gop=gop, options={"x264-params": "scenecut=0"})
    events: list[Event] = []
    settings = make_settings(area_detector={"samples": samples})
    (outcome,) = run(settings, namespace, Job(video), on_event=events.append)
    assert found(outcome) == expected()
    extracted, detected = outcome.stages[:2]
    assert extracted.output["full"] is full
    assert extracted.output["frames"] == len(extracted.output["pts"]) == (samples if full else samples // 2)
    assert (extracted.status, detected.status) == (StageStatus.SUCCESS, StageStatus.SUCCESS)
    begun = [event.stage for event in events if event.kind is EventKind.STAGE_STARTED]
    assert begun[: 2 * (1 + full)] == list(STAGES[:2]) * (1 + full)
    assert begun.count(Stage.DETECT_SUBTITLE_AREA) == 1 + full


def test_the_length_of_chunks_and_the_number_in_flight_change_nothing(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    results = set()
    for chunk_s, in_flight in ((1, 0), (2.7, 1), (1000, 0)):
        pipeline = {"chunk_s": chunk_s, "chunks_in_flight": in_flight, "crops_per_call": 4}
        (outcome,) = run(make_settings(pipeline=pipeline), namespace, Job(video, again=True))
        assert not outcome.already_done
        results.add(video.with_suffix(".srt").read_bytes())
    assert len(results) == 1


def test_a_session_keeps_its_actor_and_its_models_from_run_to_run(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    session = Session(make_settings(), namespace)
    for _ in range(2):
        (outcome,) = session.run([Job(video, again=True)], lambda _: None)
        assert found(outcome) == expected()
    status = session.status()
    assert status["gpu_actors"][0]["calls"]["done"] == 6
    assert session.engine_facts() == outcome.engine


def test_workflows_overlap_and_one_that_fails_stops_no_other(
    namespace: str, make_settings: SettingsMaker, patterns: Path, tmp_path: Path
) -> None:
    videos = [Path(shutil.copy(patterns, tmp_path / f"{number}.mp4")) for number in range(3)]
    (tmp_path / "bad.mp4").write_text("no video")
    jobs = [Job(path) for path in (videos[0], tmp_path / "bad.mp4", *videos[1:])]
    events: list[Event] = []
    outcomes = run(make_settings({"recognize_s": 0.3}), namespace, *jobs, on_event=events.append)
    assert [outcome.video for outcome in outcomes] == [job.video for job in jobs]
    assert [outcome.error["code"] if outcome.error else None for outcome in outcomes] == [
        None,
        "INPUT_UNRECOGNIZED",
        None,
        None,
    ]
    assert all(found(outcome) == expected() for outcome in outcomes if outcome.error is None)
    last_start = max(
        event.time for event in events if event.kind is EventKind.STAGE_STARTED and event.stage is STAGES[0]
    )
    first_end = min(
        event.time for event in events if event.kind is EventKind.STAGE_FINISHED and event.stage is STAGES[-1]
    )
    assert last_start < first_end


def test_of_those_that_wait_for_a_place_the_shortest_goes_first_and_then_as_given(
    namespace: str, make_settings: SettingsMaker, patterns: Path, tmp_path: Path
) -> None:
    clip = pattern_video(tmp_path / "clip.mp4", TEXTS[:2])
    begun: list[str] = []
    looked_at: list[str] = []
    places: list[int] = []
    gate = tmp_path / "gate"

    def note(event: Event) -> None:
        if event.kind is EventKind.WORKFLOW_STARTED:
            looked_at.append(event.video)
            # No place becomes free before the last one has been looked at, and waits.
            if len(looked_at) == places[0] + 4:
                gate.touch()
        if event.kind is EventKind.STAGE_STARTED and event.stage is STAGES[0]:
            begun.append(Path(event.video).name)

    async def scenario() -> list[Outcome]:
        hang = {"kind": "hang", "seconds": 60, "until": str(gate), "calls": [1]}
        session = Session(make_settings({"recognize_s": 0.5, "faults": [hang]}), namespace)
        places.append(workflows_at_once((await session.tools()).cluster.cpus))
        videos = [Path(shutil.copy(patterns, tmp_path / f"{number:02}.mp4")) for number in range(places[0] + 3)]
        return await session.run_async([Job(video) for video in (*videos, clip)], note)

    outcomes = asyncio.run(scenario())
    assert all(outcome.error is None for outcome in outcomes)
    waited = [name for name in begun if name != clip.name][-3:]
    assert begun.index(clip.name) < begun.index(waited[0])
    assert waited == sorted(waited)


def test_a_video_whose_turn_has_not_come_waits_and_its_stage_begins_with_its_turn(
    namespace: str, make_settings: SettingsMaker, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []

    def has(kind: EventKind, stage: Stage) -> bool:
        return any(event.kind is kind and event.stage is stage for event in events)

    async def scenario() -> Outcome:
        session = Session(make_settings(), namespace)
        turns = (await session.tools()).decoding
        turns.resize(0)
        # Each workflow tells it how many cores there are.
        monkeypatch.setattr(turns, "resize", lambda _: None)
        running = asyncio.ensure_future(session.run_async([Job(video)], events.append))
        while not has(EventKind.STAGE_FINISHED, Stage.DETECT_SUBTITLE_AREA):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert not running.done()
        assert not has(EventKind.STAGE_STARTED, Stage.CROP_SUBTITLE_IMAGES)
        monkeypatch.undo()
        turns.resize(1)
        (outcome,) = await running
        return outcome

    assert found(asyncio.run(scenario())) == expected()
    assert has(EventKind.STAGE_STARTED, Stage.CROP_SUBTITLE_IMAGES)


def test_a_killed_actor_costs_a_workflow_a_warning_and_no_result(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    events: list[Event] = []
    script = {"faults": [{"kind": "kill", "method": "recognize", "times": 1}]}
    (outcome,) = run(make_settings(script), namespace, Job(video), on_event=events.append)
    assert found(outcome) == expected()
    assert "ACTOR_LOST" in [event.data.get("code") for event in events if event.kind is EventKind.WARNING]


def test_a_killed_cpu_worker_costs_nothing(namespace: str, make_settings: SettingsMaker, video: Path) -> None:
    killed: list[int] = []

    async def kill_a_cropping_worker() -> None:
        while not killed:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::_crop_chunk"):
                        process.kill()
                        killed.append(process.pid)
                        return
            await asyncio.sleep(0.005)

    async def both() -> Outcome:
        session = Session(make_settings(), namespace)
        killer = asyncio.ensure_future(kill_a_cropping_worker())
        (outcome,) = await session.run_async([Job(video)], lambda _: None)
        killer.cancel()
        return outcome

    outcome = asyncio.run(both())
    assert killed
    assert found(outcome) == expected()


def test_under_every_failure_of_the_device_all_workflows_come_out_as_without_one_byte_for_byte(
    namespace: str, make_settings: SettingsMaker, patterns: Path, tmp_path: Path
) -> None:
    kinds = ["kill", "exit", "hang", "DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY", "DEVICE_OUT_OF_MEMORY"]
    # The last one lasts until the batch has been halved twice, and the process is given up.
    faults = [
        {"kind": kind, "method": "recognize", "text": text, "times": 3 if number == len(kinds) - 1 else 1}
        for number, (kind, text) in enumerate(zip(kinds, TEXTS, strict=True))
    ]
    videos = [Path(shutil.copy(patterns, tmp_path / f"film-{number}.mp4")) for number in range(3)]
    options: dict[str, Any] = {"pipeline": {"crops_per_call": 2}, "gpu_lock": {"lock_timeout": 3}}
    events: list[Event] = []
    session = Session(make_settings({"faults": faults}, **options), namespace)
    outcomes = session.run([Job(video) for video in videos], events.append)
    assert all(found(outcome) == expected() for outcome in outcomes)
    lossy = [video.with_suffix(".srt").read_bytes() for video in videos]
    codes = {event.data.get("code") for event in events if event.kind is EventKind.WARNING}
    assert codes >= {"ACTOR_LOST", "CALL_TIMED_OUT", "DEVICE_FAILED", "DEVICE_OUT_OF_MEMORY"}
    (actor,) = session.status()["gpu_actors"]
    assert actor["restarts"]["count"] == len(kinds) - 1
    # The same actor, which has had its faults, so that no other one needs its GPU.
    again = session.run([Job(videos[0], again=True)], lambda _: None)
    assert again[0].error is None
    assert lossy == [videos[0].with_suffix(".srt").read_bytes()] * 3


def test_an_input_that_keeps_killing_the_gpu_process_is_set_aside_and_the_others_finish(
    namespace: str, make_settings: SettingsMaker, video: Path, tmp_path: Path
) -> None:
    poison = pattern_video(tmp_path / "poison.mp4", (*TEXTS[:5], "poison!"))
    script = {"faults": [{"kind": "exit", "text": "poison!", "method": "recognize"}]}
    bad, good = run(make_settings(script), namespace, Job(poison), Job(video))
    assert bad.error is not None
    assert bad.error["code"] == "INPUT_SET_ASIDE"
    assert not poison.with_suffix(".srt").exists()
    assert found(good) == expected()


def test_a_model_that_is_not_there_is_a_clear_error(namespace: str, make_settings: SettingsMaker, video: Path) -> None:
    (outcome,) = run(make_settings({"load_failures": 100}), namespace, Job(video))
    assert outcome.error is not None
    assert outcome.error["code"] == "MODEL_UNAVAILABLE"
    assert {record.status for record in outcome.stages} >= {StageStatus.FAILED}
    assert not video.with_suffix(".srt").exists()


def test_a_prefix_of_the_chain_ends_where_it_says(namespace: str, make_settings: SettingsMaker, video: Path) -> None:
    for length in range(1, 6):
        (outcome,) = run(make_settings(), namespace, Job(video, chain=STAGES[:length]))
        assert outcome.error is None, outcome.error
        assert [record.stage for record in outcome.stages] == list(STAGES[:length])
        assert all(record.status is StageStatus.SUCCESS and record.output for record in outcome.stages)
        assert not video.with_suffix(".srt").exists()
    assert outcome.stages[-1].output["lines"] == len(TEXTS)


def test_no_subtitles_are_a_success_with_an_empty_file(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    video = pattern_video(tmp_path / "silent.mp4", ())
    (outcome,) = run(make_settings(), namespace, Job(video))
    assert outcome.error is None
    assert outcome.cues == ()
    assert video.with_suffix(".srt").read_bytes() == b""


def test_half_a_file_without_subtitles_is_partial_too_and_fails_if_told_to(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    whole = make_video(
        tmp_path / "whole.mp4",
        frames=500,
        size=(160, 96),
        mux_options={"movflags": "faststart"},
        background=lambda number: np.minimum(picture(number, (160, 96)), 150),
    )
    half = tmp_path / "half.mp4"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size * 4 // 10])
    good, cut = run(make_settings(), namespace, Job(whole), Job(half))
    assert (good.error, good.partial, good.decoded_s, good.cues) == (None, False, None, ())
    assert (cut.error, cut.partial, cut.cues) == (None, True, ())
    assert cut.decoded_s is not None
    assert 2 < cut.decoded_s < 15
    assert any("of 20.0 s could not be decoded" in warning.message for warning in cut.warnings)
    again, strict = (
        run(make_settings(**settings), namespace, Job(half, start_at=STAGES[start]))[0]
        for start, settings in ((5, {}), (2, {"decoder": {"strict": True}}))
    )
    assert (again.partial, again.decoded_s) == (True, cut.decoded_s)
    assert strict.error is not None
    assert strict.error["code"] == "INPUT_CORRUPT"


def test_half_a_file_gives_half_the_cues_and_says_so_or_fails_if_told_to(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    whole = pattern_video(tmp_path / "whole.mkv", TEXTS)
    half = tmp_path / "half.mkv"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    (outcome,) = run(make_settings(), namespace, Job(half))
    assert outcome.partial
    assert outcome.decoded_s is not None
    assert outcome.expected_s is not None
    assert outcome.decoded_s < outcome.expected_s - 1
    assert 1 < len(outcome.cues) < len(TEXTS)
    # The last one may be cut off where the file is.
    assert found(outcome)[:-1] == expected()[: len(outcome.cues) - 1]
    assert half.with_suffix(".srt").exists()
    half.with_suffix(".srt").unlink()
    (strict,) = run(make_settings(decoder={"strict": True}), namespace, Job(half))
    assert strict.error is not None
    assert strict.error["code"] == "INPUT_CORRUPT"
    assert not half.with_suffix(".srt").exists()
