"""What travels to the GPU actor and back: the ticket of a call, and its reply."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from yivideo_ray.jobs import Priority
from yivideo_ray.types import EngineFacts, Stage

__all__ = ["CallKind", "Method", "Reply", "Ticket"]

Method = Literal["detect", "recognize"]
"""What is asked of the device: a method of the engine, which gets images."""


class CallKind(StrEnum):
    """The work that goes through the GPU actor, named after its stage."""

    DETECT_SUBTITLE_AREA = Stage.DETECT_SUBTITLE_AREA.value
    PERFORM_OCR = Stage.PERFORM_OCR.value


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call's place in the mailbox.

    key names the call and its input: every attempt and every run of the same workflow uses the same one. priority:
    smaller runs first, where gpu_lock.enable_priority_queue is on. sequence grows with the time of the first attempt,
    and what is repeated keeps it, so that waiting again costs nobody their place. wait_left_s: how long this attempt
    may wait for its turn. method is set by whoever asks the engine.
    """

    kind: CallKind
    workflow_id: str
    key: str
    sequence: int
    priority: int = Priority.BATCH
    attempt: int = 1
    wait_left_s: float = math.inf
    method: Method = "recognize"

    @property
    def part(self) -> str:
        """Which part of the workflow's video this is: the number of a group of crops, or the area."""
        return self.key.removesuffix(f"/{self.method}").rpartition("/")[2]

    def joins(self, other: Ticket) -> bool:
        """Returns whether both calls may be served as one: the engine is asked the same for stages of one kind. What is
        tried again goes alone, so that it shows which call ends processes."""
        return (self.kind, self.method) == (other.kind, other.method) and self.attempt == other.attempt == 1


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What a call gave, the seconds it waited in the mailbox, and the seconds it held the device: each of the
    `together` calls that were served as one has an equal share.

    held: from when to when the device was held for it, by time.monotonic() on its machine. engine: what ran the models
    then.
    """

    value: Any
    waited_s: float
    ran_s: float
    together: int = 1
    held: tuple[tuple[float, float], ...] = ()
    engine: EngineFacts | None = None
