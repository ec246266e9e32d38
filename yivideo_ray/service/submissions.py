"""Workflows taken in: new ones, and those that have ended and are to go on. Each is one transaction, in which the
idempotency key and the room in the queue are looked at. Calls block."""

from __future__ import annotations

import json
import secrets
import statistics
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, ServiceError
from yivideo_ray.jobs import StageStatus
from yivideo_ray.runtime.workflow.chain import check_chain
from yivideo_ray.service.contract import TERMINAL, ExecutionMode, WorkflowRequest, WorkflowState, WorkflowView
from yivideo_ray.service.directories import PREFIX
from yivideo_ray.service.parameters import with_parameters
from yivideo_ray.service.rows import (
    COLUMN,
    WORKFLOWS,
    Row,
    chain_of,
    count,
    dumped,
    fetch,
    require_video,
    stage_text,
    stages_of,
    update,
    viewed,
)
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership
from yivideo_ray.types import Stage

__all__ = ["Submissions", "changes_asked", "check_request"]


def check_request(request: WorkflowRequest, settings: Settings) -> None:
    """Errors: ConfigError CHAIN_INVALID, CONFIG_INVALID; ServiceError REQUEST_INVALID for a new workflow without a
    video."""
    if request.video is None:
        raise ServiceError("The request names no video.", code="REQUEST_INVALID")
    check_chain(request.chain)
    with_parameters(settings, request.chain, request.parameters)


def changes_asked(request: WorkflowRequest, settings: Settings, row: Row) -> dict[str, Any]:
    """Returns the columns of a workflow that a request in mode RETRY or INCREMENTAL changes.

    RETRY keeps the chain, and is for what failed or was cancelled; INCREMENTAL has a chain that the stored one is a
    prefix of. Parameters are for stages that are not done. Errors: ServiceError WORKFLOW_STATE_CONFLICT, VIDEO_SWEPT;
    ConfigError CHAIN_INVALID, CONFIG_INVALID.
    """
    require_video(row)
    state, stored = WorkflowState(row["state"]), chain_of(row)
    chain = stored if request.mode is ExecutionMode.RETRY else request.chain
    if state not in TERMINAL:
        raise _conflict(row, f"is {state}", "Wait until it has ended, or cancel it.")
    if request.mode is ExecutionMode.RETRY and state is WorkflowState.SUCCESS:
        raise _conflict(row, "has succeeded", "Use execution_mode incremental to add stages, or full to do it anew.")
    if chain[: len(stored)] != stored:
        raise ConfigError(
            f"The chain does not begin with the workflow's own: {', '.join(stored)}.",
            code="CHAIN_INVALID",
            remedy="Name the stored chain's stages first, and then those to add.",
        )
    if state is WorkflowState.SUCCESS and chain == stored:
        raise _conflict(row, "has done all of these stages", "Name stages to add, or use execution_mode full.")
    check_chain(chain)
    done = {stage for stage, record in stages_of(row).items() if record.status is StageStatus.SUCCESS}
    for name in request.parameters:
        if name in done:
            raise ConfigError(
                f"Parameters are given for {name}, which is done and kept.",
                remedy="Use execution_mode full to do it with other parameters.",
            )
    parameters = {**json.loads(row["parameters"]), **{name: dict(given) for name, given in request.parameters.items()}}
    with_parameters(settings, chain, parameters)
    changed: dict[str, Any] = {
        "chain": dumped([Stage(stage).value for stage in chain]),
        "parameters": dumped(parameters),
    }
    if request.callback_url is not None:
        changed["callback_url"] = request.callback_url
    return changed


def _conflict(row: Row, why: str, remedy: str) -> ServiceError:
    return ServiceError(
        f"The workflow {row['workflow_id']} {why}.",
        code="WORKFLOW_STATE_CONFLICT",
        remedy=remedy,
        state=str(row["state"]),
    )


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
            _remember(connection, request, workflow_id, now)
            return viewed(connection, fetch(connection, workflow_id)), True

    def require_room(self, idempotency_key: str | None, max_running: int) -> None:
        """Errors: QUEUE_FULL, unless the key has a workflow."""
        with self._database.begin() as connection:
            known = sa.select(tables.keys.c.workflow_id).where(tables.keys.c.key == idempotency_key)
            if idempotency_key is None or connection.scalar(known) is None:
                self._require_room(connection, max_running)

    def again(
        self, request: WorkflowRequest, change: Callable[[Row], dict[str, Any]], now: float, max_running: int
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
                probe_alone=False,
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
            _remember(connection, request, request.workflow_id, now)
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


def _remember(connection: Connection, request: WorkflowRequest, workflow_id: str, now: float) -> None:
    if request.idempotency_key is not None:
        connection.execute(
            tables.keys.insert().values(
                key=request.idempotency_key, fingerprint=request.fingerprint, workflow_id=workflow_id, made=now
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
