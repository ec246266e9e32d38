"""Phase ray: whole runs beside the actor: by which decoder they are faster, whether they give the same, how many actors
fill a GPU, and how soon an actor that was killed is back."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.gpu.rows import Row, Setup
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.runtime.session import Session

__all__ = ["on_ray"]

DEMO = Path(__file__).parents[2] / "samples" / "demo.mp4"
VIDEOS, ACTORS = 8, (1, 2, 4)
BACK_S = 60.0


def on_ray(setup: Setup) -> Iterator[Row]:
    gpu = setup.device == "gpu"
    work = setup.fixtures.parent / "ray"
    shutil.rmtree(work, ignore_errors=True)
    count = 1 if setup.quick else VIDEOS
    with _session(setup, work) as session:
        plain, plain_s = _run(session, work / "plain", count)
        yield Row("ray", f"{count} videos, decoded by CPUs", _errors(plain), f"{plain_s:.1f} s", failed=_failed(plain))
        yield from _killed(session, work, plain[0])
    if not gpu:
        yield Row("ray", "decoding beside the actor, actors that share a GPU", "need a GPU")
        return
    with _session(setup, work, decoder={"backend": "cuda"}) as session:
        cuda, cuda_s = _run(session, work / "cuda", count)
        same = not _failed(cuda) and all(a.cues == b.cues for a, b in zip(plain, cuda, strict=True))
        setting = "decoder.backend: cuda" if cuda_s < plain_s and same else "decoder.backend: auto"
        answer = "cues equal" if same else f"cues differ, {_errors(cuda)}"
        yield Row(
            "ray", f"{count} videos, decoded by the GPU", answer, f"{cuda_s:.1f} s", setting, failed=_failed(cuda)
        )
    walls: dict[int, float] = {}
    for actors in ACTORS:
        with _session(setup, work, gpu={"device": "gpu", "actors": "auto", "per_device": actors}) as session:
            outcomes, walls[actors] = _run(session, work / f"actors{actors}", count)
            calls = [actor["calls"] for actor in session.status()["gpu_actors"]]
            halved = sum(call["halved"] for call in calls)
            figure = f"{walls[actors]:.1f} s, {halved} calls halved"
            yield Row("ray", f"{actors} actors on the GPU", _errors(outcomes), figure, failed=_failed(outcomes))
    yield Row("ray", "fastest", f"{min(walls, key=walls.__getitem__)} actors", "", "gpu.per_device")


def _session(setup: Setup, work: Path, **sections: dict[str, Any]) -> Session:
    values = {"gpu": {"device": setup.device}, "storage": {"work_dir": work}, **sections}
    return Session(Settings.model_validate(values))


def _run(session: Session, directory: Path, count: int) -> tuple[list[Outcome], float]:
    """Returns how the videos ended, and the seconds of all, without the engine's start."""
    directory.mkdir(parents=True)
    videos = [Path(shutil.copy(DEMO, directory / f"{number}.mp4")) for number in range(count)]
    session.engine_facts()
    began = time.perf_counter()
    outcomes = session.run([Job(video) for video in videos], lambda _: None)
    return outcomes, time.perf_counter() - began


def _killed(session: Session, work: Path, expected: Outcome) -> Iterator[Row]:
    before = session.status()["gpu_actors"][0]
    os.kill(before["pid"], signal.SIGKILL)
    began = time.perf_counter()
    after = before
    while time.perf_counter() - began < BACK_S and (after["pid"] == before["pid"] or not after.get("ready")):
        time.sleep(0.2)
        after = {"pid": before["pid"], **session.status()["gpu_actors"][0]}
    seconds = time.perf_counter() - began
    (again,), _ = _run(session, work / "again", 1)
    same = again.error is None and again.cues == expected.cues
    used = [_used(status) for status in (before, after)]
    memory = "" if None in used else f", {used[0]} MiB before and {used[1]} after"
    answer = "back, cues equal" if same and after["pid"] != before["pid"] else "not back, or other cues"
    yield Row("ray", "after kill -9", answer, f"{seconds:.1f} s{memory}", failed=answer != "back, cues equal")


def _used(status: dict[str, Any]) -> int | None:
    gpu = status.get("memory", {}).get("gpu")
    return None if gpu is None else int(gpu["used_bytes"] / 2**20)


def _failed(outcomes: list[Outcome]) -> bool:
    return any(outcome.error is not None for outcome in outcomes)


def _errors(outcomes: list[Outcome]) -> str:
    codes = sorted({outcome.error["code"] for outcome in outcomes if outcome.error is not None})
    return ", ".join(codes) or "all done"
