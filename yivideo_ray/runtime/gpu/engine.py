"""The models over calls to a GPU actor: what a stage that runs as a task asks goes to the device and comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray

from yivideo_ray.runtime.failures import translate
from yivideo_ray.runtime.gpu.calls import Method, Reply, Ticket
from yivideo_ray.types import Luma, Reading, TextBox

__all__ = ["ActorEngine"]


class ActorEngine:
    """Detection and recognition by way of an actor's handle, under one ticket. stored: ObjectRefs of parts of the
    pictures that are asked about first: the device takes them from the object store, and none is copied. The actor
    loads the models and closes them.

    Errors of each call: those of GpuActor.call, and of Ray as ours.
    """

    def __init__(self, actor: Any, ticket: Ticket, stored: Sequence[Any] = ()) -> None:
        self._replies: list[Reply] = []
        self._actor = actor
        self._ticket = ticket
        self._stored = stored
        self._began = time.monotonic()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        return self._ask("detect", images)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        return self._ask("recognize", lines)

    def reply(self, value: Any) -> Reply:
        """Returns value as what the work gave, with the times of all calls that it made."""
        return Reply(
            value,
            waited_s=sum(reply.waited_s for reply in self._replies),
            ran_s=sum(reply.ran_s for reply in self._replies),
            held=tuple(held for reply in self._replies for held in reply.held),
            engine=self._replies[-1].engine if self._replies else None,
        )

    def _ask(self, method: Method, images: Sequence[Luma]) -> list[Any]:
        left_s = self._ticket.wait_left_s - (time.monotonic() - self._began)
        ticket = replace(self._ticket, key=f"{self._ticket.key}/{method}", method=method, wait_left_s=left_s)
        parts, self._stored = self._stored or [list(images)], ()
        try:
            reply: Reply = ray.get(self._actor.call.remote(ticket, *parts))
        except Exception as error:
            raise translate(error) from error
        answers: list[Any] = reply.value
        self._replies.append(replace(reply, value=None))
        return answers
