"""Measures the wall time of a warm run and the memory of the whole process tree.

    python -m benchmarks.speed [--runs N] [--minutes M] [--json FILE]

makes 60 s of 720p25 with a cue every 2 to 3 s, runs it N times through a session whose engine is warm, in turn with
decoding the same file alone, and prints medians and their ratio. With --minutes it then runs a video of M minutes, the
same minute over and over. Memory is the proportional set size, summed over this process and every process that it
started, Ray's own among them, sampled twice a second in the first run and the long one. Exit code: 0 if the limits
hold, 1 if not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus.making import ensure_corpus
from benchmarks.floor.measuring import decode_alone
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.usage import Peak, tree_bytes
from benchmarks.instruments.videos import minute_spec, repeat
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.runtime.session import Session

__all__ = ["main", "report"]

LIMIT_S = 15.0
LIMIT_BYTES = 2.5e9


def _ignore(_: Event) -> None:
    """Progress is of no interest here."""


def _run(running: Session, video: Path, out: Path) -> tuple[float, Outcome]:
    before = time.perf_counter()
    (outcome,) = running.run([Job(video, output_dir=out, overwrite=True, again=True)], _ignore)
    wall_s = time.perf_counter() - before
    if outcome.error is not None:
        raise SystemExit(f"{video.name}: {outcome.error['code']}: {outcome.error['message']}")
    return wall_s, outcome


def measure(runs: int, minutes: int, out: Path) -> dict[str, Any]:
    """Returns every figure; see the module."""
    results = out / "speed"
    results.mkdir(parents=True, exist_ok=True)
    (truth,) = ensure_corpus([minute_spec()], out / "corpus")
    walls, alone = [], []
    memory = Peak(tree_bytes, 0.5)
    with Session(Settings()) as running:
        with memory.watch():
            engine = running.engine_facts()
            _run(running, truth.video, results)  # the first run starts the workers that later ones find
        for number in range(runs):
            print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
            alone.append(decode_alone(truth.video))
            wall_s, outcome = _run(running, truth.video, results)
            walls.append(wall_s)
        figures: dict[str, Any] = {
            "video": "60 s of 720p25, a cue every 2 to 3 s",
            "truth_cues": len(truth.cues),
            "cues": len(outcome.cues),
            "wall_s": walls,
            "median_wall_s": statistics.median(walls),
            "decode_alone_s": alone,
            "median_ratio": statistics.median(wall / floor for wall, floor in zip(walls, alone, strict=True)),
            "stages_s": {record.stage.value: record.duration for record in outcome.stages},
            "peak_tree_bytes": memory.peak_bytes,
        }
        if minutes:
            print(f"{minutes} minutes", file=sys.stderr, flush=True)
            long = repeat(truth.video, minutes, out / "corpus" / f"speed_{minutes}_minutes.mp4")
            with memory.watch():
                long_s, outcome = _run(running, long, results)
            figures["long"] = {"minutes": minutes, "wall_s": long_s, "cues": len(outcome.cues)}
            figures["long"]["peak_tree_bytes"] = memory.peak_bytes
    return {"environment": environment(engine), **figures}


def report(figures: dict[str, Any]) -> str:
    """Returns the figures for people."""
    alone, runs = statistics.median(figures["decode_alone_s"]), len(figures["wall_s"])
    lines = [
        f"{figures['video']}: {figures['cues']} cues of {figures['truth_cues']}",
        f"warm run       {figures['median_wall_s']:6.1f} s   median of {runs}, limit {LIMIT_S:.0f} s",
        f"decoding alone {alone:6.1f} s   ratio {figures['median_ratio']:.2f}",
    ]
    if "long" in figures:
        long = figures["long"]
        lines.append(f"{long['minutes']} minutes     {long['wall_s']:6.1f} s   {long['cues']} cues")
    peak_gb, limit_gb = _peak_bytes(figures) / 1e9, LIMIT_BYTES / 1e9
    lines.append(f"peak memory    {peak_gb:6.2f} GB  whole process tree (PSS), limit {limit_gb:.1f} GB")
    return "\n".join(lines)


def _peak_bytes(figures: dict[str, Any]) -> float:
    return float(figures.get("long", figures)["peak_tree_bytes"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.speed", __doc__)
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="warm runs (default: %(default)s)")
    parser.add_argument("--minutes", type=int, default=10, metavar="M", help="length of the long video, 0: none")
    options = parser.parse_args(argv)
    figures = measure(options.runs, options.minutes, options.out)
    hand_out(figures, options, report)
    return 0 if figures["median_wall_s"] < LIMIT_S and _peak_bytes(figures) < LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
