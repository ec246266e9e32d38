"""One video through all stages in this process, without Ray, read by the scripted engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.journal import Journal
from yivideo_ray.media import probe
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
from yivideo_ray.pipeline import InProcess
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.workflow import Workflow
from yivideo_ray.storage.database import Database
from yivideo_ray.types import EngineFacts

__all__ = ["run_in_process"]


def run_in_process(
    video: Path, directory: Path, *, job: dict[str, Any] | None = None, **sections: dict[str, Any]
) -> Outcome:
    """Returns how the workflow ended; its files go to the directory, over those that are there, its book below it. job:
    further fields of the Job, sections: settings. Errors: YivideoError, where a session would tell of it."""
    settings = Settings(storage={"work_dir": directory / "work"}, **sections)  # type: ignore[arg-type]
    info = probe(video, settings.decoder)
    events: list[Event] = []
    journal = Journal(workflow_id(info), str(video), info.duration_s, events.append)
    database = Database(settings.storage)
    try:
        book = Book(database, journal.workflow_id)
        stages = InProcess(info, settings, journal, _engine)
        wanted = Job(video, output_dir=directory, overwrite=True, **(job or {}))
        return asyncio.run(Workflow(wanted, info, journal, book, stages=stages, settings=settings).run())
    finally:
        database.close()


def _engine() -> tuple[OcrModels, EngineFacts]:
    engine = ScriptedEngine(Script())
    return engine, engine.load()
