"""Workflows taken in: new ones, and those that have ended and are to go on. Each is one transaction, in which the
idempotency key and the room in the queue are looked at. Calls block."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.errors import ServiceError
from yivideo_ray.jobs import StageStatus
from yivideo_ray.service.contract import WorkflowRequest, WorkflowState, WorkflowView
from yivideo_ray.service.directories import PREFIX
from yivideo_ray.service.row_access import COLUMN, WORKFLOWS, count, fetch, update, viewed
from yivideo_ray.service.rows import Row, dumped, stage_text, stages_of
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership

__all__ = ["Submissions"]

# Before there is a workflow to measure by.
RETRY_AFTER_S = 10
RETRY_AFTER_AT_MOST_S = 300


class Submissions:
    """Errors: the database's, and SERVICE_RUNNING."""

    def __init__(self, database: Database, ownership: Ownership, max_queued: int) -> None:
        self._database = database
        self._ownership = ownership
        self._max_queued = max_queued

    def submit(self, request: WorkflowRequest, now: float, max_running: int) -> tuple[WorkflowView, bool]:
        """Adds a workflow, or returns that of its idempotency key. Errors: QUEUE_FULL, IDEMPOTENCY_KEY_REUSED."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            known = self._replayed(connection, request)
            if known is not None:
                return known, False
            self._require_room(connection, max_running)
            workflow_id = f"{PREFIX}{secrets.token_hex(8)}"
            connection.execute(
                WORKFLOWS.insert().values(
                    workflow_id=workflow_id,
                    turn=_next_turn(connection),
                    state=WorkflowState.PENDING,
                    priority=int(request.priority),
                    video=dumped(str(request.video)),
                    owned_video=request.owned_video,
                    chain=dumped(list(request.chain)),
                    parameters=dumped(request.parameters),
                    created=now,
                    cancelling=False,
                    admissions=0,
                    percent=0.0,
                    stages="[]",
                    outputs="[]",
                    warnings="[]",
                    partial=False,
                    events=0,
                    callback_url=request.callback_url,
                    callback_attempts=0,
                )
            )
            _remember(connection, request, workflow_id)
            return viewed(connection, fetch(connection, workflow_id)), True

    def again(
        self, request: WorkflowRequest, change: Callable[[Row], dict[str, Any]], max_running: int
    ) -> tuple[WorkflowView, bool]:
        """Has a workflow that has ended wait for its turn again, as the request (RETRY, INCREMENTAL) asks.

        change is given the row, and returns the columns that differ from then on; what it raises leaves all as it was.
        """
        assert request.workflow_id is not None, "these modes name a workflow"
        with self._database.begin() as connection:
            self._ownership.require(connection)
            known = self._replayed(connection, request)
            if known is not None:
                return known, False
            row = fetch(connection, request.workflow_id)
            changed = change(row)
            self._require_room(connection, max_running)
            succeeded = [record for record in stages_of(row).values() if record.status is StageStatus.SUCCESS]
            update(
                connection,
                request.workflow_id,
                state=WorkflowState.PENDING,
                turn=_next_turn(connection),
                cancelling=False,
                admissions=0,
                percent=0.0,
                eta_s=None,
                started=None,
                ended=None,
                error=None,
                outputs="[]",
                warnings="[]",
                partial=False,
                stages=stage_text(succeeded),
                callback_next=None,
                **changed,
            )
            _remember(connection, request, request.workflow_id)
            return viewed(connection, fetch(connection, request.workflow_id)), True

    def _replayed(self, connection: Connection, request: WorkflowRequest) -> WorkflowView | None:
        if request.idempotency_key is None:
            return None
        kept = tables.keys.c
        wanted = sa.select(kept.fingerprint, kept.workflow_id).where(kept.key == request.idempotency_key)
        known = connection.execute(wanted).first()
        if known is None:
            return None
        fingerprint, workflow_id = known
        if fingerprint != request.fingerprint:
            raise ServiceError(
                "This Idempotency-Key came with another request before.",
                code="IDEMPOTENCY_KEY_REUSED",
                workflow_id=workflow_id,
            )
        return viewed(connection, fetch(connection, workflow_id))

    def _require_room(self, connection: Connection, max_running: int) -> None:
        waiting = count(connection, COLUMN.state == WorkflowState.PENDING)
        if waiting >= self._max_queued:
            raise ServiceError(
                f"{waiting} workflows wait already.",
                code="QUEUE_FULL",
                retry_after_s=_retry_after_s(connection, max_running),
            )


def _remember(connection: Connection, request: WorkflowRequest, workflow_id: str) -> None:
    if request.idempotency_key is not None:
        connection.execute(
            tables.keys.insert().values(
                key=request.idempotency_key, fingerprint=request.fingerprint, workflow_id=workflow_id
            )
        )


def _next_turn(connection: Connection) -> int:
    return 1 + (connection.scalar(sa.select(sa.func.max(COLUMN.turn))) or 0)


def _retry_after_s(connection: Connection, max_running: int) -> int:
    """Returns the whole seconds in which, at the pace of the last workflows, a place gets free."""
    wanted = (
        sa.select(COLUMN.ended - COLUMN.started)
        .where(COLUMN.state == WorkflowState.SUCCESS, COLUMN.started.is_not(None))
        .order_by(COLUMN.number.desc())
        .limit(20)
    )
    took = list(connection.scalars(wanted))
    seconds = statistics.median(took) / max_running if took else RETRY_AFTER_S
    return round(min(max(1.0, seconds), RETRY_AFTER_AT_MOST_S))
