"""The parts of a workflow that are kept while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runtime.workflow.test_completeness import INFO
from tests.unit.runtime.workflow.test_record import AREA, CROPS, TEXTS
from yivideo_ray.config import Settings
from yivideo_ray.errors import OutputError, ServiceError
from yivideo_ray.jobs import StageRecord, StageStatus
from yivideo_ray.runtime.workflow.checkpoint import (
    ABANDONED_S,
    WAITS_S,
    Checkpoint,
    FoundArea,
    StreamParts,
    area_basis,
    chunk_basis,
    forget_abandoned,
    persist,
    text_basis,
)
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.types import ChunkReport, ChunkSpan, CropText, EngineFacts, Stage

REPORT = ChunkReport(3, 10, 900, (880,), CROPS, 24, 1, False, "cpu", 0.1 + 0.2, 1e-7)
FOUND = FoundArea(
    AREA,
    {Stage.EXTRACT_KEYFRAMES: StageRecord(Stage.EXTRACT_KEYFRAMES, StageStatus.SUCCESS, {}, {"pts": [1]}, None, 2.5)},
)


@pytest.fixture
def database(each_database: None, tmp_path: Path) -> Iterator[Database]:
    opened = Database(Settings(storage={"work_dir": tmp_path}).storage)
    yield opened
    opened.close()


def test_what_is_kept_comes_back_the_same(database: Database) -> None:
    kept = Checkpoint(database, "w")
    assert (kept.area("a"), kept.reports("b"), kept.texts("c")) == (None, {}, {})
    kept.keep_area("a", FOUND)
    kept.keep_report("b", REPORT)
    kept.keep_report("b", replace(REPORT, index=4))
    kept.keep_texts("c", 0, TEXTS)
    again = Checkpoint(database, "w")
    assert again.area("a") == FOUND
    assert again.reports("b") == {3: REPORT, 4: replace(REPORT, index=4)}
    assert again.texts("c") == {0: TEXTS}
    assert Checkpoint(database, "other").reports("b") == {}


def test_what_rests_on_something_else_is_not_taken_and_is_replaced(database: Database) -> None:
    kept = Checkpoint(database, "w")
    kept.keep_report("old", REPORT)
    assert kept.reports("new") == {}
    kept.keep_report("new", replace(REPORT, frames=99))
    assert kept.reports("old") == {}
    assert kept.reports("new")[3].frames == 99


def test_a_damaged_part_counts_as_absent(database: Database) -> None:
    kept = Checkpoint(database, "w")
    kept.keep_report("b", REPORT)
    kept.keep_texts("c", 0, TEXTS)
    with database.begin() as connection:
        connection.execute(tables.parts.update().values(body=b"x"))
    assert (kept.reports("b"), kept.texts("c")) == ({}, {})


def test_clearing_drops_the_parts_of_one_workflow_only(database: Database) -> None:
    for name in ("w", "other"):
        Checkpoint(database, name).keep_report("b", REPORT)
    Checkpoint(database, "w").clear()
    assert Checkpoint(database, "w").reports("b") == {}
    assert Checkpoint(database, "other").reports("b") != {}


def test_the_parts_of_runs_that_nobody_went_on_with_are_dropped_after_a_month(database: Database) -> None:
    for name, kept in (("old", 0.0), ("new", ABANDONED_S)):
        Checkpoint(database, name).keep_report("b", REPORT)
        with database.begin() as connection:
            connection.execute(tables.parts.update().where(tables.parts.c.workflow_id == name).values(kept=kept))
    forget_abandoned(database, ABANDONED_S + 1)
    assert Checkpoint(database, "old").reports("b") == {}
    assert Checkpoint(database, "new").reports("b") != {}


def test_a_fingerprint_tells_what_decides_the_result_and_nothing_else() -> None:
    def area(**sections: dict[str, object]) -> str:
        return area_basis(INFO, Settings(**sections))  # type: ignore[arg-type]

    assert area() == area(ocr={"threads": 3, "batch_size": 2}, pipeline={"chunk_s": 3})
    assert len({area(), area(ocr={"recognition_model": "x"}), area(area_detector={"samples": 30})}) == 3
    assert area_basis(replace(INFO, mtime_ns=INFO.mtime_ns + 1), Settings()) != area()
    at_address = replace(INFO, path="s3://films/film.mp4", mtime_ns=0, version="v1")
    assert area_basis(at_address, Settings()) != area_basis(replace(at_address, version="v2"), Settings())

    decoder = Settings().decoder
    spans = (ChunkSpan(0, None, 9), ChunkSpan(1, 9, None))
    chunks = chunk_basis(INFO, AREA, spans, "task", decoder)
    assert chunks == chunk_basis(INFO, AREA, spans, "task", decoder.model_copy(update={"threads": 4, "strict": True}))
    others = {
        chunk_basis(INFO, AREA, (ChunkSpan(0, None, 8), ChunkSpan(1, 8, None)), "task", decoder),
        chunk_basis(INFO, replace(AREA, bands=()), spans, "task", decoder),
        chunk_basis(INFO, AREA, spans, "actor", decoder),
    }
    assert len(others | {chunks}) == 4

    facts = EngineFacts("onnxruntime", "cpu", "p", "det", "rec")
    texts = text_basis(chunks, facts, Settings())
    assert texts == text_basis(chunks, replace(facts, device="gpu", provider="q"), Settings())
    assert texts != text_basis(chunks, replace(facts, recognition_model="other"), Settings())
    assert texts != text_basis(chunks, facts, Settings(pipeline={"crops_per_call": 3}))


def test_a_streams_parts_are_those_of_the_very_crops(database: Database) -> None:
    async def scenario() -> None:
        parts = StreamParts(Checkpoint(database, "w"), "b", "c")
        await parts.load()
        assert parts.calls == 0
        assert parts.texts(0, CROPS) is None
        text = (CropText(CROPS[0].crop_id, ()),)
        await parts.keep_report(REPORT)
        await parts.keep_texts(0, text)
        later = StreamParts(Checkpoint(database, "w"), "b", "c")
        await later.load()
        assert later.reports == {3: REPORT}
        assert later.texts(0, CROPS) == text
        assert later.texts(1, CROPS) is None
        assert later.texts(0, (replace(CROPS[0], crop_id="0:7"),)) is None

    asyncio.run(scenario())


def test_a_database_that_comes_back_within_minutes_costs_nothing() -> None:
    waits: list[float] = []
    failures = [ServiceError("The database can't be used.", code="STORAGE_UNAVAILABLE")] * 3

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def write() -> None:
        if failures:
            raise failures.pop()

    asyncio.run(persist(write, sleep))
    assert tuple(waits) == WAITS_S[:3]


def test_one_that_stays_away_and_one_that_is_full_are_errors() -> None:
    tried: list[str] = []

    async def sleep(_: float) -> None:
        """Time does not pass."""

    def away() -> None:
        tried.append("away")
        raise ServiceError("The database can't be used.", code="STORAGE_UNAVAILABLE")

    def full() -> None:
        tried.append("full")
        raise OutputError("The database has no room left.", code="STORAGE_FULL")

    with pytest.raises(ServiceError):
        asyncio.run(persist(away, sleep))
    with pytest.raises(OutputError):
        asyncio.run(persist(full, sleep))
    assert tried == ["away"] * (len(WAITS_S) + 1) + ["full"]
