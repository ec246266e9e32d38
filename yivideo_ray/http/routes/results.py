"""What workflows give: their events, their subtitles, a picture of their layers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from yivideo_ray.codec import plain
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.http import openapi
from yivideo_ray.http.rendering import Format, preview, subtitles
from yivideo_ray.http.routes import ServiceDep, SettingsDep, WorkflowId
from yivideo_ray.progress import event_line
from yivideo_ray.service.contract import TERMINAL, NumberedEvent

__all__ = ["router"]

router = APIRouter(prefix="/v1/workflows/{workflow_id}", tags=["results"])

MEDIA_TYPES = {
    "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8",
    "ass": "text/x-ssa; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}
EVENTS = """\
event: stage_started
id: 13
data: {"event": "stage_started", "workflow_id": "wf-7d5f1c6e2b9a4f03", "video": "/videos/film.mp4", \
"time": 1795600801.5, "stage": "paddleocr.detect_subtitle_area", \
"done_s": 0.0, "total_s": 60.0, "frames": 0, "message": "", "data": {}}

"""
SRT = "1\n00:00:00,800 --> 00:00:02,600\n天亮了\n"


async def _watched(
    workflow_id: WorkflowId,
    service: ServiceDep,
    last_event_id: Annotated[
        str | None,
        Header(pattern=r"^[0-9]{1,15}$", description="The id of the last event seen: those behind it are sent."),
    ] = None,
) -> AsyncIterator[NumberedEvent]:
    """Returns the events to send. An unknown workflow is an error before anything is sent."""
    view = await service.get(workflow_id)
    events = service.events(workflow_id, int(last_event_id or 0))
    if view.state not in TERMINAL:
        return events
    async for first in events:
        return _behind(first, events)
    # Tells browsers to stop asking.
    raise HTTPException(204)


async def _behind(first: NumberedEvent, others: AsyncIterator[NumberedEvent]) -> AsyncIterator[NumberedEvent]:
    yield first
    async for event in others:
        yield event


async def _until(
    stopping: asyncio.Event, events: AsyncIterator[NumberedEvent], idle_s: float
) -> AsyncIterator[NumberedEvent]:
    """Yields the events until there are no more, the service stops, or none has come for idle_s."""
    stop = asyncio.ensure_future(stopping.wait())
    try:
        while True:
            following = asyncio.ensure_future(anext(events, None))
            try:
                await asyncio.wait([following, stop], timeout=idle_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not following.done():
                    following.cancel()
            event = None if following.cancelled() or not following.done() else following.result()
            if event is None:
                return
            yield event
    finally:
        stop.cancel()


@router.get(
    "/events",
    operation_id="watch_workflow",
    summary="Sends what happens, as it happens (server-sent events)",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Events, each with its number as id; the stream ends with the workflow.",
            "content": {"text/event-stream": {"example": EVENTS}},
        },
        204: {"description": "The workflow has ended, and there is nothing behind Last-Event-ID."},
        **openapi.problems("WORKFLOW_NOT_FOUND", "REQUEST_INVALID"),
    },
)
async def watch(
    request: Request, settings: SettingsDep, events: Annotated[AsyncIterator[NumberedEvent], Depends(_watched)]
) -> AsyncIterator[ServerSentEvent]:
    """Whoever was cut off goes on with the header Last-Event-ID, as browsers do by themselves; a stream on which
    nothing happens (serve.watch_idle_s) is cut off, too. Numbers count from 1 without holes. Data is a JSON
    object, the same as a line of `yivideo run --json`."""
    try:
        async for numbered in _until(request.app.state.stopping, events, settings.serve.watch_idle_s):
            event = numbered.event
            yield ServerSentEvent(data=plain(event_line(event)), event=event.kind.value, id=str(numbered.number))
    except YivideoError as error:
        # The answer has begun, so that no status can tell this; whoever watches asks again.
        logging.getLogger(__name__).warning("A stream of events was cut off: %s", error)


@router.get(
    "/subtitles.{format}",
    operation_id="get_subtitles",
    summary="Gives the subtitles",
    response_class=Response,
    responses={
        200: {
            "description": "The subtitles; json is the whole result document, of any chain.",
            "content": {
                "application/x-subrip": {"schema": {"type": "string"}, "example": SRT},
                "text/vtt": {"schema": {"type": "string"}},
                "text/x-ssa": {"schema": {"type": "string"}},
                "text/plain": {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        **openapi.problems("WORKFLOW_NOT_FOUND", "RESULT_NOT_READY", "RESULT_NOT_WRITTEN", "REQUEST_INVALID"),
    },
)
async def give_subtitles(  # noqa: PLR0917 - FastAPI gives them by name
    request: Request,
    workflow_id: WorkflowId,
    format: Format,
    service: ServiceDep,
    settings: SettingsDep,
    language: Annotated[
        str | None, Query(min_length=2, max_length=35, description="Only the lines in one language, such as zh or en.")
    ] = None,
) -> Response:
    """In any format, whichever ones the workflow wrote. A video without subtitles gives a valid, empty file."""
    view = await service.get(workflow_id)
    try:
        data = await request.app.state.answers.run(subtitles, view, format, language, settings)
    except TimeoutError as error:
        raise ServiceError("The disk of the results does not answer.", code="STORAGE_UNAVAILABLE") from error
    mark = "" if language is None else f".{language}"
    name = quote(f"{view.video.stem}{mark}.{format}", safe="", errors="replace")
    return Response(
        data, media_type=MEDIA_TYPES[format], headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    )


@router.get(
    "/preview.png",
    operation_id="get_preview",
    summary="Draws the layers of text on frames",
    response_class=Response,
    responses={
        200: {
            "description": "A PNG.",
            "content": {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}},
        },
        **openapi.problems(
            "WORKFLOW_NOT_FOUND",
            "RESULT_NOT_READY",
            "RESULT_NOT_WRITTEN",
            "INPUT_CHANGED",
            "INPUT_UNREACHABLE",
            "REQUEST_INVALID",
        ),
    },
)
async def give_preview(
    request: Request, workflow_id: WorkflowId, service: ServiceDep, settings: SettingsDep
) -> Response:
    """Green: layers that are taken for subtitles. Orange: the others. Each with its number, its probability and what
    weighs most for or against it, on a frame that shows it. A chain that reads no text gives a frame with the regions
    in which text is looked for."""
    view = await service.get(workflow_id)
    # Each decodes, and takes a core for seconds.
    async with request.app.state.one_preview:
        return Response(await asyncio.to_thread(preview, view, settings), media_type="image/png")
