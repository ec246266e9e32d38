"""Measures how soon the command says something, and how soon its engine runs, when nothing of it is running yet.

    python -m benchmarks.cold_start [--runs N] [--json FILE]

starts `yivideo run` N times on 60 s of 720p25, each with a Ray of its own, and notes when the first line of progress
comes, when the models have gone through a real inference, and when the command ends. Figures are medians; the files
that it reads are in the system's cache after the first run, which is not counted. load: how many processes wanted a
core in the minute before, where more than a fraction of the cores spoils the figures. Exit code: 0 if the limits hold,
1 if not.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus.making import ensure_corpus
from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.videos import minute_spec

__all__ = ["main", "report"]

LIMITS_S = {"first_line_s": 3.0, "engine_s": 12.0}
NAMES = {"first_line_s": "first line of progress", "engine_s": "engine running", "end_s": "end"}


def start(video: Path, out: Path) -> dict[str, float]:
    """Returns when what came, in seconds from the start of the command, and the load before it.

    Errors: SystemExit if it fails.
    """
    command = [sys.executable, "-P", "-m", "yivideo_ray", "run", str(video), "-o", str(out), "--json"]
    command += ["--overwrite", "--again"]
    environ = {**os.environ, "YIVIDEO_STORAGE__WORK_DIR": str(out / "work"), "RAY_ADDRESS": ""}
    seen: dict[str, float] = {}
    seen["load"] = os.getloadavg()[0]
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            at = time.perf_counter() - began
            seen.setdefault("first_line_s", at)
            if "engine" in json.loads(line).get("data", {}):
                seen.setdefault("engine_s", at)
    seen["end_s"] = time.perf_counter() - began
    if running.returncode != 0 or "engine_s" not in seen:
        raise SystemExit(f"`{' '.join(command)}` ended with {running.returncode}. Run it to see why.")
    return seen


def report(figures: dict[str, Any]) -> str:
    """Returns the figures for people."""
    lines = []
    for name, what in NAMES.items():
        median, limit = figures["medians"][name], figures["limits"].get(name)
        verdict = "" if limit is None else f"   <= {limit:g} s {'reached' if median <= limit else 'MISSED'}"
        lines.append(f"{what:24} {median:6.2f} s{verdict}")
    return "\n".join([*lines, f"load before {figures['load_before']:.1f}"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.cold_start", __doc__)
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="counted ones (default: %(default)s)")
    options = parser.parse_args(argv)
    results = options.out / "cold"
    results.mkdir(parents=True, exist_ok=True)
    (truth,) = ensure_corpus([minute_spec()], options.out / "corpus")
    load = start(truth.video, results)["load"]
    runs = [start(truth.video, results) for _ in range(options.runs)]
    medians = {name: statistics.median(run[name] for run in runs) for name in NAMES}
    figures: dict[str, Any] = {
        "environment": environment(),
        "limits": LIMITS_S,
        "medians": medians,
        "load_before": load,
        "runs": runs,
    }
    hand_out(figures, options, report)
    return 0 if all(medians[name] <= limit for name, limit in LIMITS_S.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
