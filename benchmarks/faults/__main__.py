"""Runs workflows while their processes are killed, stopped and made to fail, and counts what that cost.

    python -m benchmarks.faults [--workflows N] [--real N] [--seed N] [--json FILE]

A Ray of a head and two nodes with a GPU in name each. Workflows with the scripted engine run first, then some with the
real one; every video has been worked on without faults before, to compare with. Faults come at random times:

    kill actor, kill task    SIGKILL to the GPU actor, or to a worker at a stage
    stop actor               SIGSTOP, until somebody ends the process
    stall actor, stall task  SIGSTOP, and SIGCONT up to two seconds later
    lose node                SIGKILL to the node with the actor and all on it; a fresh node joins
    injected                 the engine reports no memory, a failed device, hangs, or ends its process

A workflow is lost if it ends with an error, doubled if its end is announced twice or a cue is in its result twice, and
differs if its files or its cues are not those of the fault-free run, byte for byte. Work is counted in calls to the
actor (the area, one chunk, or one group of crops) and tasks (one chunk or less). Exit code: 0 if the limits hold, 1 if
not.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.figures import REAL_AT_LEAST, WORKFLOWS_AT_LEAST, figures, limits, report
from benchmarks.faults.run import DEMO, LOCK, Arena, Harvest, Phase, run_phase
from benchmarks.instruments.command_line import benchmark_parser, hand_out, progress_teller
from benchmarks.instruments.environment import environment
from benchmarks.instruments.videos import pattern_videos
from tests.support.nodes import nodes
from yivideo_ray.cli.arguments import take_stdout

__all__ = ["main", "report"]

SOURCES = 8

SCRIPTED_PLAN = Counter(
    {"kill actor": 60, "stop actor": 5, "stall actor": 10, "kill task": 75, "stall task": 10, "lose node": 5}
)
REAL_PLAN = Counter({"kill actor": 7, "stall actor": 3, "kill task": 10, "stall task": 5})
SCRIPT = {
    "load_s": 0.3,
    "detect_s": 0.1,
    "recognize_s": 0.15,
    "jitter": 0.5,
    "faults": [
        {"kind": "DEVICE_OUT_OF_MEMORY", "probability": 0.03, "times": 100000},
        {"kind": "DEVICE_FAILED", "probability": 0.007, "times": 100000},
        {"kind": "exit", "probability": 0.01, "times": 100000},
        {"kind": "hang", "probability": 0.006, "times": 100000, "seconds": 3600},
    ],
}


def phases(workflows: int, real: int, out: Path, seed: int) -> list[Phase]:
    """Returns the scripted phase and the real one."""
    videos = out / "faults" / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    scripted = Phase(
        "scripted",
        tuple(pattern_videos(videos, SOURCES, seed)),
        workflows - real,
        at_once=6,
        plan=SCRIPTED_PLAN,
        pause_s=(0.2, 3.0),
        settings={"gpu_lock": {**LOCK, "lock_timeout": 4}, "pipeline": {"chunk_s": 6, "crops_per_call": 4}},
        script={**SCRIPT, "seed": seed},
    )
    return [
        scripted,
        Phase(
            "real",
            (DEMO,),
            real,
            at_once=3,
            plan=REAL_PLAN,
            pause_s=(1.0, 8.0),
            settings={"gpu_lock": {**LOCK, "lock_timeout": 60}, "pipeline": {"chunk_s": 6, "crops_per_call": 4}},
        ),
    ]


async def _run(plan: Sequence[Phase], out: Path, seed: int) -> dict[str, Harvest]:
    say = progress_teller()
    with nodes(2, cpus=1) as cluster:
        os.environ.update(cluster.environment)
        arena = Arena(cluster, out / "faults", seed, say)
        try:
            return {phase.name: await run_phase(phase, arena) for phase in plan}
        finally:
            # Sessions leave a cluster that they joined as it was; this process's connection would outlive its nodes.
            importlib.import_module("ray").shutdown()


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.faults", __doc__, out="for videos and logs")
    parser.add_argument("--workflows", type=int, default=WORKFLOWS_AT_LEAST, metavar="N", help="at least (%(default)s)")
    parser.add_argument("--real", type=int, default=REAL_AT_LEAST, metavar="N", help="of them real (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the faults (%(default)s)")
    options = parser.parse_args(argv)
    stdout = take_stdout()
    harvests = asyncio.run(
        _run(phases(options.workflows, options.real, options.out, options.seed), options.out, options.seed)
    )
    facts = environment(harvests["real"].engine)
    found = {"environment": facts, "seed": options.seed, **figures(harvests)}
    hand_out(found, options, report, file=stdout)
    return 0 if all(limit.reached for limit in limits(found)) else 1


if __name__ == "__main__":
    sys.exit(main())
