"""Workflows: made, looked at, cancelled, tried again, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from yivideo_ray.http import openapi
from yivideo_ray.http.routes import ServiceDep, WorkflowId
from yivideo_ray.http.submitting import Submitter
from yivideo_ray.http.wire import Workflow, Workflows, workflow, workflows
from yivideo_ray.service.contract import WorkflowState

__all__ = ["router"]

router = APIRouter(prefix="/v1/workflows", tags=["workflows"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours that names this request: sent again with the same body, it gives the same "
        "workflow; with another body it is refused.",
    ),
]
JSON_OR_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/NewWorkflow"}},
            "multipart/form-data": {"schema": {"$ref": "#/components/schemas/NewUpload"}},
        },
    }
}
SHOWN: dict[int | str, dict[str, Any]] = {
    200: openapi.answer("The workflow as it stands.", openapi.WORKFLOW),
    **openapi.problems("WORKFLOW_NOT_FOUND", "REQUEST_INVALID"),
}


@router.post(
    "",
    operation_id="create_workflow",
    summary="Works on a video",
    status_code=202,
    response_model=Workflow,
    openapi_extra=JSON_OR_FORM,
    responses={
        202: openapi.answer("The workflow is kept, and will be worked on.", openapi.WORKFLOW),
        **openapi.problems(
            "REQUEST_MALFORMED",
            "REQUEST_TIMEOUT",
            "PATH_OUTSIDE_ROOT",
            "INPUT_NOT_FOUND",
            "WORKFLOW_NOT_FOUND",
            "WORKFLOW_STATE_CONFLICT",
            "UPLOAD_TOO_LARGE",
            "REQUEST_TOO_LARGE",
            "MEDIA_TYPE_UNSUPPORTED",
            "REQUEST_INVALID",
            "CHAIN_INVALID",
            "CONFIG_INVALID",
            "INPUT_SCHEME_FORBIDDEN",
            "IDEMPOTENCY_KEY_REUSED",
            "CALLBACK_FORBIDDEN",
            "UPLOAD_NOT_FOUND",
            "UPLOAD_CONFLICT",
            "QUEUE_FULL",
            "TOO_MANY_REQUESTS",
            "STORAGE_FULL",
        ),
    },
)
async def create(
    request: Request,
    response: Response,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Workflow:
    """Takes a video by its path on the service's machine, or as an upload (multipart/form-data), and answers at once.

    The header Location says where the workflow is. Any chain is allowed in which every stage finds its input.
    """
    submitter: Submitter = request.app.state.submitter
    view, _ = await submitter.submit(request, service, idempotency_key)
    found = workflow(view)
    response.headers["Location"] = found.links.self
    return found


@router.get(
    "",
    operation_id="list_workflows",
    summary="Lists workflows, the newest first",
    responses={
        200: openapi.answer("A page of them.", {"workflows": [openapi.WORKFLOW], "next_cursor": None}),
        **openapi.problems("REQUEST_INVALID"),
    },
)
async def find(
    service: ServiceDep,
    state: Annotated[list[WorkflowState], Query(description="Only those in one of these states.")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(min_length=1, max_length=200, description="The page's next_cursor.")] = None,
) -> Workflows:
    """Each page holds up to `limit` of them; its `next_cursor` asks for the next one."""
    return workflows(await service.list(states=state, limit=limit, cursor=cursor))


# The last decorator is applied first, so that the old address stands first in the schema.
@router.get("/{workflow_id}", operation_id="get_workflow", summary="Shows a workflow", responses=SHOWN)
@router.get(
    "/status/{workflow_id}",
    operation_id="get_workflow_status",
    summary="Shows a workflow (old address)",
    description="The same as GET /v1/workflows/{workflow_id}, for clients of YiVideo.",
    deprecated=True,
    responses=SHOWN,
)
async def show(workflow_id: WorkflowId, service: ServiceDep) -> Workflow:
    """State, stages with their outputs and errors, percent, time left, place in the queue."""
    return workflow(await service.get(workflow_id))


@router.post(
    "/{workflow_id}/cancel",
    operation_id="cancel_workflow",
    summary="Cancels a workflow",
    status_code=202,
    responses={
        202: openapi.answer(
            "The workflow: CANCELLED, or cancelling.", {**openapi.WORKFLOW, "state": "CANCELLED", "eta_s": None}
        ),
        **openapi.problems("WORKFLOW_NOT_FOUND", "WORKFLOW_STATE_CONFLICT", "REQUEST_INVALID"),
    },
)
async def cancel(workflow_id: WorkflowId, service: ServiceDep) -> Workflow:
    """One that waits is CANCELLED within a second; one that runs within the time of a chunk and five seconds. It leaves
    no result."""
    return workflow(await service.cancel(workflow_id))


@router.post(
    "/{workflow_id}/retry",
    operation_id="retry_workflow",
    summary="Runs a workflow again that failed or was cancelled",
    status_code=202,
    responses={
        202: openapi.answer(
            "The workflow, which waits for its turn again.",
            {**openapi.WORKFLOW, "state": "PENDING", "queue_position": 1, "eta_s": None},
        ),
        **openapi.problems("WORKFLOW_NOT_FOUND", "WORKFLOW_STATE_CONFLICT", "QUEUE_FULL", "REQUEST_INVALID"),
    },
)
async def retry(workflow_id: WorkflowId, service: ServiceDep) -> Workflow:
    """From the first stage that did not succeed; what was done stays done."""
    return workflow(await service.retry(workflow_id))


@router.delete(
    "/{workflow_id}",
    operation_id="delete_workflow",
    summary="Deletes a workflow that has ended",
    status_code=204,
    responses={
        204: {"description": "It is gone."},
        **openapi.problems("WORKFLOW_NOT_FOUND", "WORKFLOW_STATE_CONFLICT", "REQUEST_INVALID"),
    },
)
async def delete(workflow_id: WorkflowId, service: ServiceDep) -> None:
    """With its results, and with its video if that was uploaded."""
    await service.delete(workflow_id)
