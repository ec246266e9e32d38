"""A WorkflowService in memory that does no work: tests say what becomes of a workflow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yivideo_ray.config import Settings
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.jobs import Event, EventKind, Outcome, StageRecord, StageStatus
from yivideo_ray.service.contract import (
    TERMINAL,
    DueCallback,
    NumberedEvent,
    ServiceFigures,
    WorkflowPage,
    WorkflowRequest,
    WorkflowState,
    WorkflowView,
)
from yivideo_ray.subtitles.result import result_document

__all__ = ["SLOW_S", "FakeService", "Recorded", "broken", "slow"]

NOW = 1_795_600_000.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What record_callback was told."""

    workflow_id: str
    delivered: bool
    next_attempt: float | None


@dataclass(slots=True)
class FakeService:
    """Behaves as the protocol says, with numbers for ids ("w1"). max_queued: so many may be PENDING."""

    max_queued: int = 1000
    ready: bool = True
    requests: list[WorkflowRequest] = field(default_factory=list)
    views: dict[str, WorkflowView] = field(default_factory=dict)
    due: list[DueCallback] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    broken: Exception | None = None
    _events: dict[str, list[Event]] = field(default_factory=dict)
    _keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[FakeService]:
        yield self

    async def start(self) -> None:
        """Nothing: it is there."""

    async def close(self) -> None:
        """Nothing: it is gone with the process."""

    async def submit(self, request: WorkflowRequest) -> tuple[WorkflowView, bool]:
        self._fail()
        if request.idempotency_key in self._keys:
            fingerprint, workflow_id = self._keys[request.idempotency_key]
            if fingerprint != request.fingerprint:
                raise ServiceError("The key was sent with another request.", code="IDEMPOTENCY_KEY_REUSED")
            return self.views[workflow_id], False
        self._require_room()
        if request.workflow_id is not None:
            return await self.retry(request.workflow_id), False
        assert request.video is not None
        workflow_id = f"w{len(self.requests) + 1}"
        self.requests.append(request)
        self.views[workflow_id] = WorkflowView(
            workflow_id=workflow_id,
            state=WorkflowState.PENDING,
            video=request.video,
            chain=request.chain,
            priority=request.priority,
            stages=tuple(
                StageRecord(stage, StageStatus.PENDING, dict(request.parameters.get(stage.value, {})))
                for stage in request.chain
            ),
            created=NOW + len(self.requests),
            started=None,
            ended=None,
            percent=0.0,
            eta_s=None,
            queue_position=1,
            outputs=(),
            error=None,
            warnings=(),
            partial=False,
            callback_url=request.callback_url,
            result=None,
        )
        if request.idempotency_key is not None:
            self._keys[request.idempotency_key] = (request.fingerprint, workflow_id)
        return self.views[workflow_id], True

    async def get(self, workflow_id: str) -> WorkflowView:
        self._fail()
        if workflow_id not in self.views:
            raise ServiceError(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        return self.views[workflow_id]

    async def list(
        self, *, states: Sequence[WorkflowState] = (), limit: int = 50, cursor: str | None = None
    ) -> WorkflowPage:
        self._fail()
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise ServiceError("The cursor is unknown.", code="REQUEST_INVALID")
        found = [view for view in reversed(self.views.values()) if not states or view.state in states]
        start = int(cursor or 0)
        more = str(start + limit) if len(found) > start + limit else None
        return WorkflowPage(tuple(found[start : start + limit]), more)

    async def events(self, workflow_id: str, after: int = 0) -> AsyncIterator[NumberedEvent]:
        await self.get(workflow_id)
        number = after
        while True:
            events = self._events.get(workflow_id, [])
            while number < len(events):
                number += 1
                yield NumberedEvent(number, events[number - 1])
            if self.views[workflow_id].state in TERMINAL:
                return
            async with self._changed:
                await self._changed.wait()

    async def cancel(self, workflow_id: str) -> WorkflowView:
        view = await self.get(workflow_id)
        if view.state in TERMINAL:
            raise ServiceError("It has ended.", code="WORKFLOW_STATE_CONFLICT")
        return await self.become(workflow_id, state=WorkflowState.CANCELLED, queue_position=None)

    async def retry(self, workflow_id: str) -> WorkflowView:
        view = await self.get(workflow_id)
        if view.state not in (WorkflowState.FAILED, WorkflowState.CANCELLED):
            raise ServiceError("It did not fail.", code="WORKFLOW_STATE_CONFLICT")
        return await self.become(workflow_id, state=WorkflowState.PENDING, queue_position=1)

    async def delete(self, workflow_id: str) -> None:
        view = await self.get(workflow_id)
        if view.state not in TERMINAL:
            raise ServiceError("It has not ended.", code="WORKFLOW_STATE_CONFLICT")
        del self.views[workflow_id]

    async def queue(self) -> dict[str, Any]:
        self._fail()
        waiting = [view.workflow_id for view in self.views.values() if view.state is WorkflowState.PENDING]
        return {
            "gpu_actors": [{"ready": self.ready, "waiting": 2, "running": [{"workflow_id": "w1"}]}],
            "error": None,
            "workflows": {"waiting": len(waiting), "max_queued": self.max_queued, "next": waiting, "running": []},
        }

    async def figures(self) -> ServiceFigures:
        states = [view.state.value for view in self.views.values()]
        return ServiceFigures(
            database_ok=True,
            workflows={state.value: states.count(state.value) for state in WorkflowState},
            oldest_waiting_s=0.0,
            callbacks_waiting=0,
            database_bytes=4096,
            disk_free_bytes=2**30,
            ended={"FAILED": states.count("FAILED")},
            failures={view.error["code"]: 1 for view in self.views.values() if view.error is not None},
            callbacks={},
            swept=0,
        )

    async def require_room(self, idempotency_key: str | None = None, upload_bytes: int = 0) -> None:
        self._fail()
        if idempotency_key not in self._keys:
            self._require_room()

    async def unready(self) -> Mapping[str, str]:
        self._fail()
        return {} if self.ready else {"actor": "No GPU actor has gone through a real inference yet."}

    async def is_ready(self) -> bool:
        return not await self.unready()

    async def due_callbacks(self, now: float) -> Sequence[DueCallback]:
        due, self.due = self.due, []
        return due

    async def record_callback(self, workflow_id: str, *, delivered: bool, next_attempt: float | None) -> None:
        self.recorded.append(Recorded(workflow_id, delivered, next_attempt))

    def renew(self) -> None:
        """Lets go of the event loop that it was used in, for another one."""
        self._changed = asyncio.Condition()

    async def become(self, workflow_id: str, **changes: Any) -> WorkflowView:
        """Changes a workflow, and returns it."""
        self.views[workflow_id] = replace(self.views[workflow_id], **changes)
        await self._tell()
        return self.views[workflow_id]

    async def say(self, workflow_id: str, kind: EventKind, **values: Any) -> None:
        """Adds an event to a workflow's."""
        view = self.views[workflow_id]
        self._events.setdefault(workflow_id, []).append(Event(kind, workflow_id, str(view.video), NOW, **values))
        await self._tell()

    async def succeed(self, workflow_id: str, outcome: Outcome, directory: Path) -> None:
        """Ends a workflow with the result of an outcome, whose document it writes."""
        path = directory / f"{workflow_id}.json"
        path.write_text(json.dumps(result_document(outcome, {})), encoding="utf-8")
        await self.say(workflow_id, EventKind.WORKFLOW_FINISHED, data={"succeeded": True})
        await self.become(
            workflow_id,
            state=WorkflowState.SUCCESS,
            stages=outcome.stages,
            percent=100.0,
            queue_position=None,
            outputs=(path,),
            warnings=outcome.warnings,
            result=path,
            started=NOW,
            ended=NOW + 2,
        )

    async def fail(self, workflow_id: str, error: YivideoError) -> None:
        """Ends a workflow with an error."""
        await self.say(workflow_id, EventKind.WORKFLOW_FINISHED, message=str(error), data={"succeeded": False})
        await self.become(workflow_id, state=WorkflowState.FAILED, error=error.as_dict(), queue_position=None)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _require_room(self) -> None:
        if sum(view.state is WorkflowState.PENDING for view in self.views.values()) >= self.max_queued:
            raise ServiceError("Too many wait.", code="QUEUE_FULL", retry_after_s=2.5)

    def _fail(self) -> None:
        if self.broken is not None:
            raise self.broken


SLOW_S = 4.0


@dataclass(slots=True)
class SlowService(FakeService):
    """Takes SLOW_S to show a workflow."""

    async def get(self, workflow_id: str) -> WorkflowView:
        await asyncio.sleep(SLOW_S)
        return await FakeService.get(self, workflow_id)


class BrokenService(FakeService):
    """Can't be started."""

    async def start(self) -> None:
        raise ServiceError("The database is elsewhere.", code="STORAGE_UNAVAILABLE")


def slow(settings: Settings) -> FakeService:
    return SlowService(settings.serve.max_queued)


def broken(settings: Settings) -> FakeService:
    return BrokenService()
