"""Figures made of events, with the time told by the events."""

import io
import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.cues import cue, video
from yivideo_ray.cli.display import JsonLines, LiveTable, summary
from yivideo_ray.config import PipelineSettings
from yivideo_ray.errors import ResultWarning, WarningCode
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Event, EventKind, Outcome, StageRecord, StageStatus
from yivideo_ray.journal import ChunkLog, Journal
from yivideo_ray.progress import ProgressTracker, WorkflowProgress, ending_sentence
from yivideo_ray.types import STAGES, Layer, Stage

EXTRACT, DETECT, CROP, STITCH, OCR, FINALIZE = STAGES


def event(
    kind: EventKind, time: float, stage: Stage | None = None, done_s: float = 0, frames: int = 0, **data: object
) -> Event:
    return Event(kind, "w", "v.mp4", time, stage, done_s, 100.0, frames, "", data)


def story() -> list[Event]:
    return [
        event(EventKind.WORKFLOW_STARTED, 0),
        event(EventKind.STAGE_STARTED, 5, EXTRACT),
        event(EventKind.STAGE_FINISHED, 6, EXTRACT),
        event(EventKind.STAGE_STARTED, 6, DETECT),
        event(EventKind.PROGRESS, 8, engine={"device": "cpu"}),
        event(EventKind.STAGE_FINISHED, 10, DETECT),
        event(EventKind.STAGE_STARTED, 10, CROP),
        event(EventKind.PROGRESS, 14, CROP, 40, 1000),
        event(EventKind.STAGE_STARTED, 14, STITCH),
        event(EventKind.STAGE_STARTED, 14, OCR),
        event(EventKind.PROGRESS, 18, CROP, 80, 2000),
        event(EventKind.PROGRESS, 20, OCR, 60, 2000),
        event(EventKind.STAGE_FINISHED, 22, CROP),
        event(EventKind.STAGE_FINISHED, 26, STITCH),
        event(EventKind.STAGE_FINISHED, 26, OCR),
        event(EventKind.STAGE_STARTED, 26, FINALIZE),
        event(EventKind.STAGE_FINISHED, 27, FINALIZE),
        event(EventKind.WORKFLOW_FINISHED, 27, succeeded=True),
    ]


def views() -> list[tuple[float, float | None]]:
    tracker, found = ProgressTracker(), []
    for one in story():
        view = tracker.take(one)
        found.append((view.share, view.left_s))
    return found


def test_what_is_worked_through_counts_from_the_first_frame_as_the_duration_does() -> None:
    events: list[Event] = []
    journal = Journal("w", "v.mp4", 60.0, events.append)
    late = video(Fraction(1, 1000), first_pts=4500, origin_s=Fraction(3))
    log = ChunkLog(journal, late, PipelineSettings(), Stage.PERFORM_OCR)
    log.emit_decoded(64500)
    log.emit_decoded(None)
    assert [event.done_s for event in events] == [60.0, 0.0]


def test_the_share_of_the_whole_job_grows_to_one_and_never_shrinks_once_ocr_runs() -> None:
    shares = [share for share, _ in views()]
    assert shares[0] == 0
    assert shares[-1] == 1
    after = shares[9:]
    assert after == sorted(after)
    assert all(0 <= share <= 1 for share in shares)


def test_the_time_left_is_for_the_whole_job_not_for_the_stage() -> None:
    tracker = ProgressTracker()
    for one in story()[:12]:
        view = tracker.take(one)
    # 80 of 100 s decoded, 60 read: 70 % of the way through, after 10 s.
    assert view.left_s is not None
    assert 3 < view.left_s < 6
    assert view.frames_per_s == pytest.approx(200)
    assert view.device == "cpu"


def test_no_pace_no_promise() -> None:
    assert [left for _, left in views()[:7]] == [None] * 7


def test_a_video_of_unknown_length_still_counts_frames() -> None:
    view = ProgressTracker().take(Event(EventKind.PROGRESS, "w", "v", 1.0, CROP, 5.0, None, 125))
    assert isinstance(view, WorkflowProgress)
    assert view.frames == 125


LOOK = ResultWarning("OTHER", "look", {"at": Fraction(1, 2)})


def outcome(**changes: object) -> Outcome:
    stages = (StageRecord(FINALIZE, StageStatus.SUCCESS),)
    values: dict[str, object] = {"workflow_id": "w", "video": Path("a.mp4"), "stages": stages} | changes
    return Outcome(**values)  # type: ignore[arg-type]


