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

__all__ = ["KEY_OF_SCOPE", "OPEN_PATHS", "Access", "Keys", "is_loopback", "require_safe_address"]

KEY_OF_SCOPE = "yivideo.key"
"""Where an ASGI scope has the number of the key that a request came with, in the settings' order."""

OPEN_PATHS = frozenset({"/livez", "/docs"})
"""What is answered without a key: whether the service lives, and how to use it."""


class Keys:
    """The keys that open the service. Only their digests are held, and all are compared, each in constant time."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def number(self, authorization: str | None) -> int | None:
        """Returns which of the keys the value of an Authorization header names behind "Bearer"; None: it names none."""
        scheme, _, key = (authorization or "").partition(" ")
        given = _digest(key.strip())
        found = [hmac.compare_digest(given, digest) for digest in self._digests]
        return found.index(True) if scheme.lower() == "bearer" and any(found) else None


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
            scope[KEY_OF_SCOPE] = self._keys.number(headers.get("authorization"))
            opens = scope["path"] in OPEN_PATHS or scope[KEY_OF_SCOPE] is not None
            return None if opens else ServiceError("No key of the service was given.", code="UNAUTHORIZED")
        host = headers.get("host", "")
        if not self._is_here(host):
            return ServiceError("The service is asked under a name that is not its own.", code="HOST_FORBIDDEN")
        origin = headers.get("origin")
        if origin is not None and not _is_same_place(origin, host):
            # Another port of this machine is another site, whatever program serves it.
            return ServiceError("A page of another site sent this request.", code="ORIGIN_FORBIDDEN")
        return None

    def _is_here(self, host: str) -> bool:
        place = _place(f"http://{host}")
        return place is not None and (is_loopback(place[0]) or place[0] == self._own_host)


def _is_same_place(origin: str, host: str) -> bool:
    """Returns whether a page of that origin was served by the host, with its port, that it asks now."""
    place = _place(origin)
    return place is not None and place == _place(f"{origin.partition(':')[0]}://{host}")


def _place(origin: str) -> tuple[str, int] | None:
    """Returns the host and the port of an http origin; None: it is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.scheme in ("http", "https") and parts.hostname else None
