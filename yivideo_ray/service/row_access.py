"""Reading and writing single rows of workflows, within somebody's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.errors import ServiceError
from yivideo_ray.jobs import Event, StageRecord
from yivideo_ray.service.contract import WorkflowState, WorkflowView
from yivideo_ray.service.rows import Row, event_text, stage_text, stages_of, view_of
from yivideo_ray.storage import tables
from yivideo_ray.types import Stage

__all__ = ["COLUMN", "WORKFLOWS", "append", "conflict", "count", "fetch", "joined", "update", "viewed"]

WORKFLOWS = tables.workflows
COLUMN = tables.workflows.c


def fetch(connection: Connection, workflow_id: str) -> Row:
    found = connection.execute(sa.select(WORKFLOWS).where(COLUMN.workflow_id == workflow_id)).mappings().first()
    if found is None:
        raise ServiceError(f"There is no workflow {workflow_id[:64]!r}.", code="WORKFLOW_NOT_FOUND")
    return dict(found)


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


def append(connection: Connection, row: Row, news: Sequence[Event]) -> int:
    """Adds events to those of a workflow and returns the number of its last one."""
    rows = [
        {"workflow_id": row["workflow_id"], "number": number, "body": event_text(event)}
        for number, event in enumerate(news, row["events"] + 1)
    ]
    if rows:
        connection.execute(tables.events.insert(), rows)
    return int(row["events"]) + len(rows)


def joined(row: Row, stages: dict[Stage, StageRecord]) -> str:
    return stage_text({**stages_of(row), **stages}.values())


def conflict(workflow_id: str, why: str, remedy: str | None = None) -> ServiceError:
    return ServiceError(f"Workflow {workflow_id}: {why}.", code="WORKFLOW_STATE_CONFLICT", remedy=remedy)
