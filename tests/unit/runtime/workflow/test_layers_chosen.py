"""Other layers are chosen from what was read, without a frame, a model or Ray."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.records import recorded
from tests.unit.runtime.workflow.conftest import asking
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError
from yivideo_ray.jobs import Event, EventKind, Job, Outcome
from yivideo_ray.media import probe, source
from yivideo_ray.pipeline import InProcess
from yivideo_ray.runtime import batch
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.types import Stage

LAST = Stage.POSTPROCESS_AND_FINALIZE


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a frame that is decoded and a model that is loaded fail the test, and nobody start Ray."""

    async def no_ray(_: Session) -> None:
        raise CallError("Ray was to be started.", code="CLUSTER_UNAVAILABLE")

    monkeypatch.setattr(Session, "tools", no_ray)
    monkeypatch.setattr(batch, "load_engine", lambda _: pytest.fail("a model was loaded"))
    monkeypatch.setattr(source.Source, "decode", lambda *_: pytest.fail("a frame was decoded"))


def run(settings: Settings, *jobs: Job) -> tuple[list[Outcome], list[Event]]:
    events: list[Event] = []
    with Session(settings) as opened:
        return opened.run(jobs, events.append), events


def with_layers(tmp_path: Path, layers: Any, **sections: Any) -> Settings:
    return asking(tmp_path, postprocessor={"layers": layers}, **sections)


def of(outcome: Outcome) -> str | list[bool]:
    """Returns the code of its error, or which of its layers are taken."""
    return outcome.error["code"] if outcome.error else [layer.taken for layer in outcome.layers]


@contextmanager
def opened(settings: Settings, video: Path) -> Iterator[tuple[Database, Book]]:
    database = Database(settings.storage)
    try:
        yield database, Book(database, workflow_id(probe(video, settings.decoder)))
    finally:
        database.close()


@pytest.fixture
def read(video: Path, tmp_path: Path) -> Path:
    """A video that was read by the default settings, and whose files are there."""
    recorded(video, tmp_path / "work", 10, settings=asking(tmp_path))
    (first,), _ = run(asking(tmp_path), Job(video, start_at=LAST))
    assert of(first) == [True]
    return video


@pytest.mark.parametrize("start_at", [None, LAST])
def test_other_layers_are_no_reason_to_read_again_and_are_not_done_already(
    read: Path, tmp_path: Path, start_at: Stage | None
) -> None:
    (chosen,), events = run(with_layers(tmp_path, "all"), Job(read, start_at=start_at))
    assert (of(chosen), chosen.already_done) == ([True], False)
    assert [event.stage for event in events if event.kind is EventKind.STAGE_STARTED] == [LAST]
    assert chosen.engine is not None
    assert json.loads(read.with_suffix(".json").read_bytes())["stages"][-1]["input_params"]["layers"] == "all"


def test_what_was_chosen_is_done_until_something_else_is(read: Path, tmp_path: Path) -> None:
    for layers, done in (((1,), False), ((1,), True), ("auto", False), ("auto", True), ("all", False)):
        (outcome,), _ = run(with_layers(tmp_path, layers), Job(read))
        assert (of(outcome), outcome.already_done) == ([True], done), layers


def test_other_formats_are_made_from_what_was_read_as_well(read: Path, tmp_path: Path) -> None:
    (outcome,), _ = run(asking(tmp_path, subtitles={"formats": ["vtt"]}), Job(read))
    assert [path.suffix for path in outcome.outputs] == [".vtt", ".json"]
    read.with_suffix(".vtt").unlink()
    (outcome,), _ = run(asking(tmp_path, subtitles={"formats": ["vtt"]}), Job(read))
    assert (outcome.error, read.with_suffix(".vtt").exists()) == (None, True)


def test_a_layer_that_is_not_there_is_told_with_how_many_there_are_and_costs_nothing(
    read: Path, tmp_path: Path
) -> None:
    before = read.with_suffix(".srt").read_bytes()
    (unknown,), _ = run(with_layers(tmp_path, (9,)), Job(read))
    assert unknown.error is not None
    assert (unknown.error["code"], unknown.error["message"]) == ("LAYER_UNKNOWN", "There is no layer 9: 1 were found.")
    assert read.with_suffix(".srt").read_bytes() == before
    (known,), _ = run(with_layers(tmp_path, (1,)), Job(read))
    assert of(known) == [True]


@pytest.mark.parametrize(
    ("job", "sections"),
    [
        ({"again": True}, {}),
        ({}, {"area_detector": {"regions": [{"y0": 0.5}]}}),
        ({}, {"ocr": {"recognition_model": "another"}}),
        ({"start_at": Stage.PERFORM_OCR}, {}),
    ],
)
def test_what_reads_otherwise_reads_again(
    read: Path, tmp_path: Path, job: dict[str, Any], sections: dict[str, Any]
) -> None:
    (outcome,), _ = run(with_layers(tmp_path, (1,), **sections), Job(read, **job))
    assert of(outcome) == "CLUSTER_UNAVAILABLE"


def test_the_service_does_its_workflows_on_its_cluster(read: Path, tmp_path: Path) -> None:
    (outcome,), _ = run(asking(tmp_path), Job(read, output_dir=tmp_path, workflow_id="wf-1"))
    assert of(outcome) == "CLUSTER_UNAVAILABLE"


def test_where_a_text_is_missing_nobody_takes_the_rest_for_all(
    read: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = with_layers(tmp_path, (1,))
    with opened(settings, read) as (_, book):
        book.forget([Stage.PERFORM_OCR])

    async def look(*_: Any, **__: Any) -> None:
        raise CallError("A frame was to be looked for.", code="WORKER_LOST")

    monkeypatch.setattr(InProcess, "extract_keyframes", look)
    (outcome,), _ = run(settings, Job(read))
    assert of(outcome) == "WORKER_LOST"
    # From then on nothing counts as read.
    with opened(settings, read) as (_, book):
        state = book.state()
    assert state is not None
    assert state.basis == ""


def test_a_result_of_before_there_were_layers_is_read_again_or_said_to_be_of_no_use(read: Path, tmp_path: Path) -> None:
    settings = with_layers(tmp_path, (1,))
    with opened(settings, read) as (database, _), database.begin() as connection:
        stale = tables.parts.c.kind.in_(("area", "chunks", "report", "texts"))
        connection.execute(tables.parts.update().where(stale).values(fingerprint="0" * 64))
    (outdated, anew), _ = run(settings, Job(read, start_at=LAST), Job(read, output_dir=tmp_path))
    assert outdated.error is not None
    assert outdated.error["code"] == "RECORD_OUTDATED"
    assert outdated.error["remedy"] == "Have the video read again: leave out --from."
    assert of(anew) == "CLUSTER_UNAVAILABLE"
