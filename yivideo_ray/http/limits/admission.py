"""Admission control: how many requests are answered at the same time, in all, of a kind, and for one key. One more is
refused at once, from its head. Whether the service lives and is ready is told outside of all limits."""

from __future__ import annotations

from collections import Counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yivideo_ray.config import ServeSettings
from yivideo_ray.errors import ServiceError
from yivideo_ray.http.access import KEY_OF_SCOPE
from yivideo_ray.http.limits.bodies import Pace, TimedBody
from yivideo_ray.http.problems import problem_response

__all__ = ["RESERVE", "Admission", "pace_of"]

RESERVE = 200
"""Places that Ray Serve has beyond serve.max_ongoing_requests: for what is told outside of all limits, and for requests
that are being refused."""
UNLIMITED = frozenset({"/livez", "/readyz"})
RETRY_AFTER_S = 2


def pace_of(settings: ServeSettings) -> Pace:
    return Pace(settings.receive_timeout_s, settings.min_upload_bytes_per_s)


class Admission:
    """Lets requests in, as many as the settings say, and holds their bodies to a pace. Errors of a body that comes too
    slowly are raised where it is read."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._pace = pace_of(settings)
        self._most = {
            "requests": settings.max_ongoing_requests,
            "watchers": settings.max_watchers,
            "uploads": settings.max_uploads,
        }
        self._most_of_key = settings.max_requests_per_key
        self._open: Counter[str] = Counter()
        self._open_of_key: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        kinds, key = ("requests", *_kind(scope)), scope.get(KEY_OF_SCOPE)
        refusal = self._refusal(kinds, key)
        if refusal is not None:
            await problem_response(refusal)(scope, receive, send)
            return
        self._open.update(kinds)
        self._open_of_key.update(() if key is None else (key,))
        try:
            await self._app(scope, TimedBody(receive, self._pace), send)
        finally:
            self._open.subtract(kinds)
            self._open_of_key.subtract(() if key is None else (key,))

    def _refusal(self, kinds: tuple[str, ...], key: int | None) -> ServiceError | None:
        for kind in kinds:
            if self._open[kind] >= self._most[kind]:
                return _too_many(f"{self._open[kind]} {kind} are open already, which is the most at the same time.")
        if key is not None and self._open_of_key[key] >= self._most_of_key:
            return _too_many(f"{self._open_of_key[key]} requests with this key are open already.")
        return None


class HeadRequests:
    """Answers HEAD as GET, without the body, wherever there is an end to it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "HEAD"
            or _kind(scope)
            or scope["path"].startswith("/v1/uploads/")
        ):
            await self._app(scope, receive, send)
            return

        # A copy: the server sends no body by the method that it finds in its own.
        asked: Scope = {**scope, "method": "GET"}

        async def without_body(message: Message) -> None:
            if "route" in asked:
                scope["route"] = asked["route"]
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app(asked, receive, without_body)


def _kind(scope: Scope) -> tuple[str, ...]:
    """Returns the kinds with limits of their own that a request belongs to, as far as its head tells."""
    if scope["path"].endswith("/events"):
        return ("watchers",)
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return ("uploads",) if media_type in ("multipart/form-data", "application/offset+octet-stream") else ()


def _too_many(sentence: str) -> ServiceError:
    return ServiceError(sentence, code="TOO_MANY_REQUESTS", retry_after_s=RETRY_AFTER_S)
