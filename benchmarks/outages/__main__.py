"""Runs workflows in the service while what it stands on goes away for a while, and counts what that cost.

    python -m benchmarks.outages [--only NAME ...] [--workflows N] [--seconds S] [--json FILE]

The service with a local Ray and the scripted engine, in this process; every video has been worked on without an outage
before, to compare with. In each situation workflows are posted, one after the other for a little longer than the outage
lasts, by clients that repeat their request with the same Idempotency-Key until it is taken; when the first one has
ended something goes away, for so many seconds where it can come back:

    locked        another process holds SQLite's lock
    removed       SQLite's files are removed; nobody puts them back
    full          the disk of work_dir has no room (needs root, for a small disk of its own)
    postgresql    the PostgreSQL server is killed, and started again (needs its programs)
    clock         the clock is set a day ahead, and back

Nobody helps the service: nothing is restarted, retried or repaired. A workflow is lost if it did not succeed or is
unknown behind a restart at the end, doubled if its end is told twice, a cue is in its result twice or the service has
more workflows than were posted, and differs if its files or cues are not those of the run without an outage, byte for
byte. back_s: the seconds from the end of the outage until a workflow ends again. Exit code: 0 if the limits hold.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.faults.figures import Limit, at_least, at_most, none_of
from benchmarks.instruments.command_line import benchmark_parser, hand_out, progress_teller
from benchmarks.instruments.environment import environment
from benchmarks.outages.situations import SITUATIONS, Found, run_situation
from yivideo_ray.cli.arguments import take_stdout

__all__ = ["main", "report"]

WORKFLOWS, OUTAGE_S, BACK_S = 24, 60.0, 75.0


def figures(found: Sequence[Found]) -> dict[str, Any]:
    """Returns every figure of a run, in values for JSON."""
    return {
        "situations": {
            one.name: {
                "skipped": one.skipped,
                "workflows": one.workflows,
                "refused": one.refused,
                "outage_s": round(one.outage_s, 1),
                "back_s": round(one.back_s, 1),
                "lost": list(one.lost),
                "doubled": list(one.doubled),
                "differing": list(one.differing),
            }
            for one in found
        }
    }


def limits(found: dict[str, Any]) -> list[Limit]:
    """Returns what the run is held to; what was skipped is held to nothing."""
    held = []
    for name, one in found["situations"].items():
        if not one["skipped"]:
            held += [
                at_least(f"{name}: workflows", one["workflows"], 1),
                none_of(f"{name}: workflows lost", one["lost"]),
                none_of(f"{name}: workflows doubled", one["doubled"]),
                none_of(f"{name}: workflows that differ", one["differing"]),
                at_most(f"{name}: a workflow ends again after, s", one["back_s"], BACK_S),
            ]
    return held


def report(found: dict[str, Any]) -> str:
    """Returns the figures, and what they are held to, for people."""
    lines = [str(limit) for limit in limits(found)]
    for name, one in found["situations"].items():
        said = one["skipped"] or f"outage {one['outage_s']:g} s, requests refused meanwhile {one['refused']}"
        lines.append(f"{name}: {said}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.outages", __doc__, out="for videos and databases")
    parser.add_argument("--only", nargs="+", choices=SITUATIONS, default=SITUATIONS, metavar="NAME", help="(all)")
    parser.add_argument("--workflows", type=int, default=WORKFLOWS, metavar="N", help="in each (%(default)s)")
    parser.add_argument("--seconds", type=float, default=OUTAGE_S, metavar="S", help="of an outage (%(default)s)")
    options = parser.parse_args(argv)
    stdout = take_stdout()
    say = progress_teller()
    directory = options.out.resolve() / "outages"
    found = [
        asyncio.run(run_situation(name, directory, options.workflows, options.seconds, say)) for name in options.only
    ]
    facts = environment(next((one.engine for one in found if one.engine is not None), None))
    told = {"environment": facts, **figures(found)}
    hand_out(told, options, report, file=stdout)
    return 0 if all(limit.reached for limit in limits(told)) else 1


if __name__ == "__main__":
    sys.exit(main())
