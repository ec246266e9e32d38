"""The time that the body of a request may take: a pause at first, then a least rate."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.types import Message, Receive

from yivideo_ray.errors import ServiceError

__all__ = ["Pace", "TimedBody"]

# What has arrived already, but was not asked for in time, is taken all the same.
LEAST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """After timeout_s, a body must have come at bytes_per_s or more, counted from its begin."""

    timeout_s: float
    bytes_per_s: int

    def left_s(self, passed_s: float, received_bytes: int) -> float:
        """Returns how much longer the next piece of a body may take, of which so much has come in passed_s."""
        return self.timeout_s + received_bytes / self.bytes_per_s - passed_s


class TimedBody:
    """An ASGI receive that holds a body to its pace. Behind the body it only tells when the client goes.

    Errors: ServiceError REQUEST_TIMEOUT, after which nothing more is received.
    """

    def __init__(self, receive: Receive, pace: Pace) -> None:
        self._receive = receive
        self.pace = pace
        self._began = time.monotonic()
        self._received_bytes = 0
        self.ended = False
        self._too_slow = False

    async def __call__(self) -> Message:
        if self.ended:
            return await self._receive()
        if self._too_slow:
            # As if the client had gone, to whoever still listens for it.
            return {"type": "http.disconnect"}
        left_s = self.pace.left_s(time.monotonic() - self._began, self._received_bytes)
        try:
            message = await asyncio.wait_for(self._receive(), max(LEAST_WAIT_S, left_s))
        except TimeoutError as error:
            self._too_slow = True
            raise ServiceError("The body of the request comes too slowly.", code="REQUEST_TIMEOUT") from error
        if message["type"] != "http.request":
            self.ended = True
            return message
        self._received_bytes += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        return message
