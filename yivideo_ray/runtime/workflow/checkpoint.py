"""The book of a workflow: what its stages gave, kept in the database as it comes. It is the only record of a run.

A killed run goes on from it, and `--from` a stage forgets what that stage and those behind it gave. Its parts: the
area, the chunks that the video is cut into, the report on each, the texts of each group of crops, and how the run
stands. A part counts only for the work that it came from: its fingerprint tells the video, the settings and the parts
that it rests on. The settings of the last stage are in none of them: other subtitles, from the same texts, are made
without a frame. Pixels are not kept; a chunk whose pictures are needed once more is decoded again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from yivideo_ray import __version__
from yivideo_ray.config import DecoderSettings, Settings
from yivideo_ray.errors import ConfigError, ServiceError
from yivideo_ray.jobs import StageRecord
from yivideo_ray.pipeline import Readings
from yivideo_ray.retries import RetryPolicy, retry_async
from yivideo_ray.runtime.workflow.own_files import OwnFiles
from yivideo_ray.stages.crop_subtitle_images import CropGroups
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put
from yivideo_ray.types import (
    STAGES,
    ChunkReport,
    ChunkSpan,
    CropMeta,
    CropText,
    EngineFacts,
    Stage,
    SubtitleArea,
    VideoInfo,
)

__all__ = [
    "Book",
    "ChunkPlan",
    "KeptChunks",
    "RunState",
    "area_basis",
    "chunk_basis",
    "forget_abandoned",
    "persist",
    "readings_basis",
    "result_basis",
    "text_basis",
]

# Grows when the same video and settings give other parts: those kept before are then worked out again. It stands in
# front of each fingerprint.
FORMAT = 7
# So that it has room there.
_DIGEST_CHARS = 56
# What nobody came back to. Which files are ours takes little room, and is worth more than a month.
ABANDONED_S, FORGOTTEN_S = 30 * 86400.0, 365 * 86400.0
# A database that is restarted costs no workflow: some four minutes in all.
WHILE_AWAY = RetryPolicy(attempts=11, total_s=300.0, first_wait_s=0.5, longest_wait_s=60.0, jitter_s=0.25)


@dataclass(slots=True)
class RunState:
    """How a run stands: its stages, what ran the models, and whether it came to its end. basis: readings_basis of what
    was read ("": not all is read, or nobody can tell)."""

    stages: dict[Stage, StageRecord] = field(default_factory=dict)
    engine: EngineFacts | None = None
    finished: bool = False
    basis: str = ""


@dataclass(slots=True)
class ChunkPlan:
    """What the chunks' reports rest on: the area by which crops were cut, and how the video was cut into chunks."""

    area: SubtitleArea
    spans: tuple[ChunkSpan, ...]


_KINDS: dict[str, tuple[Stage | None, TypeAdapter[Any]]] = {
    "area": (Stage.DETECT_SUBTITLE_AREA, TypeAdapter(SubtitleArea)),
    "chunks": (Stage.CROP_SUBTITLE_IMAGES, TypeAdapter(ChunkPlan)),
    "report": (Stage.CROP_SUBTITLE_IMAGES, TypeAdapter(ChunkReport)),
    "texts": (Stage.PERFORM_OCR, TypeAdapter(tuple[CropText, ...])),
    "state": (None, TypeAdapter(RunState)),
    "outputs": (None, TypeAdapter(OwnFiles)),
    "pictures": (None, TypeAdapter(OwnFiles)),
}
"""The kinds of parts, each with the stage that makes it and its codec."""
_AREA = TypeAdapter(SubtitleArea)


def area_basis(info: VideoInfo, settings: Settings) -> str:
    """Returns the fingerprint of what a video's area rests on."""
    return _digest(*info.identity, settings.area_detector.model_dump(mode="json"), _engine_settings(settings))


def chunk_basis(info: VideoInfo, area: SubtitleArea, decoder: DecoderSettings) -> str:
    """Returns the fingerprint of what the chunks' reports rest on. The pictures' decoder may round otherwise."""
    return _digest(*info.identity, _AREA.dump_python(area, mode="json"), decoder.backend)


