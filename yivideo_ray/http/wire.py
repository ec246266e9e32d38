"""What goes over the wire: the bodies of requests and answers, as pydantic models. OpenAPI's schema comes from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, model_validator

from yivideo_ray.codec import plain, text
from yivideo_ray.jobs import Priority, StageRecord, StageStatus
from yivideo_ray.progress import plain_record, plain_warning
from yivideo_ray.service.contract import ExecutionMode, WorkflowPage, WorkflowState, WorkflowView
from yivideo_ray.types import STAGES, Stage

__all__ = ["NewUpload", "NewWorkflow", "Workflow", "WorkflowConfig", "Workflows", "workflow", "workflows"]

PRIORITIES = {"interactive": Priority.INTERACTIVE, "batch": Priority.BATCH}
ID_PATTERN = r"^[A-Za-z0-9_-]{1,100}$"
EXAMPLE_ID = "wf-7d5f1c6e2b9a4f03"
SIX_STAGES: tuple[str, ...] = tuple(stage.value for stage in STAGES)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkflowConfig(_Request):
    """What is done with the video."""

    workflow_chain: tuple[Stage, ...] = Field(
        STAGES, min_length=1, max_length=len(STAGES), description="Stages in their order, each once at most."
    )
    parameters: dict[Stage, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings for single stages, as config.yml has them, by the stage's name.",
        examples=[{"paddleocr.postprocess_and_finalize": {"min_confidence": 0.8, "layers": [1, 3]}}],
    )


class NewWorkflow(_Request):
    """A video to work on, or how to go on with a workflow that is there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"video_path": "/videos/film.mp4", "workflow_config": {"workflow_chain": [*SIX_STAGES]}}]
        }
    )

    video_path: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="A file on the service's machine under one of storage.allowed_roots, or an address that begins "
        "with one of storage.allowed_urls. Mode full needs it, unless the video is uploaded; the others have that of "
        "workflow_id.",
    )
    upload_id: str | None = Field(
        None,
        pattern=r"^up-[0-9a-f]{32}$",
        description="An upload of /v1/uploads, in place of video_path. It belongs to the workflow then; asked again, "
        "it gives that workflow.",
    )
    workflow_config: WorkflowConfig = WorkflowConfig()
    execution_mode: ExecutionMode = Field(
        ExecutionMode.FULL,
        description="full: a new workflow. incremental: goes on with workflow_id, whose chain is a prefix of this one; "
        "done stages are kept. retry: workflow_id again, from the first stage that did not succeed.",
    )
    workflow_id: str | None = Field(
        None, pattern=ID_PATTERN, description="The workflow to go on with, for the modes incremental and retry."
    )
    priority: Literal["interactive", "batch"] = Field(
        "batch", description="interactive: before others where calls wait for the GPU."
    )
    callback_url: AnyHttpUrl | None = Field(
        None,
        description="Is told how the workflow ended, by a POST that is signed as Standard Webhooks says "
        "(serve.callback_secret).",
    )

    @model_validator(mode="after")
    def _goes_on_with_something(self) -> Self:
        if self.execution_mode is ExecutionMode.FULL and self.workflow_id is not None:
            raise ValueError("workflow_id belongs to the modes incremental and retry")
        if self.execution_mode is not ExecutionMode.FULL and self.workflow_id is None:
            raise ValueError(f"mode {self.execution_mode.value} needs the workflow_id to go on with")
        if self.execution_mode is not ExecutionMode.FULL and (self.video_path or self.upload_id):
            raise ValueError(f"mode {self.execution_mode.value} has the video of its workflow: leave out video_path")
        return self


class NewUpload(_Request):
    """A form with the video in it; the fields are those of NewWorkflow, workflow_config as JSON text."""

    video: Annotated[str, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]
    workflow_config: WorkflowConfig = WorkflowConfig()
    priority: Literal["interactive", "batch"] = "batch"
    callback_url: AnyHttpUrl | None = None


class StageAnswer(BaseModel):
    """One stage of a workflow. duration is in seconds, null until it has ended; stages 3 to 5 overlap."""

    status: StageStatus
    input_params: dict[str, Any]
    output: dict[str, Any]
    error: dict[str, Any] | None
    duration: float | None


class WarningAnswer(BaseModel):
    """What a person should know of a result: a stable code, one plain sentence, and beside them facts for programs."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["LAYER_IN_DOUBT"])
    message: str


class Links(BaseModel):
    """Where to go from here. subtitles by their format."""

    self: str
    events: str
    preview: str
    subtitles: dict[str, str]


class Workflow(BaseModel):
    """A workflow as it stands. stages are in the chain's order; error has `code`, `message` and `remedy`."""

    workflow_id: str = Field(examples=[EXAMPLE_ID])
    state: WorkflowState
    cancelling: bool = Field(description="A cancel is under way: at most the time of a chunk and some seconds.")
    video: str = Field(examples=["/videos/film.mp4"])
    workflow_chain: list[Stage]
    priority: Literal["interactive", "batch"]
    percent: float = Field(ge=0, le=100)
    eta_s: float | None = Field(description="Seconds until the end at the pace so far; null: no pace yet.")
    queue_position: int | None = Field(description="1: the next one. null: it does not wait.")
    created: datetime
    started: datetime | None
    ended: datetime | None
    stages: dict[Stage, StageAnswer]
    outputs: list[str] = Field(description="Files written, as the service's machine names them.")
    error: dict[str, Any] | None
    warnings: list[WarningAnswer]
    partial: bool = Field(description="Only a part of the video could be decoded, and the subtitles cover that part.")
    callback_url: str | None
    links: Links


class Workflows(BaseModel):
    """Workflows, the newest first. next_cursor gives the page after this one; null: there is none."""

    workflows: list[Workflow]
    next_cursor: str | None


FORMATS = ("srt", "vtt", "ass", "txt", "json")


def workflow(view: WorkflowView) -> Workflow:
    """Returns a workflow as answers show it; all text in it can be encoded as UTF-8."""
    here = f"/v1/workflows/{view.workflow_id}"
    return Workflow(
        workflow_id=view.workflow_id,
        state=view.state,
        cancelling=view.cancelling,
        video=text(str(view.video)),
        workflow_chain=list(view.chain),
        priority="interactive" if view.priority is Priority.INTERACTIVE else "batch",
        percent=round(view.percent, 2),
        eta_s=None if view.eta_s is None else round(view.eta_s, 1),
        queue_position=view.queue_position,
        created=_instant(view.created),
        started=None if view.started is None else _instant(view.started),
        ended=None if view.ended is None else _instant(view.ended),
        stages={record.stage: _stage(record) for record in view.stages},
        outputs=[text(str(path)) for path in view.outputs],
        error=plain(view.error),
        warnings=[WarningAnswer(**plain_warning(warning)) for warning in view.warnings],
        partial=view.partial,
        callback_url=view.callback_url,
        links=Links(
            self=here,
            events=f"{here}/events",
            preview=f"{here}/preview.png",
            subtitles={name: f"{here}/subtitles.{name}" for name in FORMATS},
        ),
    )


def workflows(page: WorkflowPage) -> Workflows:
    return Workflows(workflows=[workflow(view) for view in page.workflows], next_cursor=page.next_cursor)


def _stage(record: StageRecord) -> StageAnswer:
    return StageAnswer.model_validate(plain_record(record), from_attributes=True)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
