"""The workflows' rows: every change of state is one transaction here. Calls block; one service makes them.

PENDING ──begin──> IN_PROGRESS ──finish──> SUCCESS | FAILED | CANCELLED ──again──> PENDING
   │                    └─recover (its service was killed)─> PENDING
   └──cancel──> CANCELLED
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.errors import ResultWarning, ServiceError
from yivideo_ray.jobs import Event, EventKind, StageRecord, StageStatus
from yivideo_ray.progress import plain_warning
from yivideo_ray.service.contract import (
    TERMINAL,
    NumberedEvent,
    WorkflowPage,
    WorkflowState,
    WorkflowView,
)
from yivideo_ray.service.outbox import callback_values
from yivideo_ray.service.rows import (
    COLUMN,
    WORKFLOWS,
    Row,
    append,
    conflict,
    count,
    dumped,
    fetch,
    forget,
    joined,
    parsed_event,
    stage_text,
    stages_of,
    update,
    viewed,
)
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership
from yivideo_ray.types import Stage

__all__ = ["Ending", "Threaded", "Update", "WorkflowStore", "cancelled"]

Result = TypeVar("Result")


class Threaded:
    """A thread, which ends with close."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._closed = False

    async def call(self, call: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *arguments)

    async def close(self, last: Callable[[], None]) -> None:
        """Makes one last call there, and ends it. The second time, nothing happens."""
        if not self._closed:
            self._closed = True
            await self.call(last)
            self._executor.shutdown()


EVENTS_AT_ONCE = 500
# Of a workflow that got past the probe of its video.
NOT_TO_BLAME = {"probing": False, "probe_alone": False, "admissions": 0}


@dataclass(slots=True)
class Update:
    """What a running workflow has to tell since the last time: events in their order, and the figures as they stand."""

    workflow_id: str
    events: list[Event]
    percent: float
    eta_s: float | None
    stages: dict[Stage, StageRecord]
    admitted: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a workflow's run ended."""

    state: WorkflowState
    message: str
    stages: dict[Stage, StageRecord]
    outputs: tuple[str, ...] = ()
    warnings: tuple[ResultWarning, ...] = ()
    partial: bool = False
    error: dict[str, Any] | None = None


