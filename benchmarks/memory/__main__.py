"""Measures whether memory stays flat: the GPU actor's however the pictures' sizes change, that of whole runs however
long the video is, or however many there are.

    python -m benchmarks.memory [--calls N] [--sizes N] [--json FILE] [--plot FILE]
    python -m benchmarks.memory --minutes 1 10 60 [--json FILE] [--plot FILE]
    python -m benchmarks.memory --videos 1 8 24 [--json FILE] [--plot FILE]

The first sends calls with a crop each, of many different sizes and with text drawn on them, to an actor with the real
engine, and reads the process's resident memory from the actor's status. Every size comes once in the first calls, and
in random order after. Exit code: 0 if the memory at the end is at most 1.05 times that after the first N sizes, 1 if
not.

The second runs videos of so many minutes, 720p25 with a cue every 2 to 3 s, each in a process of its own, and reads the
proportional set size of that process and all that it started, Ray's own among them, and the size of the files below
storage.work_dir and in Ray's directory. The third does so for so many videos of one minute, all begun at once. Exit
code: 0 if the limits hold, 1 if not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.instruments.command_line import benchmark_parser, hand_out
from benchmarks.instruments.environment import environment
from benchmarks.instruments.plots import draw_calls, draw_runs
from benchmarks.memory.calls import LIMIT, measure
from benchmarks.memory.runs import LIMIT_RATIO, measure_lengths, measure_numbers, verdicts
from yivideo_ray.config import Settings
from yivideo_ray.runtime.session import Session
from yivideo_ray.types import EngineFacts

__all__ = ["draw", "main", "report"]


def report(figures: dict[str, Any]) -> str:
    """Returns the figures of calls, or of whole runs, for people."""
    return _report_runs(figures) if "runs" in figures else _report_calls(figures)


def _report_calls(found: dict[str, Any]) -> str:
    mib = {name: found[f"{name}_bytes"] / 2**20 for name in ("after_first", "at_end", "highest")}
    reached = "reached" if _is_flat(found) else "MISSED"
    return (
        f"{found['calls']} calls with {found['sizes']} sizes in {found['seconds']:.0f} s\n"
        f"after the first {found['sizes']}: {mib['after_first']:.0f} MiB; highest since: {mib['highest']:.0f} MiB\n"
        f"at the end: {mib['at_end']:.0f} MiB, {found['ratio']:.3f} times that, <= {LIMIT} {reached}"
    )


def _is_flat(found: dict[str, Any]) -> bool:
    return bool(found["ratio"] <= LIMIT and found["restarts"] == 0)


def _report_runs(figures: dict[str, Any]) -> str:
    unit = _unit(figures)
    lines = [f"{unit:>8} {'wall s':>8} {'peak MiB':>9} {'scratch MB':>11} {'cues':>6}"]
    for one in figures["runs"]:
        peak, scratch = one["peak_bytes"] / 2**20, one["scratch_bytes"] / 1e6
        lines.append(f"{one[unit]:8} {one['wall_s']:8.1f} {peak:9.0f} {scratch:11.1f} {one['cues']:6}")
    lines += [f"{told} {'reached' if holds else 'MISSED'}" for told, holds in verdicts(figures["runs"], unit)]
    return "\n".join(lines)


def _unit(figures: dict[str, Any]) -> str:
    return "minutes" if "minutes" in figures["runs"][0] else "videos"


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG of the figures of calls, or of whole runs."""
    if "runs" in figures:
        draw_runs(figures, _unit(figures), LIMIT_RATIO, path)
    else:
        draw_calls(figures, LIMIT, path)


def _measure_calls(options: argparse.Namespace) -> dict[str, Any]:
    with Session(Settings()) as opened:
        engine = opened.engine_facts()
        found = asyncio.run(measure(opened, options.calls, options.sizes, options.seed))
    return {"environment": environment(engine), **found}


def _measure_runs(found: Sequence[dict[str, Any]], engine: EngineFacts) -> dict[str, Any]:
    return {"environment": environment(engine), "runs": found}


def _holds(figures: dict[str, Any]) -> bool:
    if "runs" in figures:
        return all(holds for _, holds in verdicts(figures["runs"], _unit(figures)))
    return _is_flat(figures)


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.memory", __doc__, plot=True)
    parser.add_argument("--calls", type=int, default=5000, metavar="N", help="in all (default: %(default)s)")
    parser.add_argument("--sizes", type=int, default=500, metavar="N", help="different sizes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of sizes and texts (default: %(default)s)")
    parser.add_argument("--minutes", type=int, nargs="+", metavar="N", help="measure whole runs on videos so long")
    parser.add_argument("--videos", type=int, nargs="+", metavar="N", help="measure whole runs on so many videos")
    options = parser.parse_args(argv)
    if options.minutes:
        figures = _measure_runs(*measure_lengths(options.minutes, options.out))
    elif options.videos:
        figures = _measure_runs(*measure_numbers(options.videos, options.out))
    else:
        figures = _measure_calls(options)
    hand_out(figures, options, report, draw)
    return 0 if _holds(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
