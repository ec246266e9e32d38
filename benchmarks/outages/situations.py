"""A service whose database, disk or clock goes away while clients post workflows, and what became of these."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.score import Result, verdict
from benchmarks.instruments.videos import pattern_videos
from tests.support.postgres import Postgres, missing, postgres
from yivideo_ray.config import Settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import EventKind
from yivideo_ray.runtime.session import Session
from yivideo_ray.service.contract import TERMINAL, WorkflowRequest
from yivideo_ray.service.service import Service
from yivideo_ray.types import EngineFacts

__all__ = ["SITUATIONS", "Found", "run_situation"]

SITUATIONS = ("locked", "removed", "full", "postgresql", "clock")
SOURCES, SEED = 4, 1
DISK_BYTES = 64 * 1024 * 1024
DAY_S = 86400.0
AGAIN_S, POLL_S = 0.5, 0.2
# Workflows are posted for so much longer than an outage lasts, so that some are posted behind it.
LONGER = 1.25
SCRIPT = {"load_s": 0.3, "detect_s": 0.05, "recognize_s": 0.05, "seed": SEED}
PIPELINE = {"chunk_s": 6, "crops_per_call": 4}

Say = Callable[[str], None]


@dataclass(slots=True)
class Found:
    """What a situation came to. skipped: why it could not be had, or nothing. lost, doubled, differing: ids."""

    name: str
    skipped: str = ""
    workflows: int = 0
    refused: int = 0
    outage_s: float = 0.0
    back_s: float = 0.0
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    engine: EngineFacts | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    sources: list[Path]
    workflows: int
    outage_s: float


@dataclass(slots=True)
class _World:
    """What the service stands on. ahead_s: what its clock is set by."""

    work_dir: Path
    settings: Settings
    server: Postgres | None = None
    ahead_s: float = 0.0
    refused: int = 0
    ended: list[float] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Service]:
        service = Service(self.settings, lambda: Session(self.settings), now=lambda: time.time() + self.ahead_s)
        await service.start()
        try:
            yield service
        finally:
            await service.close()

    async def post(self, service: Service, source: Path, key: str) -> str:
        """Returns the workflow's id once it is taken, however often that has to be asked."""
        request = WorkflowRequest(source, idempotency_key=key, fingerprint=key)
        while True:
            try:
                return (await service.submit(request))[0].workflow_id
            except YivideoError as error:
                if not error.retryable:
                    raise
                self.refused += 1
                await asyncio.sleep(AGAIN_S)

    async def end(self, service: Service, workflow_id: str) -> None:
        """Waits for the end of a workflow."""
        while True:
            with contextlib.suppress(YivideoError):
                if (await service.get(workflow_id)).state in TERMINAL:
                    self.ended.append(time.monotonic())
                    return
            await asyncio.sleep(POLL_S)


async def run_situation(name: str, directory: Path, workflows: int, outage_s: float, say: Say) -> Found:
    """Runs each source once without an outage, then workflows with one, then looks at all of them behind a restart."""
    found = Found(name)
    videos = directory / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    sources = pattern_videos(videos, SOURCES, SEED)
    with contextlib.ExitStack() as stack:
        try:
            world = _world(name, directory, sources, stack)
        except LookupError as error:
            found.skipped = f"skipped: {error.args[0]}"
            say(f"{name}: {found.skipped}")
            return found
        ids: list[str] = []
        async with world.serving() as service:
            for number, source in enumerate(sources):
                ids.append(await world.post(service, source, f"calm-{number}"))
                await world.end(service, ids[-1])
            say(f"{name}: {len(ids)} videos without an outage done")
            ids += await _with_outage(found, world, service, _Plan(sources, workflows, outage_s))
        world.ahead_s = 0.0
        async with world.serving() as service:
            await _judge(found, service, ids, len(sources))
        found.refused = world.refused
    say(f"{name}: {found.workflows} workflows, {len(found.lost)} lost, back after {found.back_s:.1f} s")
    return found


async def _with_outage(found: Found, world: _World, service: Service, plan: _Plan) -> list[str]:
    """Returns the workflows' ids."""
    world.ended.clear()
    ids: list[str] = []

    async def client(number: int) -> None:
        await asyncio.sleep(number * plan.outage_s * LONGER / plan.workflows)
        workflow_id = await world.post(service, plan.sources[number % len(plan.sources)], f"{found.name}-{number}")
        ids.append(workflow_id)
        await world.end(service, workflow_id)

    clients = [asyncio.ensure_future(client(number)) for number in range(plan.workflows)]
    while not world.ended:
        await asyncio.sleep(POLL_S)
    began = time.monotonic()
    await _outage(found.name, world, plan.outage_s)
    over = time.monotonic()
    found.outage_s = over - began
    await asyncio.gather(*clients)
    found.back_s = min((ended - over for ended in world.ended if ended > over), default=float("inf"))
    return ids


