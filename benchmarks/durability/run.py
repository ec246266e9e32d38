"""Workflows in a service that is killed again and again: its process, the cluster, and clients that don't give up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
import yaml

from benchmarks.durability.serve_command import SERVE, ServeCommand
from benchmarks.faults.chaos import Chaos, Fault
from benchmarks.faults.run import Phase
from benchmarks.faults.score import Result
from tests.support.nodes import Nodes
from tests.support.service_process import ServiceProcess
from yivideo_ray.config import load_settings
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.types import EngineFacts

__all__ = ["Endpoint", "Harvest", "run_phase"]

POLL_S = 0.3
# What a client waits before it asks again where nobody answers.
AGAIN_S = 0.5
RESTART_S = 0.2


class Endpoint(Protocol):
    """How the service is run and asked. Calls raise ConnectionError while nobody answers."""

    def start(self, environment: Mapping[str, str]) -> None: ...

    def kill(self) -> int | None:
        """Ends it with SIGKILL, and returns the pid; None: it was not there."""
        ...

    def is_dead(self) -> bool: ...

    async def ask(self, **asked: Any) -> dict[str, Any]: ...


@dataclass(slots=True)
class Harvest:
    """What a phase gave. posted: workflow ids in the order of their requests; kept: those that the service lists;
    resumed_s: for each kill of the cluster, the seconds until new work was kept."""

    truth: dict[str, Result] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    resumed_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    engine: EngineFacts | None = None


class _Arena:
    """One phase: a cluster, a service on it, and whoever kills and restarts both."""

    def __init__(self, phase: Phase, directory: Path, url: str | None, say: Callable[[str], None]) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        config = directory / "config.yml"
        config.write_text(yaml.safe_dump(_settings(phase, directory, url)), encoding="utf-8")
        self.phase = phase
        self.say = say
        self.harvest = Harvest()
        self.endpoint: Endpoint = ServiceProcess(config, directory)
        if "serve" in phase.settings:
            self.endpoint = ServeCommand(config, directory, phase.settings["serve"]["port"])
        self.database = Database(load_settings(config).storage)
        self.nodes = self._new_nodes()
        self.rebuilding = False

    def _new_nodes(self) -> Nodes:
        # Serve has a proxy on each node, at the same port: here the nodes share a machine, so there is one.
        return Nodes(0, cpus=2, head_gpus=1) if "serve" in self.phase.settings else Nodes(1, cpus=1)

    async def supervise(self) -> None:
        """Starts the service whenever it is not there, as a service manager does."""
        while True:
            if not self.rebuilding and self.endpoint.is_dead():
                self.endpoint.start(self.nodes.environment)
            await asyncio.sleep(RESTART_S)

    async def kill_service(self) -> Fault | None:
        if self.endpoint.is_dead():
            return None
        now = time.time()
        pid = self.endpoint.kill()
        return None if pid is None else Fault("kill service", now, (pid,), "service")

    async def kill_cluster(self, chaos: Chaos) -> Fault | None:
        """Ends every process there is, and builds another cluster."""
        self.rebuilding = True
        now = time.time()
        pid = self.endpoint.kill()
        pids = self.nodes.kill()
        dead = time.time()
        # Ray wants its nodes made in the main thread, so everything here stands still for some seconds.
        with contextlib.suppress(Exception):
            self.nodes.shutdown()
        self.nodes = chaos.nodes = self._new_nodes()
        self.rebuilding = False
        resumed = await self._resumed(dead)
        if resumed is not None:
            self.harvest.resumed_s.append(resumed - now)
        return Fault("kill cluster", now, tuple(([pid] if pid else []) + pids), "cluster")

    async def _resumed(self, since: float) -> float | None:
        """Returns when the first new part of a workflow was kept."""
        ends = time.monotonic() + 120
        kept = sa.select(sa.func.min(tables.parts.c.kept)).where(tables.parts.c.kept > since)
        while time.monotonic() < ends:
            with self.database.begin() as connection:
                found: float | None = connection.scalar(kept)
            if found is not None:
                return found
            await asyncio.sleep(POLL_S)
        return None

    async def workflow(self, source: Path, key: str, priority: str) -> Result:
        """Posts a video as a client that repeats itself does, waits for its end, and fetches what came of it."""
        view = await self._ask(do="submit", video=str(source), key=key, priority=priority)
        if not key.startswith("calm"):
            self.harvest.posted.append(view["id"])
        while not view["terminal"]:
            await asyncio.sleep(POLL_S)
            view = await self._ask(do="get", id=view["id"])
        events = (await self._ask(do="events", id=view["id"]))["events"]
        if [event["number"] for event in events] != list(range(1, len(events) + 1)):
            self.harvest.holes.append(view["id"])
        files = {path.suffix: path.read_bytes() for path in map(Path, view["outputs"])}
        document = json.loads(files.pop(".json", b'{"cues": []}'))
        if self.harvest.engine is None and "engine" in document:
            models = document["models"]
            self.harvest.engine = EngineFacts(
                document["engine"],
                document["device"],
                document["provider"],
                models["detection"],
                models["recognition"],
            )
        error = "" if view["error"] is None else f"{view['error']['code']}: {view['error']['message']}"
        finishes = sum(event["event"] == "workflow_finished" for event in events)
        return Result(view["id"], source.name, error, files, document["cues"], finishes)

    async def _ask(self, **asked: Any) -> dict[str, Any]:
        while True:
            try:
                answer = await self.endpoint.ask(**asked)
            except ConnectionError:
                await asyncio.sleep(AGAIN_S)
                continue
            error = answer.get("error")
            if "id" in answer or error is None:
                return answer
            if not error["retryable"]:
                raise RuntimeError(f"{asked}: {error}")
            await asyncio.sleep(AGAIN_S)

    async def look_back(self) -> None:
        """Asks for all that is there at the end."""
        self.harvest.kept = (await self._ask(do="ids"))["ids"]
        for workflow_id in self.harvest.kept:
            if not (await self._ask(do="get", id=workflow_id))["terminal"]:
                self.harvest.unfinished.append(workflow_id)

    def close(self) -> None:
        self.endpoint.kill()
        self.nodes.shutdown()
        self.database.close()


async def run_phase(phase: Phase, directory: Path, url: str | None, seed: int, say: Callable[[str], None]) -> Harvest:
    """Runs each source once without faults, then workflows until all kills of the plan and all workflows are done."""
    arena = _Arena(phase, directory, url, say)
    harvest = arena.harvest
    supervisor = asyncio.ensure_future(arena.supervise())
    try:
        for source in phase.sources:
            harvest.truth[source.name] = await arena.workflow(source, f"calm-{source.name}", "BATCH")
        calm = [result.workflow for result in harvest.truth.values()]
        say(f"{phase.name}: {len(calm)} videos without faults done")
        started = time.monotonic()
        await _under_kills(phase, arena, seed)
        harvest.wall_s = time.monotonic() - started
        await arena.look_back()
        harvest.kept = [workflow_id for workflow_id in harvest.kept if workflow_id not in calm]
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)
        arena.close()
    return harvest


async def _under_kills(phase: Phase, arena: _Arena, seed: int) -> None:
    harvest = arena.harvest
    numbers, sources = count(), cycle(phase.sources)

    def note(fault: Fault) -> None:
        harvest.faults.append(fault)
        arena.say(
            f"{phase.name}: kill {len(harvest.faults)} of {phase.plan.total()}, {fault.kind}; "
            f"{len(harvest.results)} workflows done"
        )

    chaos = Chaos(arena.nodes, phase.plan, random.Random(seed), phase.pause_s, note)
    chaos.titles = SERVE
    chaos.more = {"kill service": arena.kill_service, "kill cluster": lambda: arena.kill_cluster(chaos)}
    killing = asyncio.ensure_future(chaos.run())

    async def keep_posting() -> None:
        while not (killing.done() and len(harvest.results) >= phase.workflows):
            number = next(numbers)
            priority = "INTERACTIVE" if number % 3 == 0 else "BATCH"
            harvest.results.append(await arena.workflow(next(sources), f"{phase.name}-{seed}-{number}", priority))

    try:
        await asyncio.gather(killing, *(keep_posting() for _ in range(phase.at_once)))
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)


def _settings(phase: Phase, directory: Path, url: str | None) -> dict[str, Any]:
    sections: dict[str, dict[str, Any]] = {name: dict(values) for name, values in phase.settings.items()}
    roots = sorted({str(source.parent) for source in phase.sources})
    sections["storage"] = {"work_dir": str(directory / "work"), "url": url, "allowed_roots": roots}
    if phase.script is not None:
        path = directory / "script.json"
        path.write_text(json.dumps({**phase.script, "state_dir": str(directory / "state")}), encoding="utf-8")
        sections["ocr"] = {"engine": "scripted", "script": str(path)}
    return sections
