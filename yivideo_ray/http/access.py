"""Who may ask: bearer keys, and where there are none, this machine alone. Checked before anything else is looked at."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from yivideo_ray.errors import ConfigError, ServiceError
from yivideo_ray.http.problems import problem_response

__all__ = ["OPEN_PATHS", "Access", "Keys", "is_loopback", "require_safe_address"]

OPEN_PATHS = frozenset({"/livez", "/docs"})
"""What is answered without a key: whether the service lives, and how to use it."""


class Keys:
    """The keys that open the service. Only their digests are held, and all are compared, each in constant time."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def fit(self, authorization: str | None) -> bool:
        """Returns whether the value of an Authorization header is "Bearer" and one of the keys."""
        scheme, _, key = (authorization or "").partition(" ")
        given = _digest(key.strip())
        found = [hmac.compare_digest(given, digest) for digest in self._digests]
        return scheme.lower() == "bearer" and any(found)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def is_loopback(host: str) -> bool:
    """Returns whether a host, as a URL or a Host header names it without port, is this machine for sure."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def require_safe_address(host: str, keys: Sequence[object]) -> None:
    """Raises ConfigError SERVICE_EXPOSED if others than this machine could reach host and no key is asked for, and
    CONFIG_INVALID if there is no such host."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"serve.host: there is no address {host!r}.", remedy="Set it to 127.0.0.1.") from error
    if not keys and not all(is_loopback(address.partition("%")[0]) for address in found):
        raise ConfigError(
            f"Everybody who reaches {host} could use the service, for no key is set.", code="SERVICE_EXPOSED"
        )


class Access:
    """Turns away whoever may not ask. With keys: 401 for all but OPEN_PATHS. Without: requests that a page from
    elsewhere had a browser on this machine send, which are known by their Host (DNS rebinding) or their Origin.

    own_host is the name that the service is served under, for a name of this machine that isn't known as such.
    """

    def __init__(self, app: ASGIApp, keys: Keys, own_host: str) -> None:
        self._app = app
        self._keys = keys
        self._own_host = own_host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(error)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServiceError | None:
        headers = Headers(scope=scope)
        if self._keys:
            opens = scope["path"] in OPEN_PATHS or self._keys.fit(headers.get("authorization"))
            return None if opens else ServiceError("No key of the service was given.", code="UNAUTHORIZED")
        if not self._is_here(f"//{headers.get('host', '')}"):
            return ServiceError("The service is asked under a name that is not its own.", code="HOST_FORBIDDEN")
        origin = headers.get("origin")
        if origin is not None and not self._is_here(origin):
            return ServiceError("A page of another site sent this request.", code="ORIGIN_FORBIDDEN")
        return None

    def _is_here(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return is_loopback(host) or host == self._own_host
