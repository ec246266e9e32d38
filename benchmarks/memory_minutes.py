"""The peak of the memory and of the scratch files of whole runs, by the length of the video."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.corpus import ensure_corpus
from benchmarks.speed import Memory, minute_spec, repeat
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job
from yivideo_ray.runtime import session

__all__ = ["LIMIT_BYTES", "LIMIT_RATIO", "LIMIT_SCRATCH_BYTES", "measure_lengths", "verdicts"]

LIMIT_BYTES = 2.5e9
LIMIT_RATIO = 1.1
LIMIT_SCRATCH_BYTES = 200e6


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""


class Scratch:
    """The most bytes that files below some directories took at a time."""

    def __init__(self) -> None:
        self.peak_bytes = 0

    @contextmanager
    def watch(self, directories: Sequence[Path]) -> Iterator[None]:
        """Keeps the peak of what lies there while the block runs."""
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(1.0):
                self.peak_bytes = max(self.peak_bytes, sum(map(_bytes_below, directories)))

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.peak_bytes = max(self.peak_bytes, sum(map(_bytes_below, directories)))


def _bytes_below(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with suppress(OSError):  # it was removed meanwhile
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_blocks * 512
    return total


def measure_lengths(minutes: Sequence[int], out: Path) -> tuple[list[dict[str, Any]], Any]:
    """Returns, for each length in the order given, the peaks of a run in a session of its own, and what ran the models.

    The video is the same minute of 720p25 over and over.
    """
    (truth,) = ensure_corpus([minute_spec()], out / "corpus")
    results = out / "memory"
    results.mkdir(parents=True, exist_ok=True)
    found = []
    for length in minutes:
        video = repeat(truth.video, length, out / "corpus" / f"speed_{length}min.mp4")
        settings = Settings.model_validate({"storage": {"work_dir": results / f"work-{length}"}})
        memory, scratch = Memory(), Scratch()
        with session(settings) as opened, memory.watch():
            engine = opened.engine_facts()
            before = time.perf_counter()
            with scratch.watch([settings.storage.work_dir, _ray_files()]):
                (outcome,) = opened.run([Job(video, output_dir=results)], _ignore)
        if outcome.error is not None:
            raise SystemExit(f"{video.name}: {outcome.error['code']}: {outcome.error['message']}")
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
