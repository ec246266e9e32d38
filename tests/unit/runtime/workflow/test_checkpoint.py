"""The book of a workflow: what its stages gave is kept, taken up again and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.stages.test_completeness import INFO
from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, OutputError, ServiceError
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import StageRecord, StageStatus
from yivideo_ray.runtime.workflow import checkpoint
from yivideo_ray.runtime.workflow.checkpoint import (
    ABANDONED_S,
    Book,
    ChunkPlan,
    KeptChunks,
    RunState,
    area_basis,
    chunk_basis,
    forget_abandoned,
    persist,
    readings_basis,
    text_basis,
)
from yivideo_ray.runtime.workflow.own_files import Digest, OwnFiles
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.types import (
    STAGES,
    Band,
    BandEvidence,
    CharReading,
    ChunkReport,
    ChunkSpan,
    CropMeta,
    CropText,
    EngineFacts,
    RejectedRegion,
    RejectionReason,
    Stage,
    SubtitleArea,
    TextLine,
)

EXTRACT, DETECT, CROP, STITCH, OCR, FINALIZE = STAGES
AREA = SubtitleArea(
    (Band("bottom", Box(0, 180, 320, 230), 21.5, BandEvidence(24, 12, 9, 0.97, "it changes")),),
    (RejectedRegion(Box(0, 0, 9, 9), RejectionReason.ALWAYS_THERE, 24),),
)
CROPS = (CropMeta("0:1", 0, Box(0, 180, 320, 230), 0.5, 10, 12, 50, 40, 32, 900, 48, joined_to_pts=9),)
TEXTS = (CropText("0:1", (TextLine("你好 world", 0.98, Box(1, 2, 3, 4), (CharReading("你", 0.99, 0.0, 0.1, 0.0),)),)),)
REPORT = ChunkReport(3, 10, 900, (880,), CROPS, 24, 1, False, "cpu", 0.1 + 0.2, 1e-7)
PLAN = ChunkPlan(AREA, (ChunkSpan(3, None, None),))
STATE = RunState(
    {EXTRACT: StageRecord(EXTRACT, StageStatus.SUCCESS, {}, {"pts": [1]}, None, 2.5)},
    EngineFacts("scripted", "none", "scripted", "rows", "pattern", (("ray", "2"),)),
)


@pytest.fixture
def database(each_database: None, tmp_path: Path) -> Iterator[Database]:
    opened = Database(Settings(storage={"work_dir": tmp_path}).storage)
    yield opened
    opened.close()


def filled(book: Book) -> Book:
    """A book of a whole run: one chunk with a crop, and its text."""
    book.keep_area("a", AREA)
    book.begin_chunks("b", PLAN)
    book.keep_report("b", REPORT)
    book.keep_texts("c", 0, TEXTS)
    book.keep_state(STATE)
    return book


def test_what_is_kept_comes_back_the_same(database: Database, book: Book) -> None:
    assert (book.area("a"), book.chunks("b"), book.reports("b"), book.state()) == (None, None, {}, None)
    filled(book)
    again = Book(database, "w")
    assert again.area("a") == AREA
    assert again.chunks("b") == ("b", PLAN)
    assert again.reports("b") == {3: REPORT}
    assert again.begin_texts("c") == {0: TEXTS}
    assert again.state() == STATE
    assert Book(database, "other").reports("b") == {}


def test_what_rests_on_something_else_is_not_taken_and_is_replaced(book: Book) -> None:
    book.keep_area("old", AREA)
    assert book.area("new") is None
    assert book.area(None) == AREA
    book.keep_area("new", replace(AREA, rejected=()))
    assert book.area("old") is None


def test_other_chunks_leave_nothing_of_those_before(book: Book) -> None:
    filled(book).begin_chunks("other", PLAN)
    assert book.reports("b") == {}
    assert book.begin_texts("c") == {}


def test_other_texts_leave_none_of_those_before(book: Book) -> None:
    assert filled(book).begin_texts("other") == {}
    assert book.begin_texts("c") == {}


def as_kept_before(database: Database) -> None:
    """Makes all parts those of an earlier version, whose fingerprints were digests alone."""
    with database.begin() as connection:
        connection.execute(tables.parts.update().values(fingerprint="0" * 64))


def test_parts_of_another_format_are_not_taken_whatever_they_rest_on_and_said_to_be_there(
    database: Database, book: Book
) -> None:
    filled(book)
    as_kept_before(database)
    assert (book.area(None), book.chunks(None), book.reports("0" * 64)) == (None, None, {})
    for ask in (book.readings, lambda: book.require(FINALIZE), lambda: book.require(OCR), lambda: book.require(CROP)):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.code.name == "RECORD_OUTDATED"
        assert "leave out --from" in str(caught.value)
    assert book.begin_texts("c") == {}
    # Which stages there were is told whatever the format, and which files are ours is worth more than any.
    assert book.state() == STATE
    filled(book)
    assert book.readings()[1].texts == TEXTS


def test_which_files_are_ours_is_known_whatever_the_format(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnFiles({"a.srt": (Digest.of(b"1"),)}, {"a.srt": Digest.of(b"1")}, "basis")
    book.keep_own_files(own)
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + 1)
    assert book.own_files() == own


def test_a_fingerprint_has_room_for_the_format_in_front_of_it() -> None:
    column = tables.parts.c.fingerprint.type
    assert isinstance(column, sa.String)
    assert column.length is not None
    assert len(f"999.{readings_basis(INFO, Settings())}") <= column.length


def test_all_that_was_read_rests_on_the_settings_of_the_stages_that_read(book: Book) -> None:
    def basis(**sections: dict[str, object]) -> str:
        return readings_basis(INFO, Settings(**sections))  # type: ignore[arg-type]

    assert basis() == basis(postprocessor={"layers": "all", "min_confidence": 0.1}, subtitles={"formats": ["ass"]})
    assert basis() == basis(gpu={"device": "cpu"}, storage={"work_dir": "/elsewhere"})
    assert len({basis(), basis(area_detector={"samples": 30}), basis(ocr={"recognition_model": "x"})}) == 3
    assert not book.rests_on(basis())
    filled(book).keep_state(replace(STATE, basis=basis()))
    assert book.rests_on(basis())
    assert not book.rests_on(basis(area_detector={"samples": 30}))
    book.forget([CROP])
    assert not book.rests_on(basis())


def test_a_damaged_part_counts_as_absent(database: Database, book: Book) -> None:
    filled(book)
    with database.begin() as connection:
        connection.execute(tables.parts.update().values(body=b"x"))
    assert (book.area(None), book.chunks(None), book.reports("b"), book.begin_texts("c")) == (None, None, {}, {})


def test_a_whole_run_is_read_from_its_book(book: Book) -> None:
    area, readings = filled(book).readings()
    assert area == AREA
    assert (readings.crops, readings.texts, readings.spans, readings.reports) == (CROPS, TEXTS, PLAN.spans, (REPORT,))


@pytest.mark.parametrize(
    ("stage", "missing"),
    [(DETECT, "the crops' times"), (CROP, "the crops' times"), (STITCH, "the texts read"), (OCR, "the texts read")],
)
def test_what_a_stage_and_those_behind_it_gave_is_forgotten_and_missed(book: Book, stage: Stage, missing: str) -> None:
    filled(book).forget_from(stage)
    with pytest.raises(ConfigError) as caught:
        book.readings()
    assert caught.value.code.name == "RECORD_MISSING"
    assert caught.value.facts["missing"] == missing
    assert book.state() == STATE


def test_nothing_is_forgotten_for_the_last_stage(book: Book) -> None:
    filled(book).forget_from(FINALIZE)
    assert book.readings()[1].texts == TEXTS


@pytest.mark.parametrize("start_at", STAGES)
def test_where_nothing_was_kept_only_the_first_stages_can_be_started_at(book: Book, start_at: Stage) -> None:
    if start_at in (EXTRACT, DETECT):
        book.require(start_at)
        return
    with pytest.raises(ConfigError) as caught:
        book.require(start_at)
    assert caught.value.code.name == "RECORD_MISSING"


def test_an_area_is_enough_to_start_at_the_crops_and_not_behind_them(book: Book) -> None:
    book.keep_area("a", AREA)
    book.require(CROP)
    with pytest.raises(ConfigError):
        book.require(OCR)
    book.begin_chunks("b", PLAN)
    book.require(OCR)


def test_what_is_forgotten_is_that_of_one_workflow_only(database: Database) -> None:
    for name in ("w", "other"):
        filled(Book(database, name))
    Book(database, "w").forget(STAGES)
    assert Book(database, "w").reports("b") == {}
    assert Book(database, "other").reports("b") != {}


def test_a_stage_can_be_forgotten_alone(book: Book) -> None:
    filled(book).forget(STAGES[:2])
    assert book.area(None) is None
    assert book.readings()[1].texts == TEXTS


def test_the_parts_of_runs_that_nobody_came_back_to_are_dropped_after_a_month(database: Database) -> None:
    for name, kept in (("old", 0.0), ("new", ABANDONED_S)):
        filled(Book(database, name))
        with database.begin() as connection:
            connection.execute(tables.parts.update().where(tables.parts.c.workflow_id == name).values(kept=kept))
    forget_abandoned(database, ABANDONED_S + 1)
    assert Book(database, "old").reports("b") == {}
    assert Book(database, "new").reports("b") != {}


def test_a_fingerprint_tells_what_decides_the_result_and_nothing_else() -> None:
    def area(**sections: dict[str, object]) -> str:
        return area_basis(INFO, Settings(**sections))  # type: ignore[arg-type]

    assert area() == area(ocr={"threads": 3, "batch_size": 2}, pipeline={"chunk_s": 3})
    assert len({area(), area(ocr={"recognition_model": "x"}), area(area_detector={"samples": 30})}) == 3
    assert area_basis(replace(INFO, mtime_ns=INFO.mtime_ns + 1), Settings()) != area()
    at_address = replace(INFO, path="s3://films/film.mp4", mtime_ns=0, version="v1")
    assert area_basis(at_address, Settings()) != area_basis(replace(at_address, version="v2"), Settings())

    decoder = Settings().decoder
    chunks = chunk_basis(INFO, AREA, decoder)
    assert chunks == chunk_basis(INFO, AREA, decoder.model_copy(update={"threads": 4, "strict": True}))
    others = {
        chunk_basis(INFO, replace(AREA, bands=()), decoder),
        chunk_basis(INFO, AREA, decoder.model_copy(update={"backend": "cuda"})),
    }
    assert len(others | {chunks}) == 3

    facts = EngineFacts("onnxruntime", "cpu", "p", "det", "rec")
    texts = text_basis(chunks, facts, Settings())
    assert texts == text_basis(chunks, replace(facts, device="gpu", provider="q"), Settings())
    assert texts != text_basis(chunks, replace(facts, recognition_model="other"), Settings())
    assert texts != text_basis(chunks, facts, Settings(pipeline={"crops_per_call": 3}))


def test_kept_texts_are_those_of_the_very_crops(book: Book) -> None:
    async def scenario() -> None:
        kept = KeptChunks(book, "b", "c")
        await kept.load()
        assert kept.calls == 0
        assert kept.texts(0, CROPS) is None
        await kept.keep_report(REPORT)
        await kept.keep_texts(0, TEXTS)
        later = KeptChunks(book, "b", "c")
        await later.load()
        assert later.reports == {3: REPORT}
        assert later.texts(0, CROPS) == TEXTS
        assert later.texts(1, CROPS) is None
        assert later.texts(0, (replace(CROPS[0], crop_id="0:7"),)) is None

    asyncio.run(scenario())


@pytest.mark.usefixtures("no_waits")
def test_a_database_that_comes_back_within_minutes_costs_nothing() -> None:
    failures = [ServiceError("The database can't be used.", code="STORAGE_UNAVAILABLE")] * 10

    def write() -> None:
        if failures:
            raise failures.pop()

    asyncio.run(persist(write))
    assert failures == []


@pytest.mark.usefixtures("no_waits")
def test_one_that_stays_away_and_one_that_is_full_are_errors() -> None:
    tried: list[str] = []

    def away() -> None:
        tried.append("away")
        raise ServiceError("The database can't be used.", code="STORAGE_UNAVAILABLE")

    def full() -> None:
        tried.append("full")
        raise OutputError("The database has no room left.", code="STORAGE_FULL")

    with pytest.raises(ServiceError):
        asyncio.run(persist(away))
    with pytest.raises(OutputError):
        asyncio.run(persist(full))
    assert tried == ["away"] * 11 + ["full"]
