"""Random kills, stops and node losses while workflows run, each noted down with its time and what it hit."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.support.nodes import Nodes

__all__ = ["Chaos", "Fault"]

ACTOR = ("GpuActor",)
TASKS = ("_crop_chunk", "_extract", "_find_area", "_read", "_finalize")
FIND_S = 20.0
STALL_S = (0.3, 2.0)
REPLACED_S = (4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done, when (Unix time), and the processes that it hit, with the title of the first."""

    kind: str
    time: float
    pids: tuple[int, ...]
    title: str


@dataclass(slots=True)
class Chaos:
    """Does the faults of a plan (kind: how many) in random order, with random pauses between them.

    kinds: kill actor, stop actor (until somebody ends it), stall actor (it goes on later), kill task, stall task, lose
    node (the one with the actor; a fresh one joins some seconds later, when another has taken over). more: what does
    further kinds, and returns None where there was nothing to hit; titles: how those of the processes begin that a
    further kind of kill may hit.
    """

    nodes: Nodes
    plan: Counter[str]
    rng: random.Random
    pause_s: tuple[float, float]
    note: Callable[[Fault], None]
    done: list[Fault] = field(default_factory=list)
    more: Mapping[str, Callable[[], Awaitable[Fault | None]]] = field(default_factory=dict)
    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    async def run(self) -> None:
        left = list(self.plan.elements())
        self.rng.shuffle(left)
        while left:
            await asyncio.sleep(self.rng.uniform(*self.pause_s))
            fault = await self._do(left[-1])
            if fault is not None:
                left.pop()
                self.done.append(fault)
                self.note(fault)

    async def _do(self, kind: str) -> Fault | None:
        if kind in self.more:
            return await self.more[kind]()
        what, _, whom = kind.partition(" ")
        victim = await self._victim(self.titles.get(kind) or (TASKS if whom == "task" else ACTOR))
        if victim is None:
            return None
        try:
            title = " ".join(victim.cmdline())
            if what == "lose":
                return await self._lose(kind, victim, title)
            now = time.time()
            victim.send_signal(signal.SIGKILL if what == "kill" else signal.SIGSTOP)
            if what == "stall":
                await asyncio.sleep(self.rng.uniform(*STALL_S))
                victim.send_signal(signal.SIGCONT)
        except psutil.NoSuchProcess:
            return None
        return Fault(kind, now, (victim.pid,), title)

    async def _lose(self, kind: str, victim: psutil.Process, title: str) -> Fault | None:
        try:
            node = self.nodes.node_of(victim.pid)
        except (StopIteration, psutil.NoSuchProcess):
            return None
        now = time.time()
        pids = self.nodes.lose(node)
        await asyncio.sleep(self.rng.uniform(*REPLACED_S))
        # Ray wants its nodes made in the main thread, so everything here stands still for a second or two.
        self.nodes.add()
        return Fault(kind, now, tuple(pids), title)

    async def _victim(self, titles: tuple[str, ...]) -> psutil.Process | None:
        """Returns a random process that is at work, as soon as there is one."""
        ends = time.monotonic() + FIND_S
        while time.monotonic() < ends:
            found: list[Any] = self.nodes.workers(*titles)
            if found:
                victim: psutil.Process = self.rng.choice(found)
                return victim
            await asyncio.sleep(0.02)
        return None
