"""A small video, the book of its workflow, and runs of it of which only what becomes of their outputs is real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.cues import cue
from tests.support.videos import make_video
from yivideo_ray.config import Settings
from yivideo_ray.errors import ResultWarning
from yivideo_ray.jobs import Job, Outcome, StageRecord, StageStatus
from yivideo_ray.media import probe
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.outputs import document, output_path, subtitle_files
from yivideo_ray.runtime.workflow.own_files import record_name
from yivideo_ray.runtime.workflow.publishing import Publication
from yivideo_ray.storage.database import Database
from yivideo_ray.types import STAGES, EngineFacts, Stage

CUES = (cue(0, 900, "你好", "Hello"), cue(900, 1800, "再见", "there"))
ENDED = tuple(StageRecord(stage, StageStatus.SUCCESS, {"a": 1}, {"b": [2]}, None, 1.5) for stage in STAGES)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("videos") / "film.mp4", frames=30)


@pytest.fixture
def video(made: Path, tmp_path: Path) -> Path:
    path = tmp_path / "films" / "film.mp4"
    path.parent.mkdir()
    path.write_bytes(made.read_bytes())
    return path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(asking(tmp_path).storage)
    yield opened
    opened.close()


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database, "w")


def asking(tmp_path: Path, **sections: Mapping[str, object]) -> Settings:
    return Settings(storage={"work_dir": tmp_path / "work"}, **sections)  # type: ignore[arg-type]


class Run:
    """A run of a video, of which only what becomes of its outputs is real."""

    def __init__(self, book: Book, job: Job, settings: Settings) -> None:
        self.job = job
        assert isinstance(job.video, Path)
        self.info = probe(job.video, settings.decoder)
        self.book = book.named(record_name(job.video, output_path(job, ".json").parent))
        self.publication = Publication(job, self.info, settings, book)
        self.tracks = subtitle_files(job, self.info, CUES, settings)
        self.files = self.tracks.data if Stage.POSTPROCESS_AND_FINALIZE in job.chain else {}

    def write(self, warnings: tuple[ResultWarning, ...] = ()) -> Outcome:
        outputs = (*self.files, output_path(self.job, ".json"))
        self.left = self.publication.prepare(outputs)
        outcome = Outcome(
            "w",
            self.job.video,
            ENDED,
            self.info,
            cues=CUES,
            engine=EngineFacts("scripted", "cpu", "none", "rows", "pattern"),
            outputs=outputs,
            tracks=self.tracks.tracks,
            warnings=warnings,
        )
        asyncio.run(self.publication.put_in_place({**self.files, outputs[-1]: document(outcome)}))
        return outcome
