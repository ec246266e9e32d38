"""The peak of the memory and of the scratch files of whole runs, by the length of the video."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.corpus import ensure_corpus
from benchmarks.peaks import Peak
from benchmarks.speed import minute_spec, repeat, tree_bytes
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job
from yivideo_ray.runtime import session

__all__ = ["LIMIT_BYTES", "LIMIT_RATIO", "LIMIT_SCRATCH_BYTES", "measure_lengths", "verdicts"]

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
    """Returns, for each length in the order given, the peaks of a run in a session of its own, and what ran the models.

    The video is the same minute of 720p25 over and over. Errors: SystemExit where a run fails, or finds too few cues.
    """
    (truth,) = ensure_corpus([minute_spec()], out / "corpus")
    results = out / "memory"
    results.mkdir(parents=True, exist_ok=True)
    found = []
    for length in minutes:
        video = repeat(truth.video, length, out / "corpus" / f"speed_{length}_minutes.mp4")
        settings = Settings.model_validate({"storage": {"work_dir": results / f"work-{length}"}})
        memory = Peak(tree_bytes, 0.5)
        with session(settings) as opened, memory.watch():
            engine = opened.engine_facts()
            scratch = Peak(partial(scratch_bytes, [settings.storage.work_dir, _ray_files()]), 1.0)
            before = time.perf_counter()
            with scratch.watch():
                (outcome,) = opened.run([Job(video, output_dir=results)], _ignore)
        if outcome.error is not None:
            raise SystemExit(f"{video.name}: {outcome.error['code']}: {outcome.error['message']}")
        if len(outcome.cues) < ENOUGH * length * len(truth.cues):
            raise SystemExit(f"{video.name}: {len(outcome.cues)} cues are too few for its memory to tell anything.")
        figures = {
            "minutes": length,
            "cues": len(outcome.cues),
            "wall_s": time.perf_counter() - before,
            "peak_bytes": memory.peak_bytes,
            "scratch_bytes": scratch.peak_bytes,
        }
        print(f"{length} min: {memory.peak_bytes / 2**20:.0f} MiB", file=sys.stderr, flush=True)
        found.append(figures)
    return found, engine


def _ray_files() -> Path:
    """Returns where the local Ray keeps its logs, and objects that its store does not hold."""
    from ray._private import worker

    node: Any = worker._global_node
    return Path(node.get_session_dir_path())


def verdicts(found: Sequence[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Returns a sentence on each limit, and whether it holds; the ratio is that of the longest to the one before it."""
    highest = max(one["peak_bytes"] for one in found)
    scratch = max(one["scratch_bytes"] for one in found)
    sentences = [
        (f"highest peak {highest / 1e9:.2f} GB, < {LIMIT_BYTES / 1e9:g} GB", highest < LIMIT_BYTES),
        (f"scratch {scratch / 1e6:.0f} MB, < {LIMIT_SCRATCH_BYTES / 1e6:g} MB", scratch < LIMIT_SCRATCH_BYTES),
    ]
    if len(found) > 1:
        shorter, longer = sorted(found, key=lambda one: one["minutes"])[-2:]
        ratio = longer["peak_bytes"] / shorter["peak_bytes"]
        sentence = f"peak of {longer['minutes']} min is {ratio:.3f} times that of {shorter['minutes']} min"
        sentences.append((f"{sentence}, <= {LIMIT_RATIO}", ratio <= LIMIT_RATIO))
    return sentences
