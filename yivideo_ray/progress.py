"""What a watcher of workflows sees: a live table on a terminal, JSON lines elsewhere.

Tracker turns events into figures and is pure; the two displays only draw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from yivideo_ray.jobs import Event, EventKind, Outcome
from yivideo_ray.subtitles.document import text
from yivideo_ray.types import STAGES, Stage

__all__ = ["JsonLines", "LiveTable", "Tracker", "WorkflowView", "display", "event_line", "outcome_line", "summary"]

# Shares of a workflow's wall time before and after the stages that work through the video; they overlap each other.
SHARE_BEFORE = 0.1
SHARE_AFTER = 0.02
_THROUGH = {Stage.CROP_SUBTITLE_IMAGES, Stage.CREATE_STITCHED_IMAGES, Stage.PERFORM_OCR}


@dataclass(slots=True)
class WorkflowView:
    """One workflow as shown. decoded and read are shares (0 to 1) of the video; times are Unix times in seconds."""

    video: str
    started: float
    now: float
    stage: Stage | None = None
    decoded: float = 0.0
    read: float = 0.0
    reads: bool = False
    frames: int = 0
    decoding_since: float | None = None
    decoding_until: float | None = None
    device: str = ""
    message: str = ""
    ended: bool = False
    succeeded: bool = False
    stages_done: set[Stage] = field(default_factory=set)

    @property
    def share(self) -> float:
        """Returns how much of the whole job is done, 0 to 1."""
        if self.ended:
            return 1.0
        if Stage.PERFORM_OCR in self.stages_done:
            return 1.0 - SHARE_AFTER
        if self.decoding_since is None:
            return SHARE_BEFORE * len(self.stages_done) / 2
        through = (self.decoded + self.read) / 2 if self.reads else self.decoded
        return SHARE_BEFORE + through * (1.0 - SHARE_BEFORE - SHARE_AFTER)

    @property
    def frames_per_s(self) -> float | None:
        if self.decoding_since is None or not self.frames:
            return None
        took = (self.decoding_until or self.now) - self.decoding_since
        return self.frames / took if took > 0 else None

    @property
    def left_s(self) -> float | None:
        """Returns the seconds until the job's end at the pace so far; None before there is a pace."""
        if self.ended:
            return 0.0
        if self.decoding_since is None or self.share <= SHARE_BEFORE:
            return None
        took = self.now - self.decoding_since
        return took * (1.0 - self.share) / (self.share - SHARE_BEFORE)


class Tracker:
    """Every workflow's view, in the order of their first events."""

    def __init__(self) -> None:
        self.views: dict[str, WorkflowView] = {}

    def take(self, event: Event) -> WorkflowView:
        """Returns the view of the event's workflow as it is after the event."""
        view = self.views.setdefault(
            f"{event.workflow_id} {event.video}", WorkflowView(event.video, event.time, event.time)
        )
        view.now = max(view.now, event.time)
        match event.kind:
            case EventKind.STAGE_STARTED:
                view.stage = event.stage
                view.reads = view.reads or event.stage is Stage.CREATE_STITCHED_IMAGES
                if event.stage is Stage.CROP_SUBTITLE_IMAGES:
                    view.decoding_since = event.time
            case EventKind.STAGE_FINISHED if event.stage is not None:
                view.stages_done.add(event.stage)
                if event.stage is Stage.CROP_SUBTITLE_IMAGES:
                    view.decoded, view.decoding_until = 1.0, event.time
            case EventKind.PROGRESS:
                _advance(view, event)
            case EventKind.WARNING:
                view.message = event.message
            case EventKind.WORKFLOW_FINISHED:
                view.ended, view.message = True, event.message
                view.succeeded = bool(event.data.get("succeeded"))
        return view


def _advance(view: WorkflowView, event: Event) -> None:
    engine = event.data.get("engine")
    if engine:
        view.device = str(engine["device"])
    if event.stage not in _THROUGH or not event.total_s:
        view.frames = max(view.frames, event.frames)
        return
    share = min(1.0, event.done_s / event.total_s)
    view.frames = max(view.frames, event.frames)
    if event.stage is Stage.CROP_SUBTITLE_IMAGES:
        view.decoded = max(view.decoded, share)
    else:
        view.read = max(view.read, share)