def text_basis(chunks: str, engine: EngineFacts | None, settings: Settings) -> str:
    """Returns the fingerprint of what the groups' texts rest on; chunks is that of the chunks."""
    models = None if engine is None else (engine.engine, engine.detection_model, engine.recognition_model)
    return _digest(chunks, models, _engine_settings(settings), settings.pipeline.crops_per_call)


def readings_basis(info: VideoInfo, settings: Settings) -> str:
    """Returns the fingerprint of what decides all that is read of a video, whatever subtitles are made of it."""
    return _digest(*info.identity, __version__, _deciding(settings, _OF_THE_LAST_STAGE))


def result_basis(info: VideoInfo, chain: Sequence[Stage], settings: Settings) -> str:
    """Returns the fingerprint of what decides a video's outputs: all settings but those by which it only becomes
    faster, runs elsewhere, or is refused."""
    return _digest(*info.identity, __version__, [*chain], _deciding(settings))


def _deciding(settings: Settings, but: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude={**_DECIDES_NOTHING, **(but or {})})


_DECIDES_NOTHING: dict[str, Any] = {
    "gpu_lock": True,
    "gpu": True,
    "ocr": {"batch_size", "threads"},
    "decoder": {"threads", "max_dimension_px", "max_pixels", "max_duration_s", "url_timeout_s"},
    "pipeline": {"chunk_s", "chunks_in_flight"},
    "serve": True,
    "storage": True,
    "logging": True,
}
_OF_THE_LAST_STAGE: dict[str, Any] = {"postprocessor": True, "subtitles": True}


def _engine_settings(settings: Settings) -> dict[str, Any]:
    return settings.ocr.model_dump(mode="json", exclude={"batch_size", "threads", "language"})


def _digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *facts], sort_keys=True).encode()).hexdigest()[:_DIGEST_CHARS]


