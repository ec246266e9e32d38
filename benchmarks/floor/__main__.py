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

from benchmarks.corpus.making import ensure_corpus
from benchmarks.floor.measuring import measure, report
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.plots import draw_floor as draw
from benchmarks.instruments.videos import minute_spec
from yivideo_ray.config import Settings
from yivideo_ray.runtime.session import Session

__all__ = ["draw", "main", "report"]

WIDTHS = {720: 1280, 1080: 1920}
LIMIT = 1.5


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
