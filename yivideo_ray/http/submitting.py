"""From the body of a request to a WorkflowRequest: JSON, or a form with the video in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request

from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, ServiceError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.http.allowlist import allowed_video
from yivideo_ray.http.incoming import Incoming
from yivideo_ray.http.resumable import Resumable
from yivideo_ray.http.uploads import Form, announced_bytes, discard, read_body, read_form
from yivideo_ray.http.webhooks import require_callback
from yivideo_ray.http.wire import PRIORITIES, NewWorkflow
from yivideo_ray.locations import VideoLocation
from yivideo_ray.service.contract import ExecutionMode, WorkflowRequest, WorkflowService, WorkflowView

__all__ = ["Submitter"]

JSON_BYTES = 1024 * 1024
# Parameters of a stage are three deep in a request, and lists of regions three more.
DEPTH = 12
# Fields of a form whose text is JSON; the others are taken as they are.
JSON_FIELDS = frozenset({"workflow_config"})
# Looking at a path: the disk that it leads to may be gone.
PATH_S = 20.0
PATHS_AT_ONCE = 16
# The event loop itself holds its tasks by weak references only.
_running: set[asyncio.Future[tuple[WorkflowView, bool]]] = set()


@dataclass(frozen=True, slots=True)
class _Asked:
    body: NewWorkflow
    form: Form


class Submitter:
    """Reads requests for workflows, and hands them over to the service."""

    def __init__(self, settings: Settings, incoming: Incoming, resumable: Resumable) -> None:
        self._settings = settings
        self._incoming = incoming
        self._resumable = resumable
        self._paths = AbandonableThreads("paths", PATHS_AT_ONCE, limit_s=PATH_S)

    async def submit(
        self, request: Request, service: WorkflowService, idempotency_key: str | None
    ) -> tuple[WorkflowView, bool]:
        """Returns the workflow that the request asks for, and whether it is new; an upload of no use is deleted.

        Errors: those of WorkflowService.require_room for a form, before its body is read; those of reading the body, of
        the path (InputError INPUT_UNREACHABLE if its disk doesn't answer), and of WorkflowService.submit.
        """
        asked = await self._read(request, service, idempotency_key)
        # To its end even if the client goes away: whether the upload is needed shows only then.
        handing_over = asyncio.ensure_future(self._hand_over(asked, service, idempotency_key))
        _running.add(handing_over)
        handing_over.add_done_callback(_running.discard)
        return await asyncio.shield(handing_over)

    async def _hand_over(
        self, asked: _Asked, service: WorkflowService, idempotency_key: str | None
    ) -> tuple[WorkflowView, bool]:
        new = False
        try:
            found, new = await service.submit(await self._request(asked, idempotency_key))
            if new and asked.body.upload_id is not None:
                await self._paths.run(self._resumable.hand_over, asked.body.upload_id)
        finally:
            if not new:
                await discard(asked.form, self._incoming)
        return found, new

    async def _request(self, asked: _Asked, idempotency_key: str | None) -> WorkflowRequest:
        try:
            upload_id = asked.body.upload_id
            if upload_id is None:
                return await self._paths.run(_request, asked, self._settings, idempotency_key)
            whole = await self._paths.run(self._resumable.video, upload_id)
            # An upload is one workflow's, however often that is asked for.
            return _request(replace(asked, form=Form(video=whole)), self._settings, f"upload {upload_id}")
        except TimeoutError as error:
            sentence = f"The disk of {asked.body.video_path!r} does not answer."
            raise InputError(sentence, code="INPUT_UNREACHABLE") from error

    async def _read(self, request: Request, service: WorkflowService, idempotency_key: str | None) -> _Asked:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == "multipart/form-data":
            await service.require_room(idempotency_key, announced_bytes(request))
            form = await read_form(request, self._incoming, self._settings.serve.max_upload_bytes)
            try:
                return _Asked(_from_form(form), form)
            except BaseException:
                await discard(form, self._incoming)
                raise
        return await _from_json(request, media_type)


async def _from_json(request: Request, media_type: str) -> _Asked:
    if media_type != "application/json":
        raise ServiceError(
            f"A body of type {media_type or 'unknown'} can't be taken.",
            code="MEDIA_TYPE_UNSUPPORTED",
            remedy="Send application/json, or multipart/form-data with the video.",
        )
    body = _validated(_parsed(await read_body(request, JSON_BYTES), ("body",)))
    if body.execution_mode is ExecutionMode.FULL and (body.video_path is None) is (body.upload_id is None):
        raise _invalid(("body", "video_path"), "mode full needs a video: its path, or an upload")
    return _Asked(body, Form())


def _from_form(form: Form) -> NewWorkflow:
    if form.video is None:
        raise _invalid(("body", "video"), "the form holds no file")
    if "video_path" in form.fields:
        raise _invalid(("body", "video_path"), "the video is uploaded: leave out its path")
    if "upload_id" in form.fields:
        raise _invalid(("body", "upload_id"), "the video is in the form: leave out the id of another")
    values: dict[str, Any] = {
        name: _parsed(value.encode(), ("body", name)) if name in JSON_FIELDS else value
        for name, value in form.fields.items()
    }
    body = _validated(values)
    if body.execution_mode is not ExecutionMode.FULL:
        raise _invalid(("body", "execution_mode"), "an upload begins a new workflow")
    return body


def _parsed(data: bytes, where: tuple[str, ...]) -> Any:
    try:
        value = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestValidationError([{"type": "json_invalid", "loc": where, "msg": "this is no JSON"}]) from error
    _require_shallow(value, where)
    return value


def _require_shallow(value: Any, where: tuple[str, ...]) -> None:
    """Raises RequestValidationError for a value nested deeper than any that is asked for: whatever walks through it
    would need as many calls."""
    level = [value]
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise _invalid(where, f"it is nested more than {DEPTH} deep")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _validated(value: Any) -> NewWorkflow:
    try:
        return NewWorkflow.model_validate(value)
    except ValidationError as error:
        wrong = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(wrong) from error


def _invalid(where: tuple[str, ...], problem: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": where, "msg": problem}])


def _request(asked: _Asked, settings: Settings, idempotency_key: str | None) -> WorkflowRequest:
    body, upload = asked.body, asked.form.video
    callback_url = None if body.callback_url is None else str(body.callback_url)
    if callback_url is not None:
        require_callback(callback_url, settings.serve)
    return WorkflowRequest(
        video=upload or _named(body, settings),
        chain=body.workflow_config.workflow_chain,
        mode=body.execution_mode,
        workflow_id=body.workflow_id,
        priority=PRIORITIES[body.priority],
        parameters={stage.value: values for stage, values in body.workflow_config.parameters.items()},
        callback_url=callback_url,
        idempotency_key=idempotency_key,
        fingerprint=_fingerprint(asked),
        owned_video=upload is not None,
    )


def _named(body: NewWorkflow, settings: Settings) -> VideoLocation | None:
    return None if body.video_path is None else allowed_video(body.video_path, settings.storage)


def _fingerprint(asked: _Asked) -> str:
    """Returns what is the same for requests that ask for the same, however they are written."""
    meant = {
        "body": asked.body.model_dump(mode="json"),
        "upload": asked.form.video and [asked.form.video.name, asked.form.digest],
    }
    return hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()
