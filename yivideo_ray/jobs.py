"""What goes into a workflow and what comes out while it runs and when it ends. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

from yivideo_ray.errors import ResultWarning
from yivideo_ray.locations import VideoLocation
from yivideo_ray.types import STAGES, Cue, EngineFacts, Layer, Stage, SubtitleArea, VideoInfo

__all__ = ["Event", "EventKind", "Job", "Outcome", "Priority", "StageRecord", "StageStatus", "TrackOutput"]


class Priority(IntEnum):
    """Who goes first where calls wait for the GPU and gpu_lock.enable_priority_queue is on: the smaller number."""

    INTERACTIVE = 0
    BATCH = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One video to work on. Outputs go to output_dir (None: beside the video; for an address the current directory),
    named after the video.

    chain is a valid selection of the six stages in their order. start_at takes the outputs of the stages before it
    from the record of an earlier run of the same video, and runs from that stage on. priority: somebody waits for the
    result (INTERACTIVE), or nobody in particular does (BATCH). workflow_id names the work and its record (None: named
    after the file, so that the same file is the same work).

    overwrite: files of other people's, or that were changed since a run wrote them, may be replaced by outputs. again:
    a video that is done is done once more, and nothing is taken from what an earlier run kept.
    """

    video: VideoLocation
    chain: tuple[Stage, ...] = STAGES
    start_at: Stage | None = None
    output_dir: Path | None = None
    priority: Priority = Priority.BATCH
    workflow_id: str | None = None
    overwrite: bool = False
    again: bool = False


class StageStatus(StrEnum):
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of one workflow, as the results show it. duration is in seconds, None until it has ended.

    Stages 3 to 5 run chunk by chunk and overlap, so the durations of a workflow may add up to more than its wall time.
    """

    stage: Stage
    status: StageStatus
    input_params: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    duration: float | None = None


class EventKind(StrEnum):
    WORKFLOW_STARTED = "workflow_started"
    STAGE_STARTED = "stage_started"
    PROGRESS = "progress"
    STAGE_FINISHED = "stage_finished"
    WARNING = "warning"
    WORKFLOW_FINISHED = "workflow_finished"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a watcher wants to know. time is a Unix time in seconds.

    done_s and total_s are seconds of video worked through (total_s None: unknown); frames is decoded so far.
    message is a plain sentence (warnings, and the end of a workflow); data holds typed facts for programs.
    """

    kind: EventKind
    workflow_id: str
    video: str
    time: float
    stage: Stage | None = None
    done_s: float = 0.0
    total_s: float | None = None
    frames: int = 0
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackOutput:
    """One language's share of the subtitles: the scripts of its lines, the number of its cues, its files."""

    language: str
    scripts: tuple[str, ...]
    cues: int
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one workflow ended. layers are all that was read, cues those of the layers that are taken. error is
    YivideoError.as_dict() or None; outputs are the files written. tracks tells them apart where subtitles were split by
    script.

    partial: the video is damaged or not complete: decoded_s of expected_s seconds could be decoded, and the cues cover
    that part. decoded_s: None where no chunk had to be decoded. already_done: nothing was done, for an earlier run had;
    all else is that run's, as its JSON result has it.
    """

    workflow_id: str
    video: VideoLocation
    stages: tuple[StageRecord, ...]
    info: VideoInfo | None = None
    area: SubtitleArea | None = None
    layers: tuple[Layer, ...] = ()
    cues: tuple[Cue, ...] = ()
    engine: EngineFacts | None = None
    outputs: tuple[Path, ...] = ()
    tracks: tuple[TrackOutput, ...] = ()
    partial: bool = False
    decoded_s: float | None = None
    expected_s: float | None = None
    warnings: tuple[ResultWarning, ...] = ()
    error: dict[str, Any] | None = None
    already_done: bool = False

    @property
    def succeeded(self) -> bool:
        return self.error is None

    @property
    def left_all_text(self) -> bool:
        """Whether text was seen and none of it is a subtitle: what a warning tells."""
        return bool(self.layers) and not self.cues
