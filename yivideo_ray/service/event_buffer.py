"""The event buffer of a running workflow: what happens in it, gathered until it is saved. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yivideo_ray.jobs import Event, EventKind, StageRecord, StageStatus
from yivideo_ray.progress import ProgressTracker
from yivideo_ray.service.rows import stages_of
from yivideo_ray.service.store import Update
from yivideo_ray.types import Stage

__all__ = ["EventBuffer"]

# Events of progress that are kept: one a second at first, then ever fewer, so that hours leave about a thousand.
PROGRESS_S = 1.0
PROGRESS_SHARE = 1 / 200


class EventBuffer:
    """One run of a workflow. stages shows those of its chain as they stand: a stage that an earlier run had ended keeps
    its record, unless it fails now."""

    def __init__(self, row: Mapping[str, Any], now: float) -> None:
        self.workflow_id: str = row["workflow_id"]
        self.stages: dict[Stage, StageRecord] = stages_of(row)
        self.admitted = False
        self._done = {stage for stage, record in self.stages.items() if record.status is StageStatus.SUCCESS}
        self._tracker = ProgressTracker()
        self._begun = now
        self._saved: dict[Stage, float] = {}
        self._events: list[Event] = []
        self._changed = False
        self._percent = 0.0
        self._eta_s: float | None = None

    def take(self, event: Event) -> None:
        """Takes an event in. The workflow's end is none of these: it is saved with its state."""
        if event.kind is EventKind.WORKFLOW_FINISHED:
            return
        # It comes once the video has been probed.
        self.admitted = self.admitted or event.kind is EventKind.WORKFLOW_STARTED
        view = self._tracker.take(event)
        self._percent, self._eta_s = round(100 * view.share, 2), view.left_s
        self._changed = True
        if self._is_worth_saving(event):
            self._events.append(event)

    def take_stage(self, record: StageRecord) -> None:
        if record.stage in self._done and record.status is not StageStatus.FAILED:
            return
        self.stages[record.stage] = record
        self._changed = True

    def update(self) -> Update | None:
        """Returns what is new since the last time; None: nothing."""
        if not self._changed:
            return None
        self._changed = False
        events, self._events = self._events, []
        return Update(self.workflow_id, events, self._percent, self._eta_s, dict(self.stages), self.admitted)

    def put_back(self, update: Update) -> None:
        """Takes back what could not be saved."""
        self._events = [*update.events, *self._events]
        self._changed = True

    def last_update(self) -> Update:
        """Returns what is left to save at the end."""
        return self.update() or Update(self.workflow_id, [], self._percent, None, dict(self.stages), self.admitted)

    def _is_worth_saving(self, event: Event) -> bool:
        if event.kind is not EventKind.PROGRESS or event.stage is None or event.message:
            return True
        pause_s = max(PROGRESS_S, (event.time - self._begun) * PROGRESS_SHARE)
        if event.time - self._saved.get(event.stage, float("-inf")) < pause_s:
            return False
        self._saved[event.stage] = event.time
        return True
