"""Runs the clips of a corpus through one session, with progress on stderr, and measures what that costs."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.progress import Progress
from benchmarks.accuracy.run import new_to_all
from benchmarks.instruments.usage import CpuUse, cpu_use
from yivideo_ray.config import Settings, load_settings
from yivideo_ray.errors import ConfigError
from yivideo_ray.evaluation.corpus import Corpus
from yivideo_ray.jobs import Event, EventKind, Job, Outcome
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import EngineFacts

__all__ = ["Cost", "run_clips"]


# Ray ends workers that have nothing to do, and what they did counts as well.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, in seconds: of all its processes' CPU time, on the clock, and how long its videos last. others:
    the share of the cores that other processes had meanwhile."""

    cpu_s: float
    wall_s: float
    video_s: float
    others: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_clips(corpus: Corpus, results: Path, config: Path | None) -> tuple[Cost, EngineFacts]:
    """Runs every clip and leaves NAME.srt and NAME.json in results; a clip that fails is told on stderr, and leaves
    neither. What an earlier run left there is replaced.

    Errors: ConfigError if results would go among the clips; YivideoError where nothing can be run.
    """
    if results.resolve() == corpus.directory.resolve():
        raise ConfigError(f"Results would go among the clips in {results}.", remedy="Choose another --out.")
    results.mkdir(parents=True, exist_ok=True)
    for clip in corpus.clips:
        for kind in ("srt", "json"):
            # What an earlier run left must not be taken for this one's.
            (results / f"{clip.name}.{kind}").unlink(missing_ok=True)
    jobs = [Job(clip.video, output_dir=results, overwrite=True, again=True) for clip in corpus.clips]
    watch = _Watch(len(jobs))
    with (
        new_to_all(_srt_only(load_settings(config))) as settings,
        Session(settings) as running,
        cpu_use(LOOK_EVERY_S) as use,
    ):
        outcomes = running.run(jobs, watch)
        engine = running.engine_facts()
    watch.clear()
    for outcome in outcomes:
        if outcome.error is not None:
            print(f"{outcome.video.name}: {outcome.error['code']}: {outcome.error['message']}", file=sys.stderr)
    return _cost(use, outcomes), engine


def _srt_only(settings: Settings) -> Settings:
    """Returns the settings with one SRT file for each video, whatever else they want."""
    subtitles = settings.subtitles.model_copy(update={"formats": ("srt",), "split_by_script": False})
    return settings.model_copy(update={"subtitles": subtitles})


def _cost(use: CpuUse, outcomes: list[Outcome]) -> Cost:
    video_s = sum(outcome.info.duration_s or 0.0 for outcome in outcomes if outcome.info is not None)
    return Cost(use.own_s, use.wall_s, video_s, use.others(len(os.sched_getaffinity(0))))


class _Watch:
    """Turns the events of all clips into one line of progress: how many are done."""

    def __init__(self, count: int) -> None:
        self._progress = Progress("running", count)
        self._count = count
        self._done = 0

    def __call__(self, event: Event) -> None:
        self._done += event.kind is EventKind.WORKFLOW_FINISHED
        self._progress.show(self._done, f"{self._done} of {self._count} clips are done")

    def clear(self) -> None:
        self._progress.clear()