class WorkflowStore:
    """All errors of the database may come from every call, and SERVICE_RUNNING from those that change something."""

    def __init__(self, database: Database, ownership: Ownership) -> None:
        self._database = database
        self._ownership = ownership

    def get(self, workflow_id: str) -> WorkflowView:
        with self._database.begin() as connection:
            return viewed(connection, fetch(connection, workflow_id))

    def page(self, states: Sequence[WorkflowState], limit: int, before: int | None) -> WorkflowPage:
        """Returns the newest workflows whose number is less than before."""
        wanted = sa.select(WORKFLOWS).order_by(COLUMN.number.desc()).limit(limit + 1)
        if states:
            wanted = wanted.where(COLUMN.state.in_(states))
        if before is not None:
            wanted = wanted.where(COLUMN.number < before)
        with self._database.begin() as connection:
            rows = connection.execute(wanted).mappings().all()
            views = tuple(viewed(connection, dict(row)) for row in rows[:limit])
        return WorkflowPage(views, str(rows[limit - 1]["number"]) if len(rows) > limit else None)

    def events(self, workflow_id: str, after: int) -> tuple[list[NumberedEvent], bool]:
        """Returns the next events behind that number, and whether more may come."""
        found = tables.events.c
        wanted = (
            sa.select(found.number, found.body)
            .where(found.workflow_id == workflow_id, found.number > after)
            .order_by(found.number)
            .limit(EVENTS_AT_ONCE)
        )
        with self._database.begin() as connection:
            row = fetch(connection, workflow_id)
            rows = connection.execute(wanted).all()
        last = rows[-1][0] if rows else after
        more = WorkflowState(row["state"]) not in TERMINAL or last < row["events"]
        return [NumberedEvent(number, parsed_event(body)) for number, body in rows], more

    def begin(self, now: float, *, others_are_probed: bool = False) -> Row | None:
        """Begins the next workflow in turn and returns its row; None: none waits, or it is to be probed alone and
        others_are_probed."""
        wanted = (
            sa.select(WORKFLOWS)
            .where(COLUMN.state == WorkflowState.PENDING)
            .order_by(COLUMN.priority, COLUMN.turn)
            .limit(1)
        )
        with self._database.begin() as connection:
            row = connection.execute(wanted).mappings().first()
            if row is None or (row["probe_alone"] and others_are_probed):
                return None
            self._ownership.require(connection)
            update(
                connection,
                row["workflow_id"],
                state=WorkflowState.IN_PROGRESS,
                started=row["started"] or now,
                probing=True,
            )
            return fetch(connection, row["workflow_id"])

    def save(self, updates: Sequence[Update]) -> None:
        """Writes down what running workflows have to tell."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            for one in updates:
                row = fetch(connection, one.workflow_id)
                update(
                    connection,
                    one.workflow_id,
                    percent=max(row["percent"], one.percent),
                    eta_s=one.eta_s,
                    stages=joined(row, one.stages),
                    **(NOT_TO_BLAME if one.admitted else {}),
                    events=append(connection, row, one.events),
                )

    def finish(self, workflow_id: str, ending: Ending, last: Update, now: float) -> WorkflowView:
        """Ends a running workflow: CANCELLED if that has been asked for, whatever else it came to."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            row = fetch(connection, workflow_id)
            append(connection, row, last.events)
            row = {**row, "events": row["events"] + len(last.events)}
            if row["cancelling"] and ending.state is not WorkflowState.CANCELLED:
                ending = cancelled(ending.stages)
            return self._end(connection, row, ending, now)

    def cancel(self, workflow_id: str, now: float) -> WorkflowView:
        """Ends a workflow that waits, and notes down for a running one that it shall end. Errors:
        WORKFLOW_STATE_CONFLICT."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            row = fetch(connection, workflow_id)
            match WorkflowState(row["state"]):
                case WorkflowState.PENDING:
                    return self._end(connection, row, cancelled({}), now)
                case WorkflowState.IN_PROGRESS:
                    update(connection, workflow_id, cancelling=True)
                    return viewed(connection, fetch(connection, workflow_id))
                case state:
                    raise conflict(workflow_id, f"it is {state} already")

    def put_back(self, workflow_id: str) -> None:
        """Has a running workflow wait again: the cluster went away under it."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            update(connection, workflow_id, state=WorkflowState.PENDING, probing=False)

    def note_stop(self) -> None:
        """Notes down that the service is about to end because somebody wants it to, whatever is being probed."""
        running = COLUMN.state == WorkflowState.IN_PROGRESS
        with self._database.begin() as connection:
            self._ownership.require(connection)
            connection.execute(WORKFLOWS.update().where(running).values(probing=False))

    def recover(self, now: float) -> list[WorkflowView]:
        """Has those wait again that were running when their service ended, and ends those that were being cancelled.
        Returns them.

        If the service ended while one video alone was probed, that counts against it (admissions). Of several nobody
        knows which it was: each is probed alone from now on, until it has got past that.
        """
        wanted = sa.select(WORKFLOWS).where(COLUMN.state == WorkflowState.IN_PROGRESS)
        with self._database.begin() as connection:
            self._ownership.require(connection)
            rows = [dict(row) for row in connection.execute(wanted).mappings()]
            probed = [row["workflow_id"] for row in rows if row["probing"]]
            if probed:
                blame = {"probe_alone": True, "admissions": COLUMN.admissions + int(len(probed) == 1), "probing": False}
                connection.execute(WORKFLOWS.update().where(COLUMN.workflow_id.in_(probed)).values(**blame))
            for row in rows:
                if row["cancelling"]:
                    self._end(connection, row, cancelled(stages_of(row)), now)
                    continue
                kept = [record for record in stages_of(row).values() if record.status is not StageStatus.IN_PROGRESS]
                update(connection, row["workflow_id"], state=WorkflowState.PENDING, stages=stage_text(kept))
            return [viewed(connection, fetch(connection, row["workflow_id"])) for row in rows]

    def delete(self, workflow_id: str) -> tuple[WorkflowView, bool]:
        """Forgets a workflow that has ended; returns what it was, and whether its video belonged to it. Errors:
        WORKFLOW_STATE_CONFLICT."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            row = fetch(connection, workflow_id)
            view = viewed(connection, row)
            if view.state not in TERMINAL:
                raise conflict(workflow_id, f"it is {view.state}", remedy="Cancel it first.")
            forget(connection, [workflow_id])
            return view, row["owned_video"]

    def ids(self) -> set[str]:
        with self._database.begin() as connection:
            return set(connection.scalars(sa.select(COLUMN.workflow_id)))

    def owned_videos(self) -> set[str]:
        """Returns the paths of all videos that belong to a workflow."""
        with self._database.begin() as connection:
            return {
                json.loads(video) for video in connection.scalars(sa.select(COLUMN.video).where(COLUMN.owned_video))
            }

    def waiting(self, limit: int) -> tuple[int, list[str], list[str]]:
        """Returns how many wait, the ids of the next ones in turn, and of those that run."""
        waits = COLUMN.state == WorkflowState.PENDING
        wanted = sa.select(COLUMN.workflow_id).where(waits).order_by(COLUMN.priority, COLUMN.turn).limit(limit)
        running = sa.select(COLUMN.workflow_id).where(COLUMN.state == WorkflowState.IN_PROGRESS).order_by(COLUMN.turn)
        with self._database.begin() as connection:
            return (
                count(connection, waits),
                list(connection.scalars(wanted)),
                list(connection.scalars(running)),
            )

    def _end(self, connection: Connection, row: Row, ending: Ending, now: float) -> WorkflowView:
        event = Event(
            EventKind.WORKFLOW_FINISHED,
            row["workflow_id"],
            json.loads(row["video"]),
            now,
            message=ending.message,
            data={"succeeded": ending.state is WorkflowState.SUCCESS, "state": ending.state.value},
        )
        changed = {
            "state": ending.state,
            "ended": now,
            "cancelling": False,
            "probing": False,
            "percent": 100.0 if ending.state is WorkflowState.SUCCESS else row["percent"],
            "eta_s": None,
            "stages": joined(row, ending.stages),
            "outputs": dumped(ending.outputs),
            "warnings": dumped([plain_warning(warning) for warning in ending.warnings]),
            "partial": ending.partial,
            "error": None if ending.error is None else dumped(ending.error),
            "events": append(connection, row, [event]),
        }
        update(connection, row["workflow_id"], **changed, **callback_values({**row, **changed}, now))
        return viewed(connection, fetch(connection, row["workflow_id"]))


def cancelled(stages: dict[Stage, StageRecord]) -> Ending:
    error = ServiceError("The workflow was cancelled.", code="CANCELLED").as_dict()
    stopped = {
        stage: replace(record, status=StageStatus.FAILED, error=error)
        if record.status is StageStatus.IN_PROGRESS
        else record
        for stage, record in stages.items()
    }
    return Ending(WorkflowState.CANCELLED, "The workflow was cancelled.", stopped, error=error)
