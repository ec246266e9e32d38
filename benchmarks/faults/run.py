"""Workflows under faults: the cluster, the sessions, the logs."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any, Literal

from benchmarks.faults.chaos import Chaos, Fault
from benchmarks.faults.score import Result
from tests.support.nodes import Nodes
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, EventKind, Job, Priority
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import EngineFacts

__all__ = ["DEMO", "LOCK", "Arena", "Harvest", "Phase", "run_phase"]

POLL_S = 0.3
SETTLE_S = 60.0
# How many objects each task returns; "streaming": it yields them.
RETURNS: dict[str, int | Literal["streaming"]] = {
    "crop_chunk": "streaming",
    "extract": 2,
    "find_area": 1,
    "read": 1,
    "finalize": 1,
}


@dataclass(frozen=True, slots=True)
class Phase:
    """Workflows of one engine. sources: the videos, of which copies are worked on in turn; plan: the faults; script:
    what the scripted engine does under faults (None: the real engine)."""

    name: str
    sources: tuple[Path, ...]
    workflows: int
    at_once: int
    plan: Counter[str]
    pause_s: tuple[float, float]
    settings: Mapping[str, Any]
    script: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Harvest:
    """What a phase gave. restarts: what the actor says of its own; calls and tasks: logs, in the order of time."""

    truth: dict[str, Result] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    restarts: dict[float, dict[str, Any]] = field(default_factory=dict)
    most_at_once: int = 0
    calls: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    wall_s: float = 0.0
    engine: EngineFacts | None = None


@dataclass(frozen=True, slots=True)
class Arena:
    """Where phases run. say: where progress is told."""

    nodes: Nodes
    work: Path
    seed: int
    say: Callable[[str], None]


async def run_phase(phase: Phase, arena: Arena) -> Harvest:
    """Runs each source once without faults, then workflows until all faults of the plan and all workflows are done."""
    harvest = Harvest()
    work = arena.work / phase.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with _logged_tasks(work / "tasks.log"):
        calm = Session(_settings(phase, work / "calm", faulty=False), f"{phase.name}-calm")
        for source in phase.sources:
            harvest.truth[source.name] = await _workflow(calm, source, work / "calm" / source.stem, Priority.BATCH)
        harvest.engine = await (await calm.tools()).pool.ready()
        await _end_actors(calm)
        arena.say(f"{phase.name}: {len(harvest.truth)} videos without faults done")
        (work / "tasks.log").unlink(missing_ok=True)
        started = time.monotonic()
        await _under_faults(phase, arena, work / "faulty", harvest)
        harvest.wall_s = time.monotonic() - started
    harvest.calls = _entries(work / "faulty" / "calls.log")
    harvest.tasks = _entries(work / "tasks.log")
    for index, fault in enumerate((phase.script or {}).get("faults", ())):
        strikes = work / "faulty" / "state" / f"fault-{index}"
        harvest.injected[fault["kind"]] += strikes.stat().st_size if strikes.exists() else 0
    return harvest


async def _under_faults(phase: Phase, arena: Arena, work: Path, harvest: Harvest) -> None:
    session = Session(_settings(phase, work, faulty=True), f"{phase.name}-faulty")
    rng = random.Random(arena.seed)

    def note(fault: Fault) -> None:
        harvest.faults.append(fault)
        done, planned = len(harvest.faults), phase.plan.total()
        arena.say(f"{phase.name}: fault {done} of {planned}, {fault.kind}; {len(harvest.results)} workflows done")

    chaos = asyncio.ensure_future(Chaos(arena.nodes, phase.plan, rng, phase.pause_s, note).run())
    watcher = asyncio.ensure_future(_watch(session, harvest))
    numbers, sources = count(), cycle(phase.sources)

    async def keep_working() -> None:
        while not (chaos.done() and len(harvest.results) >= phase.workflows):
            number = next(numbers)
            priority = Priority.INTERACTIVE if number % 3 == 0 else Priority.BATCH
            harvest.results.append(await _workflow(session, next(sources), work / f"workflow-{number}", priority))

    try:
        await asyncio.gather(chaos, *(keep_working() for _ in range(phase.at_once)))
        await asyncio.sleep(2 * POLL_S)
    finally:
        for task in (chaos, watcher):
            task.cancel()
        await asyncio.gather(chaos, watcher, return_exceptions=True)
    await _end_actors(session)


async def _workflow(session: Session, source: Path, directory: Path, priority: Priority) -> Result:
    """Runs a copy of a video in a directory of its own."""
    directory.mkdir(parents=True)
    video = directory / source.name
    os.link(source, video)
    finishes = 0

    def on_event(event: Event) -> None:
        nonlocal finishes
        finishes += event.kind is EventKind.WORKFLOW_FINISHED

    (outcome,) = await session.run_async([Job(video, priority=priority)], on_event)
    files = {path.suffix: path.read_bytes() for path in outcome.outputs if path.suffix != ".json"}
    cues: list[Any] = []
    if outcome.succeeded:
        cues = json.loads(video.with_suffix(".json").read_bytes())["cues"]
    error = "" if outcome.error is None else f"{outcome.error['code']}: {outcome.error['message']}"
    return Result(directory.name, source.name, error, files, cues, finishes)


async def _watch(session: Session, harvest: Harvest) -> None:
    """Collects what the actor says of its restarts, which are more than it keeps."""
    while True:
        for actor in (await session.status_async())["gpu_actors"]:
            for restart in actor.get("restarts", {}).get("last", ()):
                harvest.restarts[restart["time"]] = restart
            harvest.most_at_once = max(harvest.most_at_once, actor.get("calls", {}).get("most_at_once", 0))
        await asyncio.sleep(POLL_S)


async def _end_actors(session: Session) -> None:
    """Ends a session's detached actors and waits until their GPU is free."""
    # Any: half of what is used of it has no types.
    ray: Any = importlib.import_module("ray")
    tools = await session.tools()
    for link in tools.pool.links:
        ray.kill(ray.get_actor(link.name, namespace=tools.cluster.namespace))
    ends = time.monotonic() + SETTLE_S
    while ray.available_resources().get("GPU", 0) < 1 and time.monotonic() < ends:
        await asyncio.sleep(POLL_S)


