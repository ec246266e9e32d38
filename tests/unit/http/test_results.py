"""What the service gives of a workflow: events, subtitles, the layers on frames."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pysubs2
import pytest
from PIL import Image

from tests.support.cues import cue
from tests.support.cues import video as info_of_tests
from tests.support.service_clients import World, world
from tests.support.videos import Subtitle, make_video
from tests.unit.http.test_workflows import problem
from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, ResultWarning, WarningCode
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import EventKind, Outcome, StageRecord, StageStatus
from yivideo_ray.media import probe
from yivideo_ray.service.contract import WorkflowState
from yivideo_ray.types import STAGES, Band, BandEvidence, Layer, Stage, SubtitleArea

CUES = (cue(1000, 2000, "你好", "Hello <b>"), cue(3000, 4500, "再见", "Goodbye"))
AREA = SubtitleArea((Band("bottom", Box(400, 560, 880, 700), 41.5, BandEvidence(24, 18, 12, 0.91, "changes")),))


def finished(**changes: object) -> Outcome:
    stages = tuple(StageRecord(stage, StageStatus.SUCCESS, duration=0.5) for stage in STAGES)
    outcome = Outcome("w1", Path("/videos/film.mp4"), stages, info=info_of_tests(), area=AREA, cues=CUES)
    return replace(outcome, **changes)  # type: ignore[arg-type]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


@pytest.fixture
def here(there: World, tmp_path: Path) -> str:
    """The address of a workflow that has succeeded."""
    workflow_id = there.submit()
    there.do(there.service.succeed(workflow_id, finished(), tmp_path))
    return f"/v1/workflows/{workflow_id}"


def events(answer: httpx2.Response) -> list[httpx2.ServerSentEvent]:
    return list(httpx2.EventSource(answer))


def test_subtitles_come_in_every_format_whichever_ones_were_written(there: World, here: str) -> None:
    for name, kind in (
        ("srt", "application/x-subrip"),
        ("vtt", "text/vtt; charset=utf-8"),
        ("ass", "text/x-ssa; charset=utf-8"),
        ("txt", "text/plain; charset=utf-8"),
    ):
        answer = there.client.get(f"{here}/subtitles.{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''film.{name}"
        read = pysubs2.SSAFile.from_string(answer.text) if name != "txt" else None
        assert read is None or [(event.start, event.end) for event in read.events] == [(1000, 2000), (3000, 4500)]
        assert "你好" in answer.text
    document = there.client.get(f"{here}/subtitles.json").json()
    assert [found["lines"] for found in document["cues"]] == [list(item.lines) for item in CUES]
    problem(there.client.get(f"{here}/subtitles.sub"), "REQUEST_INVALID")


def test_one_language_is_given_alone(there: World, here: str) -> None:
    answer = there.client.get(f"{here}/subtitles.srt", params={"language": "en"})
    assert answer.headers["content-disposition"].endswith("film.en.srt")
    assert "Goodbye" in answer.text
    assert "再见" not in answer.text
    found = problem(there.client.get(f"{here}/subtitles.srt", params={"language": "fr"}), "RESULT_NOT_WRITTEN")
    assert "zh, en" in found["remedy"]
    problem(there.client.get(f"{here}/subtitles.json", params={"language": "en"}), "REQUEST_INVALID")


def test_a_video_without_subtitles_gives_a_valid_empty_file(there: World, tmp_path: Path) -> None:
    workflow_id = there.submit()
    there.do(there.service.succeed(workflow_id, finished(cues=(), area=SubtitleArea(())), tmp_path))
    answer = there.client.get(f"/v1/workflows/{workflow_id}/subtitles.srt")
    assert (answer.status_code, answer.content) == (200, b"")
    assert there.client.get(f"/v1/workflows/{workflow_id}/subtitles.vtt").text == "WEBVTT\n"


def test_what_has_not_ended_well_has_no_subtitles_yet(there: World) -> None:
    workflow_id = there.submit()
    for state in WorkflowState:
        if state is not WorkflowState.SUCCESS:
            there.do(there.service.become(workflow_id, state=state))
            for name in ("subtitles.srt", "preview.png"):
                found = problem(there.client.get(f"/v1/workflows/{workflow_id}/{name}"), "RESULT_NOT_READY")
                assert state.value in found["detail"]


def test_a_chain_that_makes_none_says_so(there: World, tmp_path: Path) -> None:
    workflow_id = there.submit()
    first = (StageRecord(Stage.EXTRACT_KEYFRAMES, StageStatus.SUCCESS),)
    there.do(there.service.succeed(workflow_id, finished(stages=first, area=None, cues=()), tmp_path))
    for name in ("subtitles.srt", "preview.png"):
        problem(there.client.get(f"/v1/workflows/{workflow_id}/{name}"), "RESULT_NOT_WRITTEN")
    document = there.client.get(f"/v1/workflows/{workflow_id}/subtitles.json").json()
    assert [stage["stage"] for stage in document["stages"]] == ["ffmpeg.extract_keyframes"]


@pytest.mark.parametrize("damage", ["deleted", "damaged"])
def test_a_result_that_is_gone_is_told(there: World, here: str, tmp_path: Path, damage: str) -> None:
    (document,) = tmp_path.glob("w*.json")
    if damage == "deleted":
        document.unlink()
    else:
        document.write_text("{}")
    for name in ("subtitles.srt", "subtitles.json", "preview.png"):
        problem(there.client.get(f"{here}/{name}"), "RESULT_NOT_WRITTEN")


def test_the_area_is_drawn_on_a_frame_of_the_video(there: World, tmp_path: Path) -> None:
    made = make_video(
        there.videos / "made.mp4", frames=50, size=(640, 360), rate=25, subtitles=(Subtitle("Hello there", 5, 45),)
    )
    info = probe(made, Settings().decoder)
    area = SubtitleArea((Band("bottom", Box(100, 280, 540, 350), 30.0, BandEvidence(24, 18, 12, 0.9, "changes")),))
    pts = [info.pts_at(number / 25) for number in range(50)]
    stages = (
        StageRecord(Stage.EXTRACT_KEYFRAMES, StageStatus.SUCCESS, output={"pts": pts}),
        StageRecord(Stage.DETECT_SUBTITLE_AREA, StageStatus.SUCCESS, input_params={"samples": 8, "other": 1}),
    )
    workflow_id = there.client.post("/v1/workflows", json={"video_path": str(made)}).json()["workflow_id"]
    there.do(there.service.succeed(workflow_id, finished(info=info, area=area, stages=stages), tmp_path))
    here = f"/v1/workflows/{workflow_id}/preview.png"
    answer = there.client.get(here)
    assert answer.headers["content-type"] == "image/png", answer.text
    with Image.open(io.BytesIO(answer.content)) as picture:
        green = picture.convert("RGB").getpixel((150, 420))
        assert picture.size == (960, 540)
    assert isinstance(green, tuple)
    assert green[1] > 200 > max(green[0], green[2])
    outside = tmp_path / "outside.mp4"
    os.replace(made, outside)  # noqa: PTH105 - as somebody does who wants the service to read elsewhere
    problem(there.client.get(here), "INPUT_NOT_FOUND")
    made.symlink_to(outside)
    problem(there.client.get(here), "PATH_OUTSIDE_ROOT")
    made.unlink()
    make_video(made, frames=10, size=(640, 360), rate=25)
    problem(there.client.get(here), "INPUT_CHANGED")


def test_layers_that_were_read_are_drawn_each_on_a_frame_that_shows_it(there: World, tmp_path: Path) -> None:
    made = make_video(
        there.videos / "made.mp4", frames=50, size=(640, 360), rate=25, subtitles=(Subtitle("Hello there", 5, 45),)
    )
    info = probe(made, Settings().decoder)
    times = ((0.2, 0.9), (1.1, 1.9))
    layers = tuple(
        Layer(number, 0.9, True, (), Box(100, 280, 540, 350), 30.0, (cue(info.pts_at(start), info.pts_at(end), "Hi"),))
        for number, (start, end) in enumerate(times, 1)
    )
    workflow_id = there.client.post("/v1/workflows", json={"video_path": str(made)}).json()["workflow_id"]
    there.do(there.service.succeed(workflow_id, finished(info=info, layers=layers), tmp_path))
    answer = there.client.get(f"/v1/workflows/{workflow_id}/preview.png")
    assert answer.headers["content-type"] == "image/png", answer.text
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (2 * 960, 540)
        for x in (150, 960 + 150):
            red, green, blue = picture.convert("RGB").getpixel((x, 420))  # type: ignore[misc]
            assert green > 200 > max(red, blue)


def test_a_workflow_tells_its_warnings_with_codes_and_facts(there: World, tmp_path: Path) -> None:
    workflow_id = there.submit()
    doubt = ResultWarning(WarningCode.LAYER_IN_DOUBT, "Is it?", {"layer": 2, "box": Box(1, 2, 3, 4)})
    there.do(there.service.succeed(workflow_id, finished(warnings=(doubt,)), tmp_path))
    told = [{"code": "LAYER_IN_DOUBT", "message": "Is it?", "layer": 2, "box": [1, 2, 3, 4]}]
    assert there.client.get(f"/v1/workflows/{workflow_id}").json()["warnings"] == told
    assert there.client.get(f"/v1/workflows/{workflow_id}/subtitles.json").json()["warnings"] == told


def test_events_come_with_numbers_and_go_on_behind_the_last_one_seen(there: World, here: str) -> None:
    workflow_id = there.submit()
    there.do(there.service.say(workflow_id, EventKind.WORKFLOW_STARTED))
    there.do(there.service.say(workflow_id, EventKind.WARNING, message="two\nlines\r\nand id: 7"))
    there.do(there.service.fail(workflow_id, InputError("It is empty.")))
    address = f"/v1/workflows/{workflow_id}/events"
    with there.client.stream("GET", address) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = events(answer)
    assert [(event.id, event.event) for event in found] == [
        ("1", "workflow_started"),
        ("2", "warning"),
        ("3", "workflow_finished"),
    ]
    assert json.loads(found[1].data)["message"] == "two\nlines\r\nand id: 7"
    with there.client.stream("GET", address, headers={"Last-Event-ID": "2"}) as answer:
        assert [event.id for event in events(answer)] == ["3"]
    for last in ("3", "99"):
        assert there.client.get(address, headers={"Last-Event-ID": last}).status_code == 204


def test_a_watcher_sees_events_as_they_happen_and_the_end_ends_the_stream(there: World) -> None:
    workflow_id = there.submit()
    seen: list[str] = []

    def watch() -> None:
        with there.client.stream("GET", f"/v1/workflows/{workflow_id}/events") as answer:
            seen.extend(event.event for event in events(answer))

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.2)
    there.do(there.service.say(workflow_id, EventKind.WORKFLOW_STARTED))
    there.do(there.service.fail(workflow_id, InputError("It is empty.")))
    watcher.join(20)
    assert not watcher.is_alive()
    assert seen == ["workflow_started", "workflow_finished"]


def test_events_of_no_workflow_and_behind_no_number_are_errors_before_the_stream(there: World, here: str) -> None:
    problem(there.client.get("/v1/workflows/w99/events"), "WORKFLOW_NOT_FOUND")
    for last in ("x", "-1", "1" * 16, "1.5"):
        problem(there.client.get(f"{here}/events", headers={"Last-Event-ID": last}), "REQUEST_INVALID")


def test_the_preview_of_an_upload_that_was_removed_is_gone_and_the_subtitles_stay(there: World, here: str) -> None:
    there.do(there.service.become(here.rpartition("/")[2], video_swept=1.8e9))
    gone = there.client.get(f"{here}/preview.png")
    assert gone.status_code == 410
    problem(gone, "VIDEO_SWEPT")
    assert there.client.get(f"{here}/subtitles.srt").status_code == 200
