"""Runs workflows in the service while everything is killed with SIGKILL, and counts what that cost.

    python -m benchmarks.durability [--database sqlite|postgresql] [--workflows N] [--real N] [--seed N] [--json FILE]

A Ray with a GPU in name, `yivideo serve`, and clients that repeat their request with the same Idempotency-Key until it
is answered. (--alone runs the service in a process of its own, without HTTP and Ray Serve.) Workflows with the scripted
engine run first, then some with the real one; every video has been worked on without faults before, to compare with.
Kills come at random times:

    kill service    the process that was started to serve; it is started again, as a service manager would
    kill orchestrator, kill Serve
                    the replica of Ray Serve that owns the workflows; Serve's controller or a proxy
    kill task       a worker at a stage
    kill actor      the GPU actor's process
    kill cluster    every process of Ray and the service at once; another cluster is built and the service started

A workflow is lost if it did not succeed or the service knows nothing of it, doubled if its end is told twice, a cue is
in its result twice or the service has more workflows than were asked for, and differs if its files or cues are not
those of the run without faults, byte for byte. The time to resume runs from the kill of the cluster until a workflow
has kept new work, so it holds the start of the new cluster, of the service and of the engine. Exit code: 0 if the
limits hold, 1 if not.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.durability.figures import REAL_AT_LEAST, WORKFLOWS_AT_LEAST, figures, limits, report
from benchmarks.durability.run import Harvest, run_phase
from benchmarks.durability.serve_command import SERVE
from benchmarks.faults.run import DEMO, LOCK, Phase
from benchmarks.instruments.command_line import benchmark_parser, hand_out, progress_teller
from benchmarks.instruments.environment import environment
from benchmarks.instruments.videos import pattern_videos
from tests.support.postgres import missing, postgres
from tests.support.serving import free_port
from yivideo_ray.cli.arguments import take_stdout

__all__ = ["main", "report"]

SOURCES = 8
SCRIPTED_PLAN = Counter(
    {"kill service": 5, "kill orchestrator": 9, "kill Serve": 5, "kill task": 8, "kill actor": 7, "kill cluster": 4}
)
REAL_PLAN = Counter(
    {"kill service": 1, "kill orchestrator": 3, "kill Serve": 2, "kill task": 2, "kill actor": 2, "kill cluster": 2}
)
SCRIPT = {"load_s": 0.3, "detect_s": 0.1, "recognize_s": 0.15, "jitter": 0.5}
PIPELINE = {"chunk_s": 6, "crops_per_call": 4}


def phases(workflows: int, real: int, out: Path, seed: int, *, alone: bool) -> list[Phase]:
    """Returns the scripted phase and the real one."""
    serve = {} if alone else {"serve": {"port": free_port()}}
    videos = out / "durability" / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    return [
        Phase(
            "scripted",
            tuple(pattern_videos(videos, SOURCES, seed)),
            workflows,
            at_once=8,
            plan=_plan(SCRIPTED_PLAN, alone=alone),
            pause_s=(2.0, 8.0),
            settings={"gpu_lock": {**LOCK, "lock_timeout": 10}, "pipeline": PIPELINE, **serve},
            script={**SCRIPT, "seed": seed},
        ),
        Phase(
            "real",
            (DEMO,),
            real,
            at_once=3,
            plan=_plan(REAL_PLAN, alone=alone),
            pause_s=(4.0, 12.0),
            settings={"gpu_lock": {**LOCK, "lock_timeout": 60}, "pipeline": PIPELINE, **serve},
        ),
    ]


def _plan(kills: Counter[str], *, alone: bool) -> Counter[str]:
    """Returns the kills; without Ray Serve, those of its processes hit the service's own."""
    if not alone:
        return kills
    told: Counter[str] = Counter()
    for kind, number in kills.items():
        told["kill service" if kind in SERVE else kind] += number
    return told


async def _run(plan: Sequence[Phase], database: str, out: Path, seed: int) -> dict[str, Harvest]:
    say = progress_teller()
    found = {}
    for phase in plan:
        # A server of its own for each: what one phase left can't help the other.
        with postgres() if database == "postgresql" else contextlib.nullcontext() as server:
            url = None if server is None else server.url
            found[phase.name] = await run_phase(phase, out / "durability" / phase.name, url, seed, say)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.durability", __doc__, out="for videos and logs")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite", help="(%(default)s)")
    parser.add_argument(
        "--workflows", type=int, default=WORKFLOWS_AT_LEAST, metavar="N", help="scripted, at least (%(default)s)"
    )
    parser.add_argument("--real", type=int, default=REAL_AT_LEAST, metavar="N", help="real, at least (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the kills (%(default)s)")
    parser.add_argument("--alone", action="store_true", help="without HTTP and Ray Serve")
    options = parser.parse_args(argv)
    if options.database == "postgresql" and missing():
        parser.error(f"there can be no PostgreSQL here: {missing()}")
    stdout = take_stdout()
    plan = phases(options.workflows, options.real, options.out.resolve(), options.seed, alone=options.alone)
    harvests = asyncio.run(_run(plan, options.database, options.out.resolve(), options.seed))
    facts = {**environment(harvests["real"].engine), "database": options.database}
    found = {"environment": facts, "seed": options.seed, **figures(harvests)}
    hand_out(found, options, report, file=stdout)
    return 0 if all(limit.reached for limit in limits(found)) else 1


if __name__ == "__main__":
    sys.exit(main())
