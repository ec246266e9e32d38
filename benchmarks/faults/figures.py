"""What a run under faults came to: its figures, the limits that they are held to, and both for people. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.faults.run import Harvest
from benchmarks.faults.score import largest_overlap, lost_tasks, repeated_chunks, time_to_next_call, verdict

__all__ = [
    "REAL_AT_LEAST",
    "WORKFLOWS_AT_LEAST",
    "Limit",
    "at_least",
    "at_most",
    "figures",
    "limits",
    "none_of",
    "report",
]

WORKFLOWS_AT_LEAST, REAL_AT_LEAST, FAULTS_AT_LEAST = 100, 10, 200


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure with its bound; reached says whether it holds."""

    name: str
    value: float
    bound: str
    reached: bool

    def __str__(self) -> str:
        return f"{self.name:46} {self.value:6g}  {self.bound:6} {'reached' if self.reached else 'MISSED'}"


def at_least(name: str, value: float, bound: float) -> Limit:
    return Limit(name, value, f">= {bound:g}", value >= bound)


def at_most(name: str, value: float, bound: float) -> Limit:
    return Limit(name, value, f"<= {bound:g}", value <= bound)


def none_of(name: str, found: Sequence[str]) -> Limit:
    return Limit(name, len(found), "= 0", not found)


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
        at_least("workflows", sum(found["workflows"].values()), WORKFLOWS_AT_LEAST),
        at_least("of them with the real engine", found["workflows"]["real"], REAL_AT_LEAST),
        at_least("faults", found["faults_in_all"], FAULTS_AT_LEAST),
        none_of("workflows lost", found["lost"]),
        none_of("workflows doubled", found["duplicate"]),
        none_of("workflows that differ from the fault-free run", found["differing"]),
        at_most("most calls repeated per death of the actor", found["most_calls_repeated_per_death"], 1),
        at_most("most tasks repeated per kill of a worker", found["most_tasks_repeated_per_kill"], 1),
        at_most("largest overlap on the device", found["largest_overlap"], 1),
    ]


def report(found: dict[str, Any]) -> str:
    """Returns the figures, and what they are held to, for people."""
    lines = [
        *map(str, limits(found)),
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
