"""How far workflows have come, from their events, and what they tell as JSON lines. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from yivideo_ray.codec import as_plain, plain, text
from yivideo_ray.errors import ResultWarning, WarningCode
from yivideo_ray.jobs import Event, EventKind, Outcome, StageRecord
from yivideo_ray.types import Stage

__all__ = [
    "ProgressTracker",
    "WorkflowProgress",
    "ending_sentence",
    "event_line",
    "outcome_line",
    "plain_record",
    "plain_warning",
]

# Shares of a workflow's wall time before and after the stages that work through the video; they overlap each other.
SHARE_BEFORE = 0.1
SHARE_AFTER = 0.02
# Where there are no cues, each of these says why, and what to do about it.
NO_CUES_THOUGH_TEXT = (WarningCode.NONE_CHOSEN, WarningCode.UNREADABLE_SCRIPT)
_THROUGH = {Stage.CROP_SUBTITLE_IMAGES, Stage.CREATE_STITCHED_IMAGES, Stage.PERFORM_OCR}


@dataclass(slots=True)
class WorkflowProgress:
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


class ProgressTracker:
    """Every workflow's view, in the order of their first events."""

    def __init__(self) -> None:
        self.views: dict[str, WorkflowProgress] = {}

    def take(self, event: Event) -> WorkflowProgress:
        """Returns the view of the event's workflow as it is after the event."""
        view = self.views.setdefault(
            f"{event.workflow_id} {event.video}", WorkflowProgress(event.video, event.time, event.time)
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


def _advance(view: WorkflowProgress, event: Event) -> None:
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
        "already_done": outcome.already_done,
        "cues": len(outcome.cues),
        "outputs": [text(str(path)) for path in outcome.outputs],
        "partial": outcome.partial,
        "decoded_s": outcome.decoded_s,
        "expected_s": outcome.expected_s,
        "engine": outcome.engine.as_dict() if outcome.engine else None,
        "warnings": [plain_warning(warning) for warning in outcome.warnings],
        "error": outcome.error,
        "stages": {
            record.stage.value: {key: value for key, value in as_plain(plain_record(record)).items() if key != "stage"}
            for record in outcome.stages
        },
    }


def ending_sentence(outcome: Outcome) -> str:
    """Returns how a workflow that succeeded ended, for people: what it found, or that it found nothing and why."""
    if outcome.cues:
        return f"{len(outcome.cues)} cues."
    if not any(record.stage is Stage.POSTPROCESS_AND_FINALIZE for record in outcome.stages):
        return "Done."
    told = (warning.message for warning in outcome.warnings if warning.code in NO_CUES_THOUGH_TEXT)
    return next(told, "No subtitles were found.")


def plain_record(record: StageRecord) -> StageRecord:
    """Returns a stage's record with values that JSON can hold."""
    return replace(
        record,
        input_params=plain(record.input_params),
        output=plain(record.output),
        error=plain(record.error),
    )


def plain_warning(warning: ResultWarning) -> dict[str, Any]:
    """Returns a warning as documents have it: its code, its message, and beside them its facts."""
    return {"code": text(warning.code), "message": text(warning.message), **plain(warning.facts)}