async def _outage(name: str, world: _World, outage_s: float) -> None:
    """Takes something away, and gives it back where it can be given back."""
    match name:
        case "locked":
            other = sqlite3.connect(world.work_dir / "workflows.sqlite", check_same_thread=False)
            other.isolation_level = None
            await asyncio.to_thread(_lock, other)
            await asyncio.sleep(outage_s)
            other.rollback()
            other.close()
        case "removed":
            for suffix in ("", "-wal", "-shm"):
                (world.work_dir / f"workflows.sqlite{suffix}").unlink(missing_ok=True)
        case "full":
            ballast = await asyncio.to_thread(_fill, world.work_dir)
            await asyncio.sleep(outage_s)
            ballast.unlink()
        case "postgresql":
            assert world.server is not None, "it was made for this"
            world.server.kill()
            await asyncio.sleep(outage_s)
            await asyncio.to_thread(world.server.start)
        case "clock":
            world.ahead_s = DAY_S
            await asyncio.sleep(outage_s)
            world.ahead_s = 0.0
        case _:
            raise ValueError(f"nothing is known of {name!r}")


def _lock(connection: sqlite3.Connection) -> None:
    while True:
        try:
            connection.execute("BEGIN EXCLUSIVE")
            return
        except sqlite3.OperationalError:
            time.sleep(0.01)


def _fill(directory: Path) -> Path:
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


async def _judge(found: Found, service: Service, ids: list[str], calm: int) -> None:
    results = [await _result(service, workflow_id) for workflow_id in ids]
    truth = {result.source: result for result in results[:calm]}
    judged = verdict(results[calm:], truth)
    kept, cursor = 0, None
    while True:
        page = await service.list(limit=200, cursor=cursor)
        kept, cursor = kept + len(page.workflows), page.next_cursor
        if cursor is None:
            break
    extra = tuple(f"{kept - len(ids)} more than were posted" for _ in range(kept > len(set(ids))))
    found.workflows = len(results) - calm
    found.lost, found.differing = judged.lost, judged.differing
    found.doubled = (*judged.duplicate, *extra)
    view = await service.get(ids[0])
    if view.result is not None:
        told = json.loads(view.result.read_bytes())
        models = told["models"]
        facts = (told["engine"], told["device"], told["provider"], models["detection"], models["recognition"])
        found.engine = EngineFacts(*facts)


async def _result(service: Service, workflow_id: str) -> Result:
    try:
        view = await service.get(workflow_id)
    except YivideoError as unknown:
        return Result(workflow_id, "", str(unknown), {}, (), 0)
    events = [numbered.event async for numbered in service.events(workflow_id)]
    files = {path.suffix: path.read_bytes() for path in view.outputs}
    document = json.loads(files.pop(".json", b'{"cues": []}'))
    error = "" if view.error is None else f"{view.error['code']}: {view.error['message']}"
    ends = sum(event.kind is EventKind.WORKFLOW_FINISHED for event in events)
    return Result(workflow_id, view.video.name, error, files, document["cues"], ends)


def _world(name: str, directory: Path, sources: list[Path], stack: contextlib.ExitStack) -> _World:
    """Returns what a service is to stand on. Errors: LookupError saying why it can't be had here."""
    work_dir = directory / name
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir(parents=True)
    script = directory / f"{name}.json"
    script.write_text(json.dumps(SCRIPT), encoding="utf-8")
    server = None
    if name == "full":
        stack.enter_context(_small_disk(work_dir))
    if name == "postgresql":
        if missing():
            raise LookupError(missing())
        server = stack.enter_context(postgres())
    settings = Settings(
        storage={
            "work_dir": work_dir,
            "url": None if server is None else server.url,
            "allowed_roots": sorted({str(source.parent) for source in sources}),
        },
        ocr={"engine": "scripted", "script": script},
        pipeline=PIPELINE,
    )
    return _World(work_dir, settings, server)


@contextlib.contextmanager
def _small_disk(directory: Path) -> Iterator[None]:
    if os.geteuid() != 0:
        raise LookupError("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(directory)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        raise LookupError(f"no small disk can be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
