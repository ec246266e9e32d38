"""A video that has been through before: what runs again, what is taken from before, and which files are replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker, expected, found, run
from yivideo_ray.jobs import Event, EventKind, Job, StageStatus
from yivideo_ray.types import STAGES, Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def test_the_last_stage_runs_again_from_the_record_alone(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    settings = make_settings()
    (missing,) = run(settings, namespace, Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE))
    assert missing.error is not None
    assert missing.error["code"] == "RECORD_MISSING"
    (first,) = run(settings, namespace, Job(video))
    video.with_suffix(".srt").unlink()
    started: list[Any] = []

    def note(event: Event) -> None:
        if event.kind is EventKind.STAGE_STARTED:
            started.append(event.stage)

    (again,) = run(settings, namespace, Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE), on_event=note)
    assert started == [Stage.POSTPROCESS_AND_FINALIZE]
    assert again.cues == first.cues
    assert again.engine == first.engine
    assert video.with_suffix(".srt").exists()
    started.clear()
    (third,) = run(settings, namespace, Job(video, start_at=Stage.PERFORM_OCR), on_event=note)
    assert Stage.DETECT_SUBTITLE_AREA not in started
    assert third.cues == first.cues


def test_a_finished_video_is_not_done_again_and_other_settings_replace_what_is_ours_alone(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in video.parent.glob("film*") if path != video}

    settings = make_settings(subtitles={"formats": ["srt", "vtt"]})
    (first,) = run(settings, namespace, Job(video))
    assert found(first) == expected()
    before, events = files(), list[Event]()
    (second,) = run(settings, namespace, Job(video), on_event=events.append)
    assert second.already_done
    assert found(second) == expected()
    assert (second.outputs, second.stages) == (first.outputs, first.stages)
    assert [event.kind for event in events] == [EventKind.WORKFLOW_STARTED, EventKind.WORKFLOW_FINISHED]
    assert files() == before

    (third,) = run(make_settings(), namespace, Job(video))
    assert found(third) == expected()
    assert files().keys() == {"film.srt", "film.json"}
    video.with_suffix(".srt").write_bytes(b"by hand")
    (fourth,) = run(make_settings(), namespace, Job(video))
    assert fourth.error is not None
    assert fourth.error["code"] == "OUTPUT_EXISTS"
    assert files()["film.srt"] == b"by hand"
    (fifth,) = run(make_settings(), namespace, Job(video, overwrite=True))
    assert files()["film.srt"] == before["film.srt"]
    assert not fifth.already_done


def test_a_file_that_appears_while_a_video_is_worked_on_stays_and_fails_the_last_stage(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    def put(event: Event) -> None:
        if event.kind is EventKind.STAGE_STARTED and event.stage is STAGES[0]:
            video.with_suffix(".srt").write_bytes(b"by hand")

    (outcome,) = run(make_settings(), namespace, Job(video), on_event=put)
    assert outcome.error is not None
    assert outcome.error["code"] == "OUTPUT_EXISTS"
    assert outcome.stages[-1].status is StageStatus.FAILED
    assert video.with_suffix(".srt").read_bytes() == b"by hand"
    assert not video.with_suffix(".json").exists()


def test_looking_for_another_area_leaves_what_was_read(
    namespace: str, make_settings: SettingsMaker, video: Path
) -> None:
    (first,) = run(make_settings(), namespace, Job(video))
    elsewhere = make_settings(area_detector={"regions": [{"y1": 0.2}, {"y0": 0.4, "y1": 0.5}]})
    (looked,) = run(elsewhere, namespace, Job(video, chain=STAGES[:2]))
    assert looked.area is not None
    assert looked.area != first.area
    (again,) = run(make_settings(), namespace, Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE))
    assert again.cues == first.cues
    assert again.area == first.area
    assert {record.stage for record in again.stages} >= {Stage.PERFORM_OCR, Stage.CROP_SUBTITLE_IMAGES}
