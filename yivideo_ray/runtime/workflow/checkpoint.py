"""What a workflow has worked out so far, kept in the database as it comes, so that a killed run goes on there.

The parts are: the area with the stages that found it, each chunk's report, and the texts of each group of crops. A
part counts only for the work that it came from: its fingerprint tells the video, the settings and the parts that it
rests on. Pixels are not kept; a chunk whose pictures are needed once more is decoded again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.errors import ServiceError
from yivideo_ray.jobs import StageRecord
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put
from yivideo_ray.types import ChunkReport, ChunkSpan, CropMeta, CropText, EngineFacts, Stage, SubtitleArea, VideoInfo

__all__ = ["Checkpoint", "FoundArea", "StreamParts", "area_basis", "chunk_basis", "forget_abandoned", "text_basis"]

# Grows when the same video and settings give other parts: those kept before are then worked out again.
FORMAT = 4
# What a command left behind that was killed and never run again.
ABANDONED_S = 30 * 86400.0
# A database that is restarted costs no workflow: in seconds, some four minutes in all.
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0)


@dataclass(slots=True)
class FoundArea:
    """What the first two stages put out."""

    area: SubtitleArea
    stages: dict[Stage, StageRecord]


_AREA = TypeAdapter(FoundArea)
_REPORT = TypeAdapter(ChunkReport)
_TEXTS = TypeAdapter(tuple[CropText, ...])
_PLAIN_AREA = TypeAdapter(SubtitleArea)


def area_basis(info: VideoInfo, settings: Settings) -> str:
    """Returns the fingerprint of what a video's area rests on."""
    return _digest(*info.identity, settings.area_detector.model_dump(mode="json"), _engine_settings(settings))


def chunk_basis(
    info: VideoInfo, area: SubtitleArea, spans: Sequence[ChunkSpan], runs_on: str, decoder: DecoderSettings
) -> str:
    """Returns the fingerprint of what the chunks' reports rest on. The pictures' decoder may round otherwise."""
    # They are as many as the cluster has cores for, which may be another when the work is gone on with.
    cuts = [span.end_pts for span in spans]
    return _digest(*info.identity, _PLAIN_AREA.dump_python(area, mode="json"), cuts, runs_on, decoder.backend)


def text_basis(chunks: str, engine: EngineFacts | None, settings: Settings) -> str:
    """Returns the fingerprint of what the groups' texts rest on; chunks is that of the chunks."""
    models = None if engine is None else (engine.engine, engine.detection_model, engine.recognition_model)
    return _digest(chunks, models, _engine_settings(settings), settings.pipeline.crops_per_call)


def _engine_settings(settings: Settings) -> dict[str, Any]:
    return settings.ocr.model_dump(mode="json", exclude={"batch_size", "threads"})


def _digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *facts], sort_keys=True).encode()).hexdigest()


class Checkpoint:
    """The parts of one workflow. Calls block. Errors: those of the database; what is damaged counts as absent."""

    def __init__(self, database: Database, workflow_id: str) -> None:
        self._database = database
        self._workflow_id = workflow_id

    def area(self, basis: str) -> FoundArea | None:
        return next(iter(self._read("area", basis, _AREA).values()), None)

    def keep_area(self, basis: str, found: FoundArea) -> None:
        self._keep("area", 0, basis, _AREA, found)

    def reports(self, basis: str) -> dict[int, ChunkReport]:
        """Returns the reports by their chunk's index."""
        return self._read("report", basis, _REPORT)

    def keep_report(self, basis: str, report: ChunkReport) -> None:
        self._keep("report", report.index, basis, _REPORT, report)

    def texts(self, basis: str) -> dict[int, tuple[CropText, ...]]:
        """Returns the texts by their group's number."""
        return self._read("texts", basis, _TEXTS)

    def keep_texts(self, basis: str, number: int, texts: tuple[CropText, ...]) -> None:
        self._keep("texts", number, basis, _TEXTS, texts)

    def clear(self) -> None:
        with self._database.begin() as connection:
            connection.execute(tables.parts.delete().where(tables.parts.c.workflow_id == self._workflow_id))

    def _read(self, kind: str, basis: str, adapter: TypeAdapter[Any]) -> dict[int, Any]:
        parts = tables.parts.c
        wanted = sa.select(parts.number, parts.body).where(
            parts.workflow_id == self._workflow_id, parts.kind == kind, parts.fingerprint == basis
        )
        with self._database.begin() as connection:
            rows = connection.execute(wanted).all()
        found = {}
        for number, body in rows:
            try:
                found[number] = adapter.validate_json(zlib.decompress(body))
            except (zlib.error, ValidationError):
                continue
        return found

    def _keep(self, kind: str, number: int, basis: str, adapter: TypeAdapter[Any], value: Any) -> None:
        body = zlib.compress(adapter.dump_json(value), 1)
        key = {"workflow_id": self._workflow_id, "kind": kind, "number": number}
        with self._database.begin() as connection:
            put(connection, tables.parts, key, {"fingerprint": basis, "kept": time.time(), "body": body})


@dataclass(slots=True)
class StreamParts:
    """The reports and texts of one stream: those of earlier runs, and the keeping of new ones from an event loop.

    chunks and groups are the fingerprints of what they rest on. Errors of keeping: the database's, after minutes.
    """

    checkpoint: Checkpoint
    chunks: str
    groups: str
    reports: dict[int, ChunkReport] = field(default_factory=dict)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _texts: dict[int, tuple[CropText, ...]] = field(default_factory=dict)

    async def load(self) -> None:
        self.reports = await asyncio.to_thread(self.checkpoint.reports, self.chunks)
        self._texts = await asyncio.to_thread(self.checkpoint.texts, self.groups)

    @property
    def calls(self) -> int:
        """How many groups' texts there are."""
        return len(self._texts)

    def texts(self, number: int, metas: Sequence[CropMeta]) -> tuple[CropText, ...] | None:
        """Returns the texts of a group if they are there, and are those of these very crops."""
        kept = self._texts.get(number, ())
        return kept if metas and [text.crop_id for text in kept] == [meta.crop_id for meta in metas] else None

    async def keep_report(self, report: ChunkReport) -> None:
        await persist(lambda: self.checkpoint.keep_report(self.chunks, report), self.sleep)

    async def keep_texts(self, number: int, texts: tuple[CropText, ...]) -> None:
        await persist(lambda: self.checkpoint.keep_texts(self.groups, number, texts), self.sleep)


async def persist(write: Callable[[], None], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Runs a write in a thread, again and again for some minutes while the database can't be reached."""
    for wait_s in WAITS_S:
        try:
            return await asyncio.to_thread(write)
        except ServiceError as error:
            if not error.retryable:
                raise
        await sleep(wait_s)
    return await asyncio.to_thread(write)


def forget_abandoned(database: Database, now: float) -> None:
    """Drops the parts of runs that nobody went on with for a month, those of the service's workflows excepted."""
    parts, workflows = tables.parts.c, tables.workflows.c
    with database.begin() as connection:
        connection.execute(
            tables.parts.delete().where(
                parts.kept < now - ABANDONED_S, parts.workflow_id.not_in(sa.select(workflows.workflow_id))
            )
        )
