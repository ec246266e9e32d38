"""Makes the videos of the accuracy benchmark and runs them, with progress on stderr."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.accuracy.cases import CaseResult, Found, read_found, score_case
from benchmarks.accuracy.progress import Progress
from benchmarks.corpus.cases import CaseSpec
from benchmarks.corpus.making import Truth, ensure_corpus, spec_hash
from yivideo_ray.config import Settings, load_settings
from yivideo_ray.jobs import Event, Job
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import EngineFacts

__all__ = ["Task", "make_tasks", "new_to_all", "run_tasks"]

MOST_PROCESSES = 4
HEARTBEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """A case to measure: made with this seed, its results in this directory."""

    truth: Truth
    seed: int
    results: Path


def make_tasks(
    specs: Sequence[CaseSpec], seeds: Sequence[int], out: Path, results: Sequence[Path] | None = None
) -> list[Task]:
    """Returns every case with every seed, making the videos that aren't there yet. Errors: SourceMissingError.

    results are the directories of the seeds' results (None: below out, where a run puts them).
    """
    wanted: list[tuple[int, CaseSpec, Path, Path]] = []
    for index, seed in enumerate(seeds):
        suffix = f"-{seed}" if seed else ""
        directory = results[index] if results is not None else out / f"results{suffix}"
        wanted += [(seed, replace(spec, seed=spec.seed + seed), out / f"corpus{suffix}", directory) for spec in specs]
    truths = _make([(spec, corpus) for _, spec, corpus, _ in wanted])
    return [Task(truth, seed, directory) for truth, (seed, _, _, directory) in zip(truths, wanted, strict=True)]


def _make(wanted: Sequence[tuple[CaseSpec, Path]]) -> list[Truth]:
    """Returns the truths in order; makes several videos at a time, the longest first, so that none is left alone."""
    truths = {i: ensure_corpus([spec], corpus)[0] for i, (spec, corpus) in enumerate(wanted) if _is_made(spec, corpus)}
    effort = {i: spec.width * spec.height * spec.duration_s for i, (spec, _) in enumerate(wanted) if i not in truths}
    waiting = sorted(effort, key=lambda i: effort[i])
    if not waiting:
        return [truths[i] for i in range(len(wanted))]
    progress = Progress("making the corpus", sum(effort.values()))
    running: dict[Future[list[Truth]], int] = {}
    workers = min(os.cpu_count() or 1, MOST_PROCESSES, len(waiting))
    with _pool(workers) as submit:
        while waiting or running:
            while waiting and len(running) < workers:
                index = waiting.pop()
                running[submit(*wanted[index])] = index
            done = sum(size for index, size in effort.items() if index in truths)
            names = ", ".join(wanted[index][0].name for index in running.values())
            progress.show(done, f"{len(truths)} of {len(wanted)} videos are there; now {names}")
            for future in wait(running, HEARTBEAT_S, FIRST_COMPLETED).done:
                (truths[running.pop(future)],) = future.result()
    progress.clear()
    return [truths[i] for i in range(len(wanted))]


def _is_made(spec: CaseSpec, corpus: Path) -> bool:
    """Returns whether ensure_corpus will find the video rather than make it."""
    truth = corpus / f"{spec.name}.truth.json"
    return truth.is_file() and bool(json.loads(truth.read_text(encoding="utf-8")).get("spec_hash") == spec_hash(spec))


@contextmanager
def _pool(workers: int) -> Iterator[Callable[[CaseSpec, Path], Future[list[Truth]]]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield lambda spec, corpus: pool.submit(ensure_corpus, [spec], corpus, 1)


def run_tasks(
    tasks: Sequence[Task], config: Path | None, on_result: Callable[[CaseResult], None]
) -> tuple[list[CaseResult], EngineFacts]:
    """Returns the result of every case, run one after the other on a warm engine so that wall times compare.

    on_result gets each one as soon as it is there. Errors: YivideoError where nothing can be run.
    """
    results: list[CaseResult] = []
    progress = Progress("running", sum(task.truth.duration_s for task in tasks))
    with new_to_all(load_settings(config)) as settings, Session(settings) as running:
        engine = running.engine_facts()
        for task in tasks:
            truth = task.truth
            task.results.mkdir(parents=True, exist_ok=True)
            for kind in ("srt", "json"):
                # What an earlier run left must not be taken for this one's.
                (task.results / f"{truth.case}.{kind}").unlink(missing_ok=True)

            before = time.perf_counter()
            # Whatever is there, it may be of other code.
            job = Job(truth.video, output_dir=task.results, overwrite=True, again=True)
            (outcome,) = running.run([job], _Watch(progress, results, tasks))
            wall_s = time.perf_counter() - before
            if outcome.error is None:
                found, reason = read_found(task.results, truth.case), None
            else:
                found, reason = Found(), f"{outcome.error['code']}: {outcome.error['message']}"
            results.append(score_case(truth, found, seed=task.seed, wall_s=wall_s, error=reason))
            progress.clear()
            on_result(results[-1])
    return results, engine


@contextmanager
def new_to_all(settings: Settings) -> Iterator[Settings]:
    """Gives the settings with a working directory of their own: a run goes on from what a failed one before it left."""
    with tempfile.TemporaryDirectory(prefix="yivideo-") as work:
        storage = settings.storage.model_copy(update={"work_dir": Path(work)})
        yield settings.model_copy(update={"storage": storage})


class _Watch:
    """Turns the events of the case that runs into progress over all of them."""

    def __init__(self, progress: Progress, results: Sequence[CaseResult], tasks: Sequence[Task]) -> None:
        self._progress = progress
        self._before_s = sum(result.truth.duration_s for result in results)
        self._now = f"{len(results)} of {len(tasks)} cases are done; now {tasks[len(results)].truth.case}"
        self._done_s = 0.0

    def __call__(self, event: Event) -> None:
        # Decoding runs ahead of reading, and both report: the further one, so that nothing seems to go back.
        self._done_s = max(self._done_s, event.done_s)
        self._progress.show(self._before_s + self._done_s, self._now)