def test_json_lines_are_one_object_each_and_survive_names_that_are_no_utf8() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with JsonLines(stream) as lines:
        lines.take(Event(EventKind.WORKFLOW_STARTED, "w", os.fsdecode(b"\xff\n.mp4"), 1.0))
        lines.end([outcome(video=Path("电影 🎬.mp4"), error={"code": "INPUT_EMPTY"})])
    stream.seek(0)
    first, last = [json.loads(line) for line in stream.read().splitlines()]
    assert first["event"] == "workflow_started"
    assert last["event"] == "outcome"
    assert last["video"] == "电影 🎬.mp4"
    assert last["succeeded"] is False


def test_a_person_hears_that_there_were_no_subtitles_and_that_a_result_is_partial() -> None:
    assert "no subtitles found" in summary([outcome()])[0]
    lines = summary([outcome(partial=True, decoded_s=3.0, expected_s=9.0, warnings=(LOOK,))])
    assert any("PARTIAL: 3.0 of 9.0 s" in line for line in lines)
    assert any("PARTIAL: only what was sampled" in line for line in summary([outcome(partial=True)]))
    assert any(line.endswith("warning: look") for line in lines)


def test_a_person_hears_that_text_was_seen_and_left_and_how_to_take_it_also_the_second_time() -> None:
    left = ResultWarning(WarningCode.NONE_CHOSEN, "Text was seen. --layers 1 takes it.")
    none = outcome(layers=(Layer(1, 0.2, False, (), Box(0, 0, 9, 9), 5.0, (cue(0, 9, "Hi"),)),), warnings=(LOOK, left))
    first, *others = summary([none])
    assert first.startswith("a.mp4: text was seen, but none was taken: ")
    assert others == ["a.mp4: warning: look", "a.mp4: warning: Text was seen. --layers 1 takes it."]
    assert ending_sentence(none) == "Text was seen. --layers 1 takes it."
    again, *others = summary([replace(none, already_done=True)])
    assert "already done, text was seen, but none was taken" in again
    assert others == ["a.mp4: warning: Text was seen. --layers 1 takes it."]


def test_the_sentence_at_the_end_says_what_was_found() -> None:
    assert ending_sentence(outcome(cues=(cue(0, 9, "Hi"),))) == "1 cues."
    assert ending_sentence(outcome()) == "No subtitles were found."
    assert ending_sentence(outcome(stages=(StageRecord(STAGES[1], StageStatus.SUCCESS),))) == "Done."
    unread = ResultWarning(WarningCode.UNREADABLE_SCRIPT, "Text in what looks like Thai was seen.")
    assert ending_sentence(outcome(warnings=(LOOK, unread))) == "Text in what looks like Thai was seen."


def test_a_person_hears_that_a_video_was_done_already_and_nothing_that_was_told_then() -> None:
    done = outcome(cues=(object(),) * 3, outputs=(Path("a.srt"),), warnings=(LOOK,), already_done=True)
    assert summary([done]) == ["a.mp4: already done, 3 cues; --again does it again: a.srt"]
    looked = outcome(stages=(StageRecord(STAGES[1], StageStatus.SUCCESS),), outputs=(Path("a.json"),))
    assert summary([looked]) == ["a.mp4: done: a.json"]
    assert summary([replace(looked, already_done=True)]) == ["a.mp4: already done; --again does it again: a.json"]


def test_the_table_shows_stage_percent_and_device() -> None:
    stream = io.StringIO()
    table = LiveTable(stream)
    for one in story():
        table.take(one)
    with table:
        pass
    assert "v.mp4" in stream.getvalue()
    assert "cpu" in stream.getvalue()
    assert "100" in stream.getvalue()


def test_videos_stand_in_the_order_in_which_they_were_given() -> None:
    stream = io.StringIO()
    table = LiveTable(stream, ["first.mp4", "second.mp4"])
    for number, name in enumerate(("third.mp4", "second.mp4", "first.mp4")):
        table.take(Event(EventKind.WORKFLOW_STARTED, str(number), name, 0.0, None, 0.0, None, 0, "", {}))
    with table:
        pass
    places = [stream.getvalue().rindex(video) for video in ("first.mp4", "second.mp4", "third.mp4")]
    assert places == sorted(places)


def test_a_video_that_waits_for_a_place_among_those_at_work_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    doing = []
    for events in (1, 2):
        stream = io.StringIO()
        table = LiveTable(stream)
        table.take(Event(EventKind.WORKFLOW_STARTED, "later", "later.mp4", 0.0, None, 0.0, None, 0, "", {}))
        for one in story()[:events]:
            table.take(one)
        with table:
            pass
        doing.append("waiting" if "waiting" in stream.getvalue() else "starting")
    assert doing == ["starting", "waiting"]


@pytest.mark.parametrize(("events", "doing"), [(6, "waiting"), (7, "crop subtitle")])
def test_a_video_whose_turn_has_not_come_waits(events: int, doing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    stream = io.StringIO()
    table = LiveTable(stream)
    for one in story()[:events]:
        table.take(one)
    with table:
        pass
    assert doing in stream.getvalue()
