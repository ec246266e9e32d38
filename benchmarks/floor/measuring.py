"""Warm runs of one video, in turn with decoding it alone."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av

from benchmarks.instruments.usage import CpuUse, cpu_use, gpu_use, medians
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.runtime.session import Session

__all__ = ["decode_alone", "measure"]

STAGE_FACTS = ("decode_s", "analyse_s", "waited_s", "device_s")


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""


def _run(running: Session, video: Path, results: Path) -> tuple[CpuUse, float | None, Outcome]:
    with cpu_use() as use, gpu_use() as gpu:
        (outcome,) = running.run([Job(video, output_dir=results, overwrite=True, again=True)], _ignore)
    if outcome.error is not None:
        raise SystemExit(f"{video.name}: {outcome.error['code']}: {outcome.error['message']} {outcome.error['remedy']}")
    return use, gpu.busy, outcome


def measure(running: Session, video: Path, results: Path, runs: int) -> dict[str, Any]:
    """Returns the figures of one video; the first run, which warms up, is not among them."""
    _run(running, video, results)
    ours: list[CpuUse] = []
    alone: list[CpuUse] = []
    outcomes: list[Outcome] = []
    gpus: list[float] = []
    for number in range(runs):
        print(f"{video.stem}: run {number + 1} of {runs}", file=sys.stderr, flush=True)
        with cpu_use() as use:
            decode_alone(video)
        alone.append(use)
        use, gpu, outcome = _run(running, video, results)
        ours.append(use)
        gpus += [] if gpu is None else [gpu]
        outcomes.append(outcome)
    return {
        "video": video.stem,
        "cues": len(outcomes[-1].cues),
        "run": medians(ours),
        "gpu_busy": statistics.median(gpus) if gpus else None,
        "decoding_alone": medians(alone),
        "median_ratio": statistics.median(run.wall_s / floor.wall_s for run, floor in zip(ours, alone, strict=True)),
        "median_cpu_ratio": statistics.median(run.own_s / floor.own_s for run, floor in zip(ours, alone, strict=True)),
        "runs": [asdict(use) for use in ours],
        "decodings": [asdict(use) for use in alone],
        "median_stages_s": _stages(outcomes),
    }


def _stages(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Returns, by stage, the medians of its duration and of the seconds that it tells of itself."""
    kinds: dict[str, dict[str, list[float]]] = {}
    for outcome in outcomes:
        for record in outcome.stages:
            told = {"duration_s": record.duration, **{name: record.output.get(name) for name in STAGE_FACTS}}
            for name, seconds in told.items():
                if seconds is not None:
                    kinds.setdefault(record.stage.value, {}).setdefault(name, []).append(seconds)
    return {stage: {name: statistics.median(values) for name, values in told.items()} for stage, told in kinds.items()}


def decode_alone(video: Path) -> float:
    """Returns the seconds that decoding every frame takes, on all cores, looking at none."""
    before = time.perf_counter()
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass
    return time.perf_counter() - before
