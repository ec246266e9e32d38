"""Every error as problem+json (RFC 9457), with the stable code and the remedy: ours, the framework's, and faults."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yivideo_ray.codec import plain, text
from yivideo_ray.errors import InternalError, ServiceError, YivideoError
from yivideo_ray.executors import Threads
from yivideo_ray.runtime.failures import log_fault

__all__ = ["Faults", "Problem", "explain", "handle_errors", "problem_response"]

MEDIA_TYPE = "application/problem+json"
# What the framework finds wrong by itself, by HTTP status.
_FRAMEWORK_CODES = {
    400: "REQUEST_MALFORMED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "REQUEST_TOO_LARGE",
    415: "MEDIA_TYPE_UNSUPPORTED",
}
_TOLD = 10


class Invalid(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="Where it stands, such as body.workflow_config.workflow_chain.0.")
    problem: str


class Problem(BaseModel):
    """Why a request failed (RFC 9457). `code` is stable; `remedy` says what to do."""

    type: str = Field(description="The place in /docs that explains the code.", examples=["/docs#INPUT_NOT_FOUND"])
    title: str = Field(examples=["Input not found"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(examples=["There is no file '/videos/film.mp4'."])
    code: str = Field(examples=["INPUT_NOT_FOUND"])
    remedy: str = Field(examples=["Check the path."])
    retryable: bool = Field(description="Whether the same request may succeed later.", examples=[False])
    facts: dict[str, Any] = Field(default_factory=dict, description="Typed values for programs.")
    errors: list[Invalid] = Field(default_factory=list, description="What is wrong with the request, one by one.")


def problem_response(error: YivideoError, errors: Sequence[Invalid] = (), allow: str | None = None) -> Response:
    """Returns the answer that tells an error. allow: the methods that there are, for 405."""
    code = error.code
    problem = Problem(
        type=f"/docs#{code.name}",
        title=code.name.replace("_", " ").capitalize(),
        status=code.http_status,
        detail=text(error.message),
        code=code.name,
        remedy=text(error.remedy),
        retryable=code.retryable,
        facts=plain(error.facts),
        errors=list(errors),
    )
    headers: dict[str, str] = {}
    if code.http_status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="yivideo"'
    if allow is not None:
        headers["Allow"] = allow
    wait_s = error.facts.get("retry_after_s")
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    return JSONResponse(problem.model_dump(), code.http_status, headers, MEDIA_TYPE)


def explain(error: RequestValidationError) -> Response:
    """Returns the answer to a request that doesn't fit the schema; nothing of what was sent is in it."""
    found = [
        Invalid(
            where=text(".".join(map(str, item["loc"]))), problem=text(str(item["msg"]).removeprefix("Value error, "))
        )
        for item in error.errors()[:_TOLD]
    ]
    malformed = any(item["type"] == "json_invalid" for item in error.errors())
    sentence = "; ".join(f"{item.where}: {item.problem}" for item in found)
    code = "REQUEST_MALFORMED" if malformed else "REQUEST_INVALID"
    return problem_response(ServiceError(f"The request is wrong: {sentence}.", code=code), found)


def handle_errors(app: FastAPI) -> None:
    """Has the app answer the errors that it knows as problems; Faults answers those that nobody expects."""

    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, YivideoError)
        if isinstance(error, InternalError):
            raise error
        return problem_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return explain(error)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code < 400:
            return Response(status_code=error.status_code)
        code = _FRAMEWORK_CODES.get(error.status_code, "REQUEST_MALFORMED")
        message = {
            "NOT_FOUND": f"There is no {request.url.path}.",
            "METHOD_NOT_ALLOWED": f"{request.method} can't be asked of {request.url.path}.",
        }.get(code, f"{error.detail}.")
        allow = _allowed(app, request) if code == "METHOD_NOT_ALLOWED" else None
        return problem_response(ServiceError(message, code=code), allow=allow)

    app.add_exception_handler(YivideoError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, framework)


def _allowed(app: FastAPI, request: Request) -> str:
    """Returns the methods that the request's path knows; the framework itself names those of one route only."""
    path = request.scope["route"].path
    return ", ".join(sorted(method.upper() for method in app.openapi()["paths"][path]))


class Faults:
    """Answers what nobody expected with INTERNAL: the traceback goes into a file, and one line into the log."""

    def __init__(self, app: ASGIApp, work_dir: Path) -> None:
        self._app = app
        self._work_dir = work_dir
        self._threads = Threads("faults", 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            # Whoever asked has gone; nobody hears an answer.
            return
        except Exception as error:
            fault = await self._threads.run(log_fault, error, self._work_dir)
            # The file's place is for those who run the service, not for those who ask.
            logging.getLogger(__name__).error("%s %s failed. %s", scope.get("method"), scope.get("path"), fault)
            if started or scope["type"] != "http":
                raise
            name = Path(str(fault.facts["log"])).name if "log" in fault.facts else "its log"
            answer = InternalError(
                "The service met a fault of its own.",
                remedy=f"This is a fault of yivideo: report it with {name} of the service.",
            )
            await problem_response(answer)(scope, receive, send)
