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

import argparse
import asyncio
import importlib
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environment import environment, format_environment
from benchmarks.faults_cluster import nodes
from benchmarks.faults_run import Arena, Harvest, Phase, run_phase
from benchmarks.faults_score import largest_overlap, lost_tasks, repeated_chunks, time_to_next_call, verdict
from benchmarks.faults_videos import pattern_videos

__all__ = ["main"]

OUT = Path(__file__).with_name("out")
DEMO = Path(__file__).parents[1] / "samples" / "demo.mp4"
SOURCES = 8
WORKFLOWS_AT_LEAST, REAL_AT_LEAST, FAULTS_AT_LEAST = 100, 10, 200
LOCK = {"retry_interval": 0.5, "max_retry_interval": 3, "enable_priority_queue": True}

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


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure with its bound; reached says whether it holds."""

    name: str
    value: float
    bound: str
    reached: bool


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
    def say(sentence: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {sentence}", file=sys.stderr, flush=True)

    began = time.monotonic()
    with nodes(2, cpus=1) as cluster:
        os.environ.update(cluster.environment)
        arena = Arena(cluster, out / "faults", seed, say)
        try:
            return {phase.name: await run_phase(phase, arena) for phase in plan}
        finally:
            # Sessions leave a cluster that they joined as it was; this process's connection would outlive its nodes.
            importlib.import_module("ray").shutdown()


def figures(harvests: dict[str, Harvest]) -> dict[str, Any]:
    """Returns every figure of a run, in values for JSON."""
    every = list(harvests.values())
    verdicts = {name: verdict(harvest.results, harvest.truth) for name, harvest in harvests.items()}
    faults = Counter(fault.kind for harvest in every for fault in harvest.faults)
    injected: Counter[str] = sum((harvest.injected for harvest in every), Counter())
    lost_by_fault = {
        fault: lost for harvest in every for fault, lost in lost_tasks(harvest.tasks, harvest.faults).items()
    }
    restarts = [restart for harvest in every for restart in harvest.restarts.values()]
    again = {name: repeated_chunks(harvest.tasks) for name, harvest in harvests.items()}
    waits = _waits(harvests)
    return {
        "workflows": {name: len(harvest.results) for name, harvest in harvests.items()},
        "wall_s": {name: round(harvest.wall_s, 1) for name, harvest in harvests.items()},
        "faults": {**faults, **{f"injected {kind}": number for kind, number in injected.items()}},
        "faults_in_all": faults.total() + injected.total(),
        "lost": [f"{name}/{workflow}" for name, found in verdicts.items() for workflow in found.lost],
        "errors": [result.error for harvest in every for result in harvest.results if result.error],
        "duplicate": [f"{name}/{workflow}" for name, found in verdicts.items() for workflow in found.duplicate],
        "differing": [f"{name}/{workflow}" for name, found in verdicts.items() for workflow in found.differing],
        "most_calls_repeated_per_death": max((len(restart["calls"]) for restart in restarts), default=0),
        "most_tasks_repeated_per_kill": max(
            (lost for fault, lost in lost_by_fault.items() if fault.kind == "kill task"), default=0
        ),
        "most_tasks_cut_short_per_node": max(
            (lost for fault, lost in lost_by_fault.items() if fault.kind == "lose node"), default=0
        ),
        "chunks_cropped_again": sum(found.total() for found in again.values()),
        "most_chunks_cropped_again_of_a_workflow": max(
            (number for found in again.values() for number in Counter(video for video, _ in found).values()), default=0
        ),
        "restarts": Counter(_reason(restart["why"]) for restart in restarts),
        "longest_to_next_call_s": {kind: round(max(found), 2) for kind, found in waits.items() if found},
        "median_to_next_call_s": {kind: round(statistics.median(found), 2) for kind, found in waits.items() if found},
        "largest_overlap": max(
            *(harvest.most_at_once for harvest in every),
            *(
                largest_overlap(harvest.calls, {pid: fault.time for fault in harvest.faults for pid in fault.pids})
                for harvest in every
            ),
        ),
    }


def _waits(harvests: dict[str, Harvest]) -> dict[str, list[float]]:
    """Returns by kind of death the seconds until the next call was served. Only the scripted engine has a log of its
    calls; deaths that its script brought about are dated by the last line of the process."""
    scripted = harvests["scripted"]
    found = {
        kind: time_to_next_call(scripted.calls, [fault.time for fault in scripted.faults if fault.kind == kind])
        for kind in ("kill actor", "stop actor", "lose node")
    }
    by_fault = {pid for fault in scripted.faults for pid in fault.pids}
    last: dict[int, float] = {entry["pid"]: entry["time"] for entry in scripted.calls}
    ends = [seen for pid, seen in sorted(last.items(), key=lambda item: item[1])[:-1] if pid not in by_fault]
    found["injected"] = time_to_next_call(scripted.calls, ends)
    return found


def _reason(why: str) -> str:
    return why.split(":", maxsplit=1)[0].split(" (", maxsplit=1)[0]


def limits(found: dict[str, Any]) -> list[Limit]:
    """Returns what the run is held to."""
    return [
        Limit(
            "workflows",
            sum(found["workflows"].values()),
            f">= {WORKFLOWS_AT_LEAST}",
            sum(found["workflows"].values()) >= WORKFLOWS_AT_LEAST,
        ),
        Limit(
            "of them with the real engine",
            found["workflows"]["real"],
            f">= {REAL_AT_LEAST}",
            found["workflows"]["real"] >= REAL_AT_LEAST,
        ),
        Limit("faults", found["faults_in_all"], f">= {FAULTS_AT_LEAST}", found["faults_in_all"] >= FAULTS_AT_LEAST),
        *(
            Limit(f"workflows {name}", len(found[key]), "= 0", not found[key])
            for name, key in (
                ("lost", "lost"),
                ("doubled", "duplicate"),
                ("that differ from the fault-free run", "differing"),
            )
        ),
        *(
            Limit(name, found[key], "<= 1", found[key] <= 1)
            for name, key in (
                ("most calls repeated per death of the actor", "most_calls_repeated_per_death"),
                ("most tasks repeated per kill of a worker", "most_tasks_repeated_per_kill"),
                ("largest overlap on the device", "largest_overlap"),
            )
        ),
    ]


def report(found: dict[str, Any], held: Sequence[Limit]) -> str:
    """Returns the figures for people."""
    lines = [
        f"{limit.name:46} {limit.value:6g}  {limit.bound:6} {'reached' if limit.reached else 'MISSED'}"
        for limit in held
    ]
    lines += [
        "",
        "faults: " + ", ".join(f"{kind} {number}" for kind, number in sorted(found["faults"].items())),
        "restarts of the actor: " + ", ".join(f"{why} {number}" for why, number in sorted(found["restarts"].items())),
        "from death to the next served call, s (median, longest): "
        + ", ".join(
            f"{kind} {found['median_to_next_call_s'][kind]:g}, {longest:g}"
            for kind, longest in found["longest_to_next_call_s"].items()
        ),
        f"lost nodes: at most {found['most_tasks_cut_short_per_node']} tasks cut short by one, "
        f"{found['chunks_cropped_again']} chunks cropped again for pictures that were there, "
        f"at most {found['most_chunks_cropped_again_of_a_workflow']} of one workflow",
        "wall time, s: " + ", ".join(f"{name} {wall:g}" for name, wall in found["wall_s"].items()),
        *(f"lost: {error}" for error in found["errors"]),
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workflows", type=int, default=WORKFLOWS_AT_LEAST, metavar="N", help="at least (%(default)s)")
    parser.add_argument("--real", type=int, default=REAL_AT_LEAST, metavar="N", help="of them real (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the faults (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="for videos and logs (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    options = parser.parse_args(argv)
    # Ray tells of each killed worker on standard output, whatever it is told: the figures get it for themselves.
    figures_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    harvests = asyncio.run(
        _run(phases(options.workflows, options.real, options.out, options.seed), options.out, options.seed)
    )
    found = figures(harvests)
    held = limits(found)
    facts = environment(harvests["real"].engine)
    print(report(found, held), format_environment(facts), sep="\n\n", file=figures_out, flush=True)
    if options.json:
        options.json.write_text(
            json.dumps({"environment": facts, "seed": options.seed, **found}, indent=1) + "\n", encoding="utf-8"
        )
    return 0 if all(limit.reached for limit in held) else 1


if __name__ == "__main__":
    sys.exit(main())
