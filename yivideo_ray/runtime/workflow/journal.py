"""What a workflow says while it runs: events to its watcher, stage records to its record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import Event, EventKind, StageRecord, StageStatus
from yivideo_ray.runtime.workflow.record import Record
from yivideo_ray.types import Stage

__all__ = ["Journal", "OnEvent", "OnStage"]

OnEvent = Callable[[Event], None]
OnStage = Callable[[StageRecord], None]


class Journal:
    """One per workflow. Stages may overlap; a stage's duration runs from its first start to its end. on_stage is given
    each stage's record whenever that changes."""

    def __init__(
        self,
        workflow_id: str,
        video: str,
        total_s: float | None,
        on_event: OnEvent,
        on_stage: OnStage | None = None,
    ) -> None:
        self.workflow_id = workflow_id
        self.warnings: list[str] = []
        self.stages: dict[Stage, StageRecord] = {}
        self._video = video
        self._total_s = total_s
        self._on_event = on_event
        self._on_stage = on_stage
        self._started: dict[Stage, float] = {}

    def say(self, kind: EventKind, stage: Stage | None = None, message: str = "", **facts: Any) -> None:
        """Emits an event; done_s and frames among the facts go into the event's own fields."""
        self._on_event(
            Event(
                kind,
                self.workflow_id,
                self._video,
                time.time(),
                stage,
                facts.pop("done_s", 0.0),
                self._total_s,
                facts.pop("frames", 0),
                message,
                facts,
            )
        )

    def warn(self, message: str, **facts: Any) -> None:
        """Emits a warning that belongs into the results as well."""
        self.warnings.append(message)
        self.say(EventKind.WARNING, message=message, **facts)

    def plan(self, stages: tuple[Stage, ...]) -> None:
        self.stages = {}
        for stage in stages:
            self._note(StageRecord(stage, StageStatus.PENDING))

    def take(self, stage: Stage, record: StageRecord) -> None:
        """Enters a stage of an earlier run, whose output this one goes on from."""
        self._note(replace(record, stage=stage))

    def keep(self, stage: Stage, record: StageRecord) -> None:
        """Enters a stage that an earlier run of the same work had ended."""
        self.take(stage, record)
        self.say(EventKind.STAGE_FINISHED, stage, duration=record.duration, kept=True)

    def start(self, stage: Stage, **input_params: Any) -> None:
        """Marks a stage as begun; nothing happens if it has been."""
        if stage not in self._started:
            self.begin(stage, **input_params)

    def begin(self, stage: Stage, **input_params: Any) -> None:
        """Marks a stage as begun, also one that had ended: its duration then runs from its first start."""
        self._started.setdefault(stage, time.monotonic())
        self._note(StageRecord(stage, StageStatus.IN_PROGRESS, input_params))
        self.say(EventKind.STAGE_STARTED, stage)

    def finish(self, stage: Stage, **output: Any) -> None:
        self.start(stage)
        duration = round(time.monotonic() - self._started[stage], 3)
        self._note(replace(self.stages[stage], status=StageStatus.SUCCESS, output=output, duration=duration))
        self.say(EventKind.STAGE_FINISHED, stage, duration=duration)

    def fail(self, error: YivideoError) -> None:
        """Marks every stage that had begun and not ended as failed."""
        for stage, record in list(self.stages.items()):
            if record.status is StageStatus.IN_PROGRESS:
                duration = round(time.monotonic() - self._started[stage], 3)
                self._note(replace(record, status=StageStatus.FAILED, error=error.as_dict(), duration=duration))

    def enter(self, record: Record) -> None:
        """Saves the stages so far into the workflow's record; those that only an earlier run had stay there."""
        record.stages = {**record.stages, **self.stages}
        record.save()

    def _note(self, record: StageRecord) -> None:
        self.stages[record.stage] = record
        if self._on_stage is not None:
            self._on_stage(record)
