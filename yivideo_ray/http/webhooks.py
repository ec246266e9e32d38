"""Tells whoever asked for it how a workflow ended: signed as Standard Webhooks says, again and again until it is taken,
and never to an address inside the network unless the settings allow that.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
from standardwebhooks.webhooks import Webhook

from yivideo_ray.config import GpuLockSettings, ServeSettings, Settings
from yivideo_ray.errors import ServiceError, YivideoError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.http.access import is_loopback
from yivideo_ray.runtime.gpu.backoff import wait_before
from yivideo_ray.service.contract import DueCallback, WorkflowService

__all__ = ["WebhookSender", "is_public", "require_callback"]

TIMEOUT_S = 15.0
LOOK_S = 1.0
AT_ONCE = 8
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What is not of the public Internet, by the registries of IANA (RFC 6890 and its successors). Tables of our own, for
# those of Python differ from one patch release to the next.
_NOT_PUBLIC_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            # Public by its number, and yet the host of a virtual machine in Azure, which gives out credentials.
            "168.63.129.16/32",
        ),
    )
)
# Global addresses are given out of this block alone, but for those inside it.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Returns whether an IP address is one of the public Internet, also as it is seen through IPv6."""
    try:
        found: _Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _NOT_PUBLIC_4)
    return found in _PUBLIC_6 and not any(found in network for network in _NOT_PUBLIC_6)


def require_callback(url: str, settings: ServeSettings) -> None:
    """Raises ServiceError CALLBACK_FORBIDDEN for a URL that would never be called: whose address is not public, as far
    as the URL itself tells, or if there is no secret to sign with. Asks no name server."""
    if settings.callback_secret is None:
        raise ServiceError(
            "No callback is sent, for there is no secret to sign it with.",
            code="CALLBACK_FORBIDDEN",
            remedy="Set serve.callback_secret, or watch the workflow's events.",
        )
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise ServiceError(
            "A callback goes to an http or https address without a user's name.", code="CALLBACK_FORBIDDEN"
        )
    if not settings.allow_private_callbacks and (is_loopback(host) or (_is_address(host) and not is_public(host))):
        raise _forbidden(host)


class _RefusedError(Exception):
    """A message was not taken; says why."""


class WebhookSender:
    """Delivers what a WorkflowService has due. Every attempt looks its address up anew and calls that very address, so
    that a name can't lead elsewhere between the check and the call."""

    def __init__(self, service: WorkflowService, settings: Settings, rng: random.Random | None = None) -> None:
        self._service = service
        self._settings = settings.serve
        # The wait between attempts is the one of calls to the GPU actor.
        self._backoff: GpuLockSettings = settings.gpu_lock
        self._rng = rng or random.Random()
        # A name server may take long, and holds up callbacks alone.
        self._names = AbandonableThreads("names", AT_ONCE, limit_s=TIMEOUT_S)
        secret = settings.serve.callback_secret
        self._webhook = None if secret is None else Webhook(secret.get_secret_value())

    async def run(self) -> None:
        """Delivers for ever; one fault of the service's storage is logged, and looked past."""
        while True:
            try:
                await self.deliver_due()
            except Exception as error:
                logging.getLogger(__name__).warning("Callbacks wait: %s", error)
            await asyncio.sleep(LOOK_S)

    async def deliver_due(self) -> int:
        """Makes one attempt for each message that is due, and returns how many were."""
        due = await self._service.due_callbacks(time.time())
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._attempt(callback, room) for callback in due))
        return len(due)

    async def _attempt(self, callback: DueCallback, room: asyncio.Semaphore) -> None:
        async with room:
            next_attempt: float | None = None
            try:
                await self._send(callback)
                delivered = True
            except (_RefusedError, ServiceError) as error:
                delivered = False
                if callback.attempt <= self._backoff.max_retries:
                    next_attempt = time.time() + wait_before(callback.attempt + 1, self._backoff, self._rng)
                reason = error.message if isinstance(error, ServiceError) else str(error)
                logging.getLogger(__name__).warning(
                    "The callback of %s was not taken (attempt %d%s): %s",
                    callback.workflow_id,
                    callback.attempt,
                    "" if next_attempt else ", the last",
                    reason,
                )
            try:
                await self._service.record_callback(
                    callback.workflow_id, delivered=delivered, next_attempt=next_attempt
                )
            except YivideoError as error:
                # Deleted meanwhile, or kept where nobody can write now: then it is due again.
                logging.getLogger(__name__).warning("A callback of %s is not noted: %s", callback.workflow_id, error)

    async def _send(self, callback: DueCallback) -> None:
        if self._webhook is None:
            raise _RefusedError("serve.callback_secret is not set any more")
        url = httpx2.URL(callback.url)
        now = datetime.now(UTC)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "yivideo",
            "webhook-id": callback.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(callback.message_id, now, callback.body.decode()),
        }
        try:
            # No proxy of the environment, which would look the name up again, and no redirect, which leads elsewhere.
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
                request = client.build_request(
                    "POST",
                    url.copy_with(host=await self._address(url)),
                    content=callback.body,
                    headers=headers,
                    extensions={"sni_hostname": url.host},
                )
                async with asyncio.timeout(2 * TIMEOUT_S):
                    answer = await client.send(request, stream=True)
                    await answer.aclose()
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            raise _RefusedError(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise _RefusedError(f"it was answered with {answer.status_code}")

    async def _address(self, url: httpx2.URL) -> str:
        """Returns the address to call. Errors: ServiceError CALLBACK_FORBIDDEN if one of the name's is not public."""
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await self._names.run(socket.getaddrinfo, url.host, port, type=socket.SOCK_STREAM)
        addresses: Sequence[str] = [str(entry[4][0]).partition("%")[0] for entry in found]
        if not self._settings.allow_private_callbacks and not all(map(is_public, addresses)):
            raise _forbidden(url.host)
        return addresses[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _forbidden(host: str) -> ServiceError:
    return ServiceError(f"{host} is no public address, and callbacks go to such only.", code="CALLBACK_FORBIDDEN")