class Book:
    """The parts of one workflow. basis: the fingerprint that they must have (None: any). Calls block. Errors: those of
    the database; what is damaged counts as absent."""

    def __init__(self, database: Database, workflow_id: str) -> None:
        self._database = database
        self._workflow_id = workflow_id

    def named(self, name: str) -> Book:
        """Returns the book of another name in the same database."""
        return Book(self._database, name)

    def own_files(self, kind: str = "outputs") -> OwnFiles:
        """Returns which files are ours; kind: outputs or pictures. The book's name is own_files.record_name's."""
        return next((own for _, own in self._parts(kind, None).values()), OwnFiles())

    def keep_own_files(self, own: OwnFiles, kind: str = "outputs") -> None:
        self._keep(kind, 0, own.basis, own)

    def state(self) -> RunState | None:
        """Returns how the last run stands; None: there was none."""
        return next((state for _, state in self._parts("state", None).values()), None)

    def keep_state(self, state: RunState) -> None:
        self._keep("state", 0, "", state)

    def area(self, basis: str | None) -> SubtitleArea | None:
        return next((area for _, area in self._parts("area", basis).values()), None)

    def keep_area(self, basis: str, area: SubtitleArea) -> None:
        self._keep("area", 0, basis, area)

    def chunks(self, basis: str | None) -> tuple[str, ChunkPlan] | None:
        """Returns the chunks, and the fingerprint that their reports have."""
        return next(iter(self._parts("chunks", basis).values()), None)

    def begin_chunks(self, basis: str, plan: ChunkPlan) -> None:
        """Keeps how the video is cut, and forgets the reports and texts of other cuts."""
        self._delete("report", "texts")
        self._keep("chunks", 0, basis, plan)

    def reports(self, basis: str) -> dict[int, ChunkReport]:
        """Returns the reports by their chunk's index."""
        return {number: report for number, (_, report) in self._parts("report", basis).items()}

    def keep_report(self, basis: str, report: ChunkReport) -> None:
        self._keep("report", report.index, basis, report)

    def begin_texts(self, basis: str) -> dict[int, tuple[CropText, ...]]:
        """Returns the texts by their group's number, and forgets those of another basis."""
        self._delete("texts", other_than=_marked("texts", basis))
        return {number: texts for number, (_, texts) in self._parts("texts", basis).items()}

    def keep_texts(self, basis: str, number: int, texts: tuple[CropText, ...]) -> None:
        self._keep("texts", number, basis, texts)

    def readings(self) -> tuple[SubtitleArea, Readings]:
        """Returns all that was read, whatever the settings were, and the area by which it was cut.

        Errors: ConfigError RECORD_MISSING where the report on a chunk, or the text of a crop, is missing, and
        RECORD_OUTDATED where an earlier version kept them.
        """
        found = self.chunks(None)
        if found is None:
            raise self._lacks("the crops' times", Stage.CROP_SUBTITLE_IMAGES)
        basis, plan = found
        reports = [report for _, report in sorted(self.reports(basis).items())]
        groups: CropGroups[None] = CropGroups(1)
        for report in reports:
            groups.take(report.crops, None)
            groups.end_chunk(report)
        texts = [text for _, (_, texts) in sorted(self._parts("texts", None).items()) for text in texts]
        if len(reports) < len(plan.spans) or len(texts) < len(groups.metas):
            raise self._lacks("the texts read", Stage.PERFORM_OCR)
        return plan.area, Readings(tuple(groups.metas), tuple(texts), plan.spans, tuple(reports))

    def require(self, start_at: Stage) -> None:
        """Errors: ConfigError RECORD_MISSING if what the stages before start_at gave is not there, as far as that can
        be told without reading all of it, and RECORD_OUTDATED if an earlier version kept it."""
        before = STAGES[: STAGES.index(start_at)]
        chunks = self.chunks(None)
        if Stage.CREATE_STITCHED_IMAGES in before or start_at is Stage.CREATE_STITCHED_IMAGES:
            if chunks is None:
                raise self._lacks("the crops' times", Stage.CROP_SUBTITLE_IMAGES)
        elif Stage.DETECT_SUBTITLE_AREA in before and self.area(None) is None:
            raise self._lacks("the subtitle area", Stage.DETECT_SUBTITLE_AREA)

    def rests_on(self, basis: str) -> bool:
        """Returns whether all that was read rests on what has this fingerprint (readings_basis)."""
        state = self.state()
        return state is not None and state.basis == basis and self.chunks(None) is not None

    def forget_from(self, stage: Stage) -> None:
        """Forgets what a stage and those behind it gave."""
        self.forget(STAGES[STAGES.index(stage) :])

    def forget(self, stages: Collection[Stage]) -> None:
        """Forgets what some stages gave."""
        self._delete(*(kind for kind, (maker, _) in _KINDS.items() if maker in stages))

    def _parts(self, kind: str, basis: str | None) -> dict[int, tuple[str, Any]]:
        """Returns the parts of a kind by their number, each with its fingerprint."""
        parts = tables.parts.c
        wanted = sa.select(parts.number, parts.fingerprint, parts.body).where(
            parts.workflow_id == self._workflow_id,
            parts.kind == kind,
            parts.fingerprint.startswith(_marked(kind, ""))
            if basis is None
            else parts.fingerprint == _marked(kind, basis),
        )
        with self._database.begin() as connection:
            rows = connection.execute(wanted).all()
        found = {}
        for number, fingerprint, body in rows:
            try:
                found[number] = (
                    fingerprint.removeprefix(_marked(kind, "")),
                    _KINDS[kind][1].validate_json(zlib.decompress(body)),
                )
            except (zlib.error, ValidationError):
                continue
        return found

    def _keep(self, kind: str, number: int, basis: str, value: Any) -> None:
        body = zlib.compress(_KINDS[kind][1].dump_json(value), 1)
        key = {"workflow_id": self._workflow_id, "kind": kind, "number": number}
        with self._database.begin() as connection:
            put(connection, tables.parts, key, {"fingerprint": _marked(kind, basis), "kept": time.time(), "body": body})

    def _lacks(self, what: str, maker: Stage) -> ConfigError:
        """Returns the error that says what is not there of what a stage makes, and that it was, if it was."""
        parts, kinds = tables.parts.c, [kind for kind, (stage, _) in _KINDS.items() if stage is maker]
        wanted = sa.select(parts.kind, parts.fingerprint).where(
            parts.workflow_id == self._workflow_id, parts.kind.in_(kinds)
        )
        with self._database.begin() as connection:
            rows = connection.execute(wanted).all()
        if any(not fingerprint.startswith(_marked(kind, "")) for kind, fingerprint in rows):
            sentence = (
                "What was read of this video was kept by another version of yivideo, and is of no use to this one."
            )
            return ConfigError(sentence, code="RECORD_OUTDATED", missing=what)
        sentence = f"The record of this video does not hold {what}, which {maker} makes."
        return ConfigError(sentence, code="RECORD_MISSING", missing=what)

    def _delete(self, *kinds: str, other_than: str | None = None) -> None:
        parts = tables.parts.c
        with self._database.begin() as connection:
            connection.execute(
                tables.parts.delete().where(
                    parts.workflow_id == self._workflow_id,
                    parts.kind.in_(kinds),
                    sa.true() if other_than is None else parts.fingerprint != other_than,
                )
            )


