"""The seam between those who serve workflows (HTTP, the command) and what keeps and runs them. Values and a protocol
only; service/service.py fulfils it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from yivideo_ray.errors import ResultWarning
from yivideo_ray.jobs import Event, Priority, StageRecord
from yivideo_ray.locations import VideoLocation
from yivideo_ray.types import STAGES, Stage

__all__ = [
    "TERMINAL",
    "DueCallback",
    "ExecutionMode",
    "NumberedEvent",
    "ServiceFigures",
    "WorkflowPage",
    "WorkflowRequest",
    "WorkflowService",
    "WorkflowState",
    "WorkflowView",
]


class WorkflowState(StrEnum):
    """PENDING waits for its turn. The last three are final until somebody asks to go on (retry, incremental)."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


TERMINAL = frozenset({WorkflowState.SUCCESS, WorkflowState.FAILED, WorkflowState.CANCELLED})


class ExecutionMode(StrEnum):
    """full: a new workflow. incremental: the stored chain is a prefix of the new one, and done stages are kept.
    retry: from the first stage that did not succeed."""

    FULL = "full"
    INCREMENTAL = "incremental"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class WorkflowRequest:
    """What to work on, and how.

    video is an absolute, checked path, or an address that may be read (None for INCREMENTAL and RETRY, which have that
    of workflow_id).
    parameters: stage name to settings of that stage; service.parameters says which. owned_video: the service deletes
    the video with the workflow (an upload). idempotency_key with fingerprint, the hex digest of the request's body:
    the same key with the same fingerprint gives the workflow that is there.
    """

    video: VideoLocation | None
    chain: tuple[Stage, ...] = STAGES
    mode: ExecutionMode = ExecutionMode.FULL
    workflow_id: str | None = None
    priority: Priority = Priority.BATCH
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    callback_url: str | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    owned_video: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """A workflow as it stands. Times are Unix times in seconds.

    stages holds one record per stage of the chain, in order. percent is 0 to 100, eta_s seconds (None: no pace yet).
    queue_position counts from 1, the next one (None: it does not wait). outputs are the files written, result the JSON
    document among them, both once SUCCESS. error is YivideoError.as_dict(). cancelling: a cancel is under way.
    video_swept: when its upload was removed to make room (None: it was not).
    """

    workflow_id: str
    state: WorkflowState
    video: VideoLocation
    chain: tuple[Stage, ...]
    priority: Priority
    stages: tuple[StageRecord, ...]
    created: float
    started: float | None
    ended: float | None
    percent: float
    eta_s: float | None
    queue_position: int | None
    outputs: tuple[Path, ...]
    error: dict[str, Any] | None
    warnings: tuple[ResultWarning, ...]
    partial: bool
    callback_url: str | None
    result: Path | None
    cancelling: bool = False
    video_swept: float | None = None


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Workflows, the newest first. next_cursor: what gives the page after this one (None: there is none)."""

    workflows: tuple[WorkflowView, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """number counts from 1 per workflow, without holes, over all its runs and restarts of the service."""

    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A message to deliver. body (JSON) and message_id are the same for every attempt; attempt counts from 1."""

    workflow_id: str
    url: str
    attempt: int
    body: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Figures for those who run the service. None: not known, for the database does not answer, or the disk.

    workflows: by state, those that are kept; ended, failures (by code), callbacks (attempts: delivered, tried_again,
    given_up) and swept (workflows and uploads): since the service started. oldest_waiting_s: 0 where none waits.
    """

    database_ok: bool
    workflows: Mapping[str, int] | None
    oldest_waiting_s: float | None
    callbacks_waiting: int | None
    database_bytes: int | None
    disk_free_bytes: int | None
    ended: Mapping[str, int]
    failures: Mapping[str, int]
    callbacks: Mapping[str, int]
    swept: int


class WorkflowService(Protocol):
    """Keeps and runs workflows. All calls may be made at once, from one event loop.

    Any of them may raise ServiceError STORAGE_UNAVAILABLE (the database can't be reached; a retry helps) and
    SERVICE_UNAVAILABLE (it has not started, or is closing). Those that take a workflow_id raise WORKFLOW_NOT_FOUND, and
    WORKFLOW_SWEPT for one that was removed because of its age or to make room.
    """

    async def submit(self, request: WorkflowRequest) -> tuple[WorkflowView, bool]:
        """Returns the workflow, and whether it is new; it is kept before this returns.

        INCREMENTAL and RETRY give the workflow of workflow_id, which waits for its turn again. Errors: QUEUE_FULL (with
        retry_after_s among its facts), IDEMPOTENCY_KEY_REUSED, WORKFLOW_NOT_FOUND, WORKFLOW_STATE_CONFLICT,
        CHAIN_INVALID, CONFIG_INVALID. None of them keeps anything: an owned video is the caller's to delete then.
        """
        ...

    async def get(self, workflow_id: str) -> WorkflowView: ...

    async def list(
        self, *, states: Sequence[WorkflowState] = (), limit: int = 50, cursor: str | None = None
    ) -> WorkflowPage:
        """Returns up to limit workflows in one of the states (none given: in any). Errors: REQUEST_INVALID for a cursor
        that this gave nobody."""
        ...

    def events(self, workflow_id: str, after: int = 0) -> AsyncIterator[NumberedEvent]:
        """Yields the events behind number `after`, as they come, and ends with the workflow's last one."""
        ...

    async def cancel(self, workflow_id: str) -> WorkflowView:
        """Returns the workflow: CANCELLED at once if it waited, else still IN_PROGRESS and cancelling, for the time of
        a chunk and some seconds at most. One that has ended is WORKFLOW_STATE_CONFLICT; a second cancel changes
        nothing."""
        ...

    async def retry(self, workflow_id: str) -> WorkflowView:
        """Does what submit does in mode RETRY: FAILED or CANCELLED ones only, else WORKFLOW_STATE_CONFLICT."""
        ...

    async def delete(self, workflow_id: str) -> None:
        """Forgets a workflow that has ended, with its results, its record and an owned video. Errors:
        WORKFLOW_STATE_CONFLICT for one that has not ended."""
        ...

    async def queue(self) -> dict[str, Any]:
        """Returns, live, what waits for the device and the workflows that wait and run."""
        ...

    async def figures(self) -> ServiceFigures:
        """Returns figures for those who run it. No error of the database or the cluster comes from it."""
        ...

    async def require_room(self, idempotency_key: str | None = None, upload_bytes: int = 0) -> None:
        """Raises QUEUE_FULL, or STORAGE_FULL for an upload of that size, if there is no room now: nobody is to upload a
        video in vain. Nothing is kept free for it. A request whose key is known already needs no place in the queue.
        """
        ...

    async def unready(self) -> Mapping[str, str]:
        """Returns what keeps workflows from going on, by "service", "database", "disk" or "actor", in a sentence each.
        Empty: a real inference went through the GPU actor's process that answers now, and all else is there. Takes a
        few seconds at most."""
        ...

    async def is_ready(self) -> bool:
        """Returns whether unready is empty."""
        ...

    async def due_callbacks(self, now: float) -> Sequence[DueCallback]:
        """Returns the messages whose next attempt is due at the Unix time now."""
        ...

    async def record_callback(self, workflow_id: str, *, delivered: bool, next_attempt: float | None) -> None:
        """Notes down an attempt: delivered, or to be tried again at the Unix time next_attempt (None: given up)."""
        ...
