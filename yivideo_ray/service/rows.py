"""The rows of workflows and events: as values and back, and reading and writing them within a transaction.

Text is JSON of ASCII characters alone: names of files may hold bytes that no encoding knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.codec import as_plain, parsed, plain
from yivideo_ray.errors import ServiceError, warning_of
from yivideo_ray.jobs import Event, Priority, StageRecord, StageStatus
from yivideo_ray.locations import location_of
from yivideo_ray.progress import plain_record
from yivideo_ray.service.contract import WorkflowState, WorkflowView
from yivideo_ray.storage import tables
from yivideo_ray.types import Stage

__all__ = [
    "COLUMN",
    "WORKFLOWS",
    "append",
    "chain_of",
    "conflict",
    "count",
    "day",
    "dumped",
    "event_text",
    "fetch",
    "forget",
    "joined",
    "parsed_event",
    "require_video",
    "stage_text",
    "stages_of",
    "update",
    "view_of",
    "viewed",
]

Row = Mapping[str, Any]


def dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def chain_of(row: Row) -> tuple[Stage, ...]:
    return tuple(Stage(name) for name in json.loads(row["chain"]))


def stage_text(records: Iterable[StageRecord]) -> str:
    return dumped([as_plain(plain_record(record)) for record in records])


def stages_of(row: Row) -> dict[Stage, StageRecord]:
    """Returns the records that are there, of any stages."""
    return {record.stage: record for record in parsed(tuple[StageRecord, ...], row["stages"])}


def event_text(event: Event) -> str:
    return dumped(as_plain(replace(event, data=plain(event.data))))


def parsed_event(body: str) -> Event:
    return parsed(Event, body)


def view_of(row: Row, queue_position: int | None) -> WorkflowView:
    chain, records = chain_of(row), stages_of(row)
    outputs = tuple(Path(path) for path in json.loads(row["outputs"]))
    state = WorkflowState(row["state"])
    return WorkflowView(
        workflow_id=row["workflow_id"],
        state=state,
        video=location_of(json.loads(row["video"])),
        chain=chain,
        priority=Priority(row["priority"]),
        stages=tuple(records.get(stage, StageRecord(stage, StageStatus.PENDING)) for stage in chain),
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        percent=row["percent"],
        eta_s=row["eta_s"],
        queue_position=queue_position,
        outputs=outputs,
        error=None if row["error"] is None else json.loads(row["error"]),
        warnings=tuple(warning_of(told) for told in json.loads(row["warnings"])),
        partial=row["partial"],
        callback_url=row["callback_url"],
        result=next((path for path in outputs if path.suffix == ".json"), None),
        cancelling=row["cancelling"],
        video_swept=row["video_swept"],
    )


WORKFLOWS = tables.workflows
COLUMN = tables.workflows.c


def fetch(connection: Connection, workflow_id: str) -> Row:
    found = connection.execute(sa.select(WORKFLOWS).where(COLUMN.workflow_id == workflow_id)).mappings().first()
    if found is not None:
        return dict(found)
    forgotten = tables.swept.c
    swept = connection.scalar(sa.select(forgotten.swept).where(forgotten.workflow_id == workflow_id))
    if swept is not None:
        sentence = f"The workflow {workflow_id} was removed to make room, on {day(swept)}."
        raise ServiceError(sentence, code="WORKFLOW_SWEPT", swept=swept)
    raise ServiceError(f"There is no workflow {workflow_id[:64]!r}.", code="WORKFLOW_NOT_FOUND")


def require_video(row: Row) -> None:
    """Errors: ServiceError VIDEO_SWEPT for a workflow whose upload was removed."""
    if row["video_swept"] is not None:
        sentence = f"The video of {row['workflow_id']} was an upload, and was removed on {day(row['video_swept'])}."
        raise ServiceError(sentence, code="VIDEO_SWEPT", swept=row["video_swept"])


def day(time: float) -> str:
    """Returns the date of a Unix time, in UTC."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def viewed(connection: Connection, row: Row) -> WorkflowView:
    position = None
    if row["state"] == WorkflowState.PENDING:
        before = sa.or_(
            COLUMN.priority < row["priority"],
            sa.and_(COLUMN.priority == row["priority"], COLUMN.turn < row["turn"]),
        )
        position = 1 + count(connection, sa.and_(COLUMN.state == WorkflowState.PENDING, before))
    return view_of(row, position)


def count(connection: Connection, condition: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(WORKFLOWS).where(condition)) or 0


def update(connection: Connection, workflow_id: str, **values: Any) -> None:
    connection.execute(WORKFLOWS.update().where(COLUMN.workflow_id == workflow_id).values(**values))


def forget(connection: Connection, workflow_ids: Sequence[str]) -> None:
    """Removes all that the database has of some workflows."""
    for table in (tables.events, tables.parts, tables.keys, WORKFLOWS):
        connection.execute(table.delete().where(table.c.workflow_id.in_(workflow_ids)))


def append(connection: Connection, row: Row, events: Sequence[Event]) -> int:
    """Adds events to those of a workflow and returns the number of its last one."""
    rows = [
        {"workflow_id": row["workflow_id"], "number": number, "body": event_text(event)}
        for number, event in enumerate(events, row["events"] + 1)
    ]
    if rows:
        connection.execute(tables.events.insert(), rows)
    return int(row["events"]) + len(rows)


def joined(row: Row, stages: dict[Stage, StageRecord]) -> str:
    return stage_text({**stages_of(row), **stages}.values())


def conflict(workflow_id: str, why: str, remedy: str | None = None) -> ServiceError:
    return ServiceError(f"Workflow {workflow_id}: {why}.", code="WORKFLOW_STATE_CONFLICT", remedy=remedy)
