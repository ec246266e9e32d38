"""Measures the wall time of a warm run against decoding the same file alone: no run can be faster than that.

    python -m benchmarks.floor [--runs N] [--heights N ...] [--json FILE] [--plot FILE]

makes 60 s of 720p25 and of 1080p25 with a cue every 2 to 3 s, and works on each through a session whose engine and
workers are warm, in turn with decoding the file alone, in this process and on all cores, looking at no frame. Figures
are medians; the ratio is that of each run to the decoding before it. The stages overlap, so their times add up to more
than the wall time. CPU is the CPU time of all processes of a run, which other work on the machine disturbs far less
than its wall time; others: the share of all cores that such work had. On a machine with a GPU, and nvidia-ml-py, gpu:
the share of a run's time in which kernels ran there, as NVML tells it. Exit code: 0 if every ratio of wall times is
within the limit, 1 if not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.corpus.making import ensure_corpus
from benchmarks.floor.measuring import measure
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.plots import draw_floor as draw
from benchmarks.instruments.videos import minute_spec
from yivideo_ray.config import Settings
from yivideo_ray.runtime.session import Session

__all__ = ["draw", "main", "report"]

WIDTHS = {720: 1280, 1080: 1920}
LIMIT = 1.5


def report(figures: dict[str, Any]) -> str:
    """Returns the figures of all videos for people."""
    limit = figures["limit"]
    lines = [f"{'':30} {'wall s':>7} {'CPU s':>6} {'others':>7}"]
    for video in figures["videos"]:
        for side in ("decoding_alone", "run"):
            told = video[side]
            name = f"{video['video']} {side.replace('_', ' ')}"
            lines.append(f"{name:30} {told['wall_s']:7.2f} {told['cpu_s']:6.2f} {told['others']:7.0%}")
        ratio, reached = video["median_ratio"], "reached" if video["median_ratio"] <= limit else "MISSED"
        lines.append(f"{'ratio':30} {ratio:7.2f} {video['median_cpu_ratio']:6.2f}   wall <= {limit} {reached}")
        if video["gpu_busy"] is not None:
            lines.append(f"  gpu {video['gpu_busy']:.0%}")
        for stage, told in video["median_stages_s"].items():
            seconds = ", ".join(f"{name[:-2]} {value:.2f} s" for name, value in told.items())
            lines.append(f"  {stage:38} {seconds}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.floor", __doc__, plot=True)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="warm runs (default: %(default)s)")
    parser.add_argument("--heights", type=int, nargs="+", default=list(WIDTHS), choices=WIDTHS, metavar="N")
    options = parser.parse_args(argv)
    results = options.out / "floor"
    results.mkdir(parents=True, exist_ok=True)
    truths = ensure_corpus([minute_spec(WIDTHS[height], height) for height in options.heights], options.out / "corpus")
    settings = Settings.model_validate({"storage": {"work_dir": results / "work"}})
    with Session(settings) as running:
        engine = running.engine_facts()
        found = [measure(running, truth.video, results, options.runs) for truth in truths]
    figures = {"environment": environment(engine), "runs": options.runs, "limit": LIMIT, "videos": found}
    hand_out(figures, options, report, draw)
    return 0 if all(video["median_ratio"] <= LIMIT for video in found) else 1


if __name__ == "__main__":
    sys.exit(main())