def event_line(event: Event) -> dict[str, Any]:
    """Returns an event as a JSON object; its key `event` says what kind it is."""
    return {
        "event": event.kind.value,
        "workflow_id": event.workflow_id,
        "video": text(event.video),
        "time": round(event.time, 3),
        "stage": event.stage.value if event.stage else None,
        "done_s": round(event.done_s, 3),
        "total_s": event.total_s,
        "frames": event.frames,
        "message": text(event.message),
        "data": event.data,
    }


def outcome_line(outcome: Outcome) -> dict[str, Any]:
    """Returns how a workflow ended as a JSON object whose key `event` is "outcome"."""
    return {
        "event": "outcome",
        "workflow_id": outcome.workflow_id,
        "video": text(str(outcome.video)),
        "succeeded": outcome.succeeded,
        "cues": len(outcome.cues),
        "outputs": [text(str(path)) for path in outcome.outputs],
        "partial": outcome.partial,
        "decoded_s": outcome.decoded_s,
        "expected_s": outcome.expected_s,
        "engine": outcome.engine.as_dict() if outcome.engine else None,
        "warnings": [text(warning) for warning in outcome.warnings],
        "error": outcome.error,
        "stages": {
            record.stage.value: {
                "status": record.status.value,
                "input_params": record.input_params,
                "output": record.output,
                "error": record.error,
                "duration": record.duration,
            }
            for record in outcome.stages
        },
    }


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Returns the lines that tell a person how successful workflows ended, and what to know about their results."""
    lines = []
    for outcome in outcomes:
        if not outcome.succeeded:
            continue
        name = text(outcome.video.name)
        finalized = any(record.stage is STAGES[-1] for record in outcome.stages)
        found = f"{len(outcome.cues)} cues" if outcome.cues else "no subtitles found" if finalized else "done"
        where = ", ".join(text(str(path)) for path in outcome.outputs)
        device = f" (models on {outcome.engine.device})" if outcome.engine else ""
        lines.append(f"{name}: {found}{device}: {where}")
        if outcome.partial:
            lines.append(f"{name}: PARTIAL: {outcome.decoded_s:.1f} of {outcome.expected_s or 0:.1f} s were decoded")
        lines.extend(f"{name}: warning: {text(warning)}" for warning in outcome.warnings)
    return lines


def display(stream: IO[str], as_json: bool) -> JsonLines | LiveTable:
    """Returns the live table on a terminal, unless JSON is asked for, and JSON lines elsewhere."""
    return LiveTable(stream) if stream.isatty() and not as_json else JsonLines(stream)


class JsonLines:
    """Writes one JSON object a line, each at once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def take(self, event: Event) -> None:
        self._write(event_line(event))

    def end(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._write(outcome_line(outcome))

    def _write(self, line: dict[str, Any]) -> None:
        self._stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self._stream.flush()


class LiveTable:
    """A table that redraws itself on a terminal: per workflow stage, percent, frames/s, time left, device."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tracker = Tracker()
        self._live = Live(
            console=Console(file=stream), get_renderable=self._table, refresh_per_second=4, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def take(self, event: Event) -> None:
        self._tracker.take(event)

    def end(self, outcomes: Sequence[Outcome]) -> None:
        """Nothing: the last table stands."""

    def _table(self) -> Any:
        from rich.markup import escape
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for title in ("video", "stage", "", "%", "frames/s", "left", "device", ""):
            table.add_column(title, overflow="ellipsis", no_wrap=title != "")
        for view in self._tracker.views.values():
            if not view.ended:
                view.now = time.time()
            speed, left = view.frames_per_s, view.left_s
            table.add_row(
                escape(text(Path(view.video).name)),
                "done" if view.ended and view.succeeded else "failed" if view.ended else _short(view.stage),
                ProgressBar(total=1.0, completed=view.share, width=20),
                f"{view.share * 100:.0f}",
                "" if speed is None else f"{speed:.0f}",
                "" if left is None else _clock(left),
                view.device,
                escape(text(view.message)),
            )
        return table


def _short(stage: Stage | None) -> str:
    return "starting" if stage is None else stage.value.partition(".")[2].replace("_", " ")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
