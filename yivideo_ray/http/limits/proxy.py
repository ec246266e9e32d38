"""What Ray Serve's HTTP proxy lacks, put into its process before it listens.

Serve's proxy (uvicorn) has a time limit for connections that are idle between requests, and none for heads, bodies, or
answers that nobody fetches; it gives every request to the replica as soon as its head is there; and it has two calls
of its own that need no key. Serve imports this module there and calls `middlewares`, because the controller's
environment names it (deployment.py); RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH is Serve's own way of adding to its
proxy. Nothing of it applies where somebody else started Serve: then a proxy in front has to do it (docs/service.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
from dataclasses import asdict, dataclass, replace
from typing import Any

import uvicorn.config
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from yivideo_ray.config import ServeSettings
from yivideo_ray.errors import ServiceError
from yivideo_ray.http.limits.bodies import Pace, TimedBody
from yivideo_ray.http.problems import problem_response

__all__ = ["ProxyGuard", "TimedConnection", "environment", "middlewares"]

VARIABLE = "RAY_SERVE_YIVIDEO_PROXY_LIMITS"
# A body is given to the replica once so much of it is there, or all of it.
BUFFER_BYTES = 16 * 1024
HEAD_BYTES = 64 * 1024
# How long an answer may lie unfetched.
UNFETCHED_S = 60.0
# A client that still sends when it has been answered is read for so long: closed at once, its connection might be reset
# before it has read the answer.
LINGER_S = 2.0
# The app answers a body that comes too slowly before this module ends it.
LATER_S = 30.0
# Clients that ask first (Expect: 100-continue) are answered from the head, so many of them at a time.
ASKING_FIRST = 64
MOST_CONNECTIONS = 8192
FILES_LEFT = 256
# Headers that Serve would obey: a client may neither lift its time limit nor stay when it has gone.
_OF_SERVE = re.compile(rb"x-request-timeout-seconds|x-request-disconnect-disabled|serve[-_]multiplexed[-_]model[-_]id")
_PLAIN = re.compile(rb"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Limits:
    timeout_s: float
    bytes_per_s: int


def environment(settings: ServeSettings) -> dict[str, str]:
    """Returns the variables that have Serve's proxies, where they inherit them, keep the limits of the settings."""
    limits = Limits(settings.receive_timeout_s, settings.min_upload_bytes_per_s)
    return {
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": f"{__name__}.middlewares",
        VARIABLE: json.dumps(asdict(limits)),
    }


def middlewares() -> list[Middleware]:
    """Returns what Serve's proxy puts before its app, and has uvicorn use TimedConnection in this process."""
    limits = Limits(**json.loads(os.environ[VARIABLE]))
    TimedConnection.timeout_s = limits.timeout_s
    # By name, as uvicorn has its own there: Serve doesn't say which it wants, and has no setting for it.
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{TimedConnection.__name__}"
    return [Middleware(ProxyGuard, pace=Pace(limits.timeout_s, limits.bytes_per_s))]


class TimedConnection(HttpToolsProtocol):
    """A connection that is closed if the head of a request takes longer than timeout_s or HEAD_BYTES, or if nobody
    fetches an answer for UNFETCHED_S."""

    timeout_s = 20.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _most_connections():
            transport.abort()
            return
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        in_head = self._head_timer is not None
        super().data_received(data)
        if in_head and self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._close(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self._write_timer or self.loop.call_later(UNFETCHED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_write()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self._end_write()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.timeout_s, self._close, 408)

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_write(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _close(self, status: int) -> None:
        self._end_head()
        if self.transport.is_closing():
            return
        # In the midst of the answer to an earlier request nothing can be said.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(STATUS_LINE[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()


def _most_connections() -> int:
    return max(1, min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FILES_LEFT))


class ProxyGuard:
    """Gives a request to Serve once its body, or the first BUFFER_BYTES of it, are there: until then a slow client
    costs a connection and takes no place of the replica. Serve's own calls are not found."""

    def __init__(self, app: ASGIApp, pace: Pace) -> None:
        self._app = app
        self._pace = pace
        self._asking_first = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith("/-/"):
            error = ServiceError(f"There is no {scope['path']}.", code="NOT_FOUND")
            await problem_response(error)(scope, receive, send)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if _is_for_app(*pair)]}
        body = _Body(receive, self._pace)
        asks_first = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        if asks_first and self._asking_first < ASKING_FIRST:
            self._asking_first += 1
            try:
                await self._app(scope, body, body.lingering(send))
            finally:
                self._asking_first -= 1
            return
        try:
            await body.fill()
        except ServiceError as error:
            await problem_response(error)(scope, receive, _closing(send))
            return
        await self._app(scope, body, body.lingering(send))


def _is_for_app(name: bytes, value: bytes) -> bool:
    if name == b"x-request-id":
        return _PLAIN.fullmatch(value) is not None
    return _OF_SERVE.fullmatch(name) is None


class _Body:
    """An ASGI receive that gives what was read ahead first."""

    def __init__(self, receive: Receive, pace: Pace) -> None:
        self._timed = TimedBody(receive, pace)
        self._ahead: list[Message] = []
        self._is_answered = False
        self._over = asyncio.Event()

    async def fill(self) -> None:
        """Reads ahead. Errors: ServiceError REQUEST_TIMEOUT."""
        size = 0
        while size < BUFFER_BYTES and not self._timed.ended:
            message = await self._timed()
            size += len(message.get("body", b""))
            self._ahead.append(message)
        self._timed.pace = replace(self._timed.pace, timeout_s=self._timed.pace.timeout_s + LATER_S)

    async def __call__(self) -> Message:
        if self._ahead:
            return self._ahead.pop(0)
        if self._is_answered:
            await self._over.wait()
            return {"type": "http.disconnect"}
        try:
            return await self._timed()
        except ServiceError:
            return {"type": "http.disconnect"}

    def lingering(self, send: Send) -> Send:
        """Returns a send that keeps the connection for a moment, where the answer comes before the body's end."""

        async def sending(message: Message) -> None:
            if self._timed.ended:
                await send(message)
            elif message["type"] == "http.response.start":
                await _closing(send)(message)
            elif message.get("more_body", False):
                await send(message)
            else:
                self._is_answered = True
                await send({**message, "more_body": True})
                await self._linger()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return sending

    async def _linger(self) -> None:
        """Reads what still comes of the body, and forgets it."""
        with contextlib.suppress(TimeoutError, ServiceError):
            async with asyncio.timeout(LINGER_S):
                while not self._timed.ended:
                    await self._timed()
        self._over.set()


def _closing(send: Send) -> Send:
    """Returns a send whose answer is the last one of its connection."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return sending
