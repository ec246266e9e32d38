"""Measures the wall time of a warm run against decoding the same file alone: no run can be faster than that.

    python -m benchmarks.floor [--runs N] [--heights N ...] [--json FILE]

makes 60 s of 720p25 and of 1080p25 with a cue every 2 to 3 s, and works on each through a session whose engine and
workers are warm, in turn with decoding the file alone, in this process and on all cores, looking at no frame. Figures
are medians; the ratio is that of each run to the decoding before it. The stages overlap, so their times add up to more
than the wall time. Exit code: 0 if every ratio is within the limit, 1 if not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus import ensure_corpus
from benchmarks.environment import environment, format_environment
from benchmarks.speed import decode_alone, minute_spec
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.runtime import Session, session

__all__ = ["main"]

OUT = Path(__file__).with_name("out")
WIDTHS = {720: 1280, 1080: 1920}
LIMIT = 1.5
STAGE_FACTS = ("decode_s", "analyse_s", "waited_s", "device_s")


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""


def _run(running: Session, video: Path, results: Path) -> tuple[float, Outcome]:
    began = time.perf_counter()
    (outcome,) = running.run([Job(video, output_dir=results)], _ignore)
    wall_s = time.perf_counter() - began
    if outcome.error is not None:
        raise SystemExit(f"{video.name}: {outcome.error['code']}: {outcome.error['message']} {outcome.error['remedy']}")
    return wall_s, outcome


def measure(running: Session, video: Path, results: Path, runs: int) -> dict[str, Any]:
    """Returns the figures of one video; the first run, which warms up, is not among them."""
    _run(running, video, results)
    walls: list[float] = []
    alone: list[float] = []
    outcomes: list[Outcome] = []
    for number in range(runs):
        print(f"{video.stem}: run {number + 1} of {runs}", file=sys.stderr, flush=True)
        alone.append(decode_alone(video))
        wall_s, outcome = _run(running, video, results)
        walls.append(wall_s)
        outcomes.append(outcome)
    return {
        "video": video.stem,
        "cues": len(outcomes[-1].cues),
        "wall_s": walls,
        "decode_alone_s": alone,
        "median_wall_s": statistics.median(walls),
        "median_decode_alone_s": statistics.median(alone),
        "median_ratio": statistics.median(wall / floor for wall, floor in zip(walls, alone, strict=True)),
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


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.floor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="warm runs (default: %(default)s)")
    parser.add_argument("--heights", type=int, nargs="+", default=list(WIDTHS), choices=WIDTHS, metavar="N")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="for videos (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    options = parser.parse_args(argv)
    results = options.out / "floor"
    results.mkdir(parents=True, exist_ok=True)
    truths = ensure_corpus([minute_spec(WIDTHS[height], height) for height in options.heights], options.out / "corpus")
    settings = Settings.model_validate({"storage": {"work_dir": results / "work"}})
    with session(settings) as running:
        engine = running.engine_facts()
        found = [measure(running, truth.video, results, options.runs) for truth in truths]
    figures = {"environment": environment(engine), "runs": options.runs, "limit": LIMIT, "videos": found}
    print(f"{'video':16} {'wall s':>7} {'decoding alone s':>17} {'ratio':>6}   limit {LIMIT}")
    for video in found:
        reached = "reached" if video["median_ratio"] <= LIMIT else "MISSED"
        print(
            f"{video['video']:16} {video['median_wall_s']:7.2f} {video['median_decode_alone_s']:17.2f} "
            f"{video['median_ratio']:6.2f}   {reached}"
        )
        for stage, told in video["median_stages_s"].items():
            print(f"  {stage:38} {', '.join(f'{name[:-2]} {seconds:.2f} s' for name, seconds in told.items())}")
    print(format_environment(figures["environment"]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if all(video["median_ratio"] <= LIMIT for video in found) else 1


if __name__ == "__main__":
    sys.exit(main())
