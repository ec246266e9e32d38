"""The peak of the memory and of the scratch files of whole runs, by the length of the video or the number of videos."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.corpus.making import ensure_corpus
from benchmarks.instruments.usage import Peak, tree_bytes
from benchmarks.instruments.videos import minute_spec, repeat
from benchmarks.throughput.run import copies
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import EngineFacts

__all__ = ["LIMIT_BYTES", "LIMIT_RATIO", "LIMIT_SCRATCH_BYTES", "measure_lengths", "measure_numbers", "verdicts"]

LIMIT_BYTES = 2.5e9
LIMIT_RATIO = 1.1
LIMIT_SCRATCH_BYTES = 200e6
# Of the cues that were drawn: a run that finds none holds none.
ENOUGH = 0.9


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""


def scratch_bytes(directories: Sequence[Path]) -> int:
    """Returns the bytes that files below some directories take; those that are not there hold none."""
    return sum(map(_bytes_below, directories))


def _bytes_below(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with suppress(OSError):  # it was removed meanwhile
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_blocks * 512
    return total


def measure_lengths(minutes: Sequence[int], out: Path) -> tuple[list[dict[str, Any]], Any]:
    """Returns, for each length in the order given, the peaks of a run in a process of its own, and what ran the models.

    The video is the same minute of 720p25 over and over. Errors: SystemExit where a run fails, or finds too few cues.
    """
    (truth,) = ensure_corpus([minute_spec()], out / "corpus")
    videos = {n: repeat(truth.video, n, out / "corpus" / f"speed_{n}_minutes.mp4") for n in minutes}
    return _measure("minutes", {n: [video] for n, video in videos.items()}, len(truth.cues), out)


def measure_numbers(numbers: Sequence[int], out: Path) -> tuple[list[dict[str, Any]], Any]:
    """Returns the same for each number of videos of one minute, all begun at once. Errors: the same."""
    (truth,) = ensure_corpus([minute_spec()], out / "corpus")
    videos = copies(truth.video, max(numbers), out / "memory" / "videos")
    return _measure("videos", {n: videos[:n] for n in numbers}, len(truth.cues), out)


def _measure(
    unit: str, cases: Mapping[int, Sequence[Path]], cues_a_minute: int, out: Path
) -> tuple[list[dict[str, Any]], Any]:
    results = out / "memory"
    results.mkdir(parents=True, exist_ok=True)
    found = []
    # A process for each, as a user's run has one: what an earlier run left behind is not counted again.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for count, videos in cases.items():
            figures, cues, engine = processes.submit(_run, videos, results, f"work-{count}-{unit}").result()
            if cues < ENOUGH * count * cues_a_minute:
                raise SystemExit(f"{count} {unit}: {cues} cues are too few for the memory to tell anything.")
            print(f"{count} {unit}: {figures['peak_bytes'] / 2**20:.0f} MiB", file=sys.stderr, flush=True)
            found.append({unit: count, "cues": cues, **figures})
    return found, engine


def _run(videos: Sequence[Path], results: Path, work: str) -> tuple[dict[str, Any], int, EngineFacts]:
    """Returns the figures of all videos at once, how many cues they have, and what ran the models.

    Parts that an interrupted run kept are removed first: they would not be worked out again.
    """
    work_dir = results / work
    shutil.rmtree(work_dir, ignore_errors=True)
    settings = Settings.model_validate({"storage": {"work_dir": work_dir}})
    memory = Peak(tree_bytes, 0.5)
    with Session(settings) as opened, memory.watch():
        engine = opened.engine_facts()
        scratch = Peak(partial(scratch_bytes, [work_dir, _ray_files()]), 1.0)
        before = time.perf_counter()
        with scratch.watch():
            # Results of runs before this one are known in no database that is there.
            jobs = [Job(video, output_dir=results, overwrite=True, again=True) for video in videos]
            outcomes = opened.run(jobs, _ignore)
    for outcome in outcomes:
        if outcome.error is not None:
            raise SystemExit(f"{outcome.video}: {outcome.error['code']}: {outcome.error['message']}")
    figures = {
        "wall_s": time.perf_counter() - before,
        "peak_bytes": memory.peak_bytes,
        "scratch_bytes": scratch.peak_bytes,
        "memory_samples": memory.samples,
        "scratch_samples": scratch.samples,
    }
    return figures, sum(len(outcome.cues) for outcome in outcomes), engine


def _ray_files() -> Path:
    """Returns where the local Ray keeps its logs, and objects that its store does not hold."""
    from ray._private import worker

    node: Any = worker._global_node
    return Path(node.get_session_dir_path())


def verdicts(found: Sequence[dict[str, Any]], unit: str) -> list[tuple[str, bool]]:
    """Returns a sentence on each limit, and whether it holds; the ratio is that of the most minutes, or videos, to the
    next fewer."""
    highest = max(one["peak_bytes"] for one in found)
    scratch = max(one["scratch_bytes"] for one in found)
    sentences = [
        (f"highest peak {highest / 1e9:.2f} GB, < {LIMIT_BYTES / 1e9:g} GB", highest < LIMIT_BYTES),
        (f"scratch {scratch / 1e6:.0f} MB, < {LIMIT_SCRATCH_BYTES / 1e6:g} MB", scratch < LIMIT_SCRATCH_BYTES),
    ]
    if len(found) > 1:
        fewer, most = sorted(found, key=lambda one: one[unit])[-2:]
        ratio = most["peak_bytes"] / fewer["peak_bytes"]
        sentence = f"peak of {most[unit]} {unit} is {ratio:.3f} times that of {fewer[unit]}"
        sentences.append((f"{sentence}, <= {LIMIT_RATIO}", ratio <= LIMIT_RATIO))
    return sentences