@dataclass(slots=True)
class KeptChunks:
    """What earlier runs kept of one video's chunks and groups, and the keeping of new ones from an event loop.

    chunks and groups are the fingerprints. Errors of keeping: the database's, after minutes.
    """

    book: Book
    chunks: str
    groups: str
    reports: dict[int, ChunkReport] = field(default_factory=dict)
    _texts: dict[int, tuple[CropText, ...]] = field(default_factory=dict)

    async def load(self) -> None:
        self.reports = await asyncio.to_thread(self.book.reports, self.chunks)
        self._texts = await asyncio.to_thread(self.book.begin_texts, self.groups)

    @property
    def calls(self) -> int:
        """How many groups' texts there are."""
        return len(self._texts)

    def texts(self, number: int, metas: Sequence[CropMeta]) -> tuple[CropText, ...] | None:
        """Returns the texts of a group if they are there, and are those of these very crops."""
        kept = self._texts.get(number, ())
        return kept if metas and [text.crop_id for text in kept] == [meta.crop_id for meta in metas] else None

    async def keep_report(self, report: ChunkReport) -> None:
        await persist(lambda: self.book.keep_report(self.chunks, report))

    async def keep_texts(self, number: int, texts: tuple[CropText, ...]) -> None:
        await persist(lambda: self.book.keep_texts(self.groups, number, texts))


async def persist(write: Callable[[], None]) -> None:
    """Runs a write in a thread, again and again for some minutes while the database can't be reached."""
    await retry_async(lambda: asyncio.to_thread(write), WHILE_AWAY, _is_away)


def _is_away(error: Exception) -> bool:
    # Room on a disk is not made within minutes.
    return isinstance(error, ServiceError) and error.retryable


def forget_abandoned(database: Database, now: float) -> None:
    """Drops the parts of runs a month after they were kept, those of the service's workflows excepted, and after a year
    what is known of their files."""
    parts, workflows = tables.parts.c, tables.workflows.c
    lasting = parts.kind.in_(("outputs", "pictures"))
    with database.begin() as connection:
        connection.execute(
            tables.parts.delete().where(
                parts.kept < sa.case((lasting, now - FORGOTTEN_S), else_=now - ABANDONED_S),
                parts.workflow_id.not_in(sa.select(workflows.workflow_id)),
            )
        )


def _marked(kind: str, basis: str) -> str:
    """Returns a fingerprint as the database has it. What is no stage's outlasts all formats."""
    maker, _ = _KINDS[kind]
    return basis if maker is None else f"{FORMAT}.{basis}"