def _settings(phase: Phase, directory: Path, *, faulty: bool) -> Settings:
    directory.mkdir(parents=True, exist_ok=True)
    sections: dict[str, dict[str, Any]] = {name: dict(values) for name, values in phase.settings.items()}
    sections.setdefault("storage", {})["work_dir"] = str(directory / "work")
    if phase.script is not None:
        script = {**phase.script, "state_dir": str(directory / "state"), "log": str(directory / "calls.log")}
        if not faulty:
            script["faults"] = []
        path = directory / "script.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        sections["ocr"] = {**sections.get("ocr", {}), "engine": "scripted", "script": str(path)}
    return Settings(**sections)  # type: ignore[arg-type]  # sections are validated there


def _entries(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return sorted(entries, key=lambda entry: entry["time"])


class _logged_tasks:  # noqa: N801 - a context manager
    """Has the tasks of this process note down their beginning and their end."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> None:
        from yivideo_ray.runtime.workflow import tasks

        for name, returns in RETURNS.items():
            self._kept[name] = getattr(tasks, name)
            setattr(tasks, name, _Logged(f"_{name}", self._log, returns))

    def __exit__(self, *_: object) -> None:
        from yivideo_ray.runtime.workflow import tasks

        for name, kept in self._kept.items():
            setattr(tasks, name, kept)


class _Logged:
    """Stands in for a task of runtime.workflow.tasks."""

    def __init__(self, name: str, log: Path, num_returns: int | Literal["streaming"]) -> None:
        import ray

        from yivideo_ray.runtime.workflow.tasks import CPU_TASK

        self._name = name
        self._log = log
        # Any: Ray's types know no options made of a dictionary.
        run = _yield_logged if num_returns == "streaming" else _run_logged
        remote: Any = ray.remote(num_returns=num_returns, **CPU_TASK)(run)
        self._remote = remote.options(name=name)

    def remote(self, *arguments: Any) -> Any:
        return self._remote.remote(self._name, str(self._log), *arguments)


def _run_logged(name: str, log: str, *arguments: Any) -> Any:
    from yivideo_ray.runtime.workflow import tasks

    with _logged(name, log, arguments):
        return getattr(tasks, name)(*arguments)


def _yield_logged(name: str, log: str, *arguments: Any) -> Iterator[Any]:
    from yivideo_ray.runtime.workflow import tasks

    with _logged(name, log, arguments):
        yield from getattr(tasks, name)(*arguments)


@contextmanager
def _logged(name: str, log: str, arguments: Sequence[Any]) -> Iterator[None]:
    from yivideo_ray.types import ChunkSpan, VideoInfo

    spans = [argument.index for argument in arguments if isinstance(argument, ChunkSpan)]
    videos = [argument.path for argument in arguments if isinstance(argument, VideoInfo)]
    entry = {
        "task": name,
        "video": videos[0] if videos else "",
        "chunk": spans[0] if spans else -1,
        "pid": os.getpid(),
    }

    def write(event: str) -> None:
        with Path(log).open("ab", buffering=0) as file:
            file.write(json.dumps({"event": event, **entry, "time": time.time()}).encode() + b"\n")

    write("start")
    yield
    write("done")


DEMO = Path(__file__).parents[2] / "samples" / "demo.mp4"
LOCK = {"retry_interval": 0.5, "max_retry_interval": 3, "enable_priority_queue": True}
