"""The service itself: its queue, whether it lives and is ready, its figures, its documentation."""

from __future__ import annotations

import contextlib
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse

from yivideo_ray.codec import plain
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.http import metrics, openapi
from yivideo_ray.http.pages import docs_page
from yivideo_ray.http.routes import ServiceDep
from yivideo_ray.http.wire import EXAMPLE_ID

__all__ = ["router"]

router = APIRouter(tags=["service"])

QUEUE = {
    "cluster": {"cpus": 2, "gpus": 0.0, "nodes": 1, "started_here": True, "namespace": "yivideo"},
    "gpu_actors": [{"ready": True, "device": "cpu", "running": [], "waiting": 0, "queue": []}],
    "error": None,
    "workflows": {
        "waiting": 0,
        "max_queued": 1000,
        "next": [],
        "running": [EXAMPLE_ID],
        "max_running": 4,
    },
}


@router.get(
    "/v1/queue",
    operation_id="get_queue",
    summary="Shows the device's queue, live",
    responses={
        200: openapi.answer("What the GPU actors do, what waits for them, and the workflows.", QUEUE),
        **openapi.problems("SERVICE_UNAVAILABLE", "CLUSTER_UNAVAILABLE"),
    },
)
async def show_queue(service: ServiceDep) -> dict[str, Any]:
    """Per actor: the running call and since when, the calls that wait with the time to expect, memory, restarts."""
    found: dict[str, Any] = plain(await service.queue())
    return found


@router.get(
    "/livez",
    operation_id="is_alive",
    summary="Answers as long as the service lives",
    openapi_extra={"security": []},
    responses={200: openapi.answer("It lives.", {"status": "alive"}), **openapi.problems()},
)
async def is_alive() -> dict[str, str]:
    """Needs no key."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    operation_id="is_ready",
    summary="Tells whether workflows would go on now",
    responses={
        200: openapi.answer("It is ready.", {"status": "ready"}),
        **openapi.problems("SERVICE_UNAVAILABLE"),
    },
)
async def is_ready(service: ServiceDep) -> dict[str, str]:
    """Ready means that a real inference went through the process that owns the models, that the database takes
    transactions and that its disk has room. All are asked each time; `facts` of the error says which is not."""
    unready = await service.unready()
    if unready:
        raise ServiceError(
            " ".join(f"{name}: {sentence}" for name, sentence in unready.items()),
            code="SERVICE_UNAVAILABLE",
            remedy="Mend what is named, or wait if the service is starting.",
            **unready,
        )
    return {"status": "ready"}


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Gives figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "The figures.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": 'yivideo_gpu_ready{actor="0"} 1.0\n'}},
        },
        **openapi.problems("SERVICE_UNAVAILABLE", "CLUSTER_UNAVAILABLE"),
    },
)
async def give_metrics(request: Request, service: ServiceDep) -> Response:
    """Requests by route and answer, calls at the GPU actors, workflows by state, failures by code, callbacks, the
    database and the disk. It answers without the database, too, and `yivideo_database_ok` says so."""
    kept = await service.figures()
    queue = None
    if kept.database_ok:
        with contextlib.suppress(YivideoError):
            queue = await service.queue()
    page = request.app.state.metrics.page(queue, kept)
    return Response(page, headers={"Content-Type": metrics.MEDIA_TYPE})


@router.get(
    "/docs",
    operation_id="get_docs",
    summary="Shows this documentation",
    response_class=HTMLResponse,
    openapi_extra={"security": []},
    responses={
        200: {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}},
        **openapi.problems(),
    },
)
async def show_docs(request: Request) -> Response:
    """Every call with an example, and every error code. Needs no key."""
    return HTMLResponse(
        docs_page(request.app.openapi()),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
    )


@router.get(
    "/openapi.json",
    operation_id="get_schema",
    summary="Gives the OpenAPI schema",
    response_class=JSONResponse,
    responses={
        200: {"description": "The schema.", "content": {"application/json": {"schema": {"type": "object"}}}},
        **openapi.problems(),
    },
)
async def give_schema(request: Request) -> Response:
    """For programs that make clients."""
    return JSONResponse(request.app.openapi())
