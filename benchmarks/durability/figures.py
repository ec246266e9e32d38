"""What a run under kills came to: its figures, the limits that they are held to, and both for people. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.durability.run import Harvest
from benchmarks.faults.figures import Limit, at_least, at_most, none_of
from benchmarks.faults.score import verdict

__all__ = ["REAL_AT_LEAST", "WORKFLOWS_AT_LEAST", "figures", "limits", "report"]

WORKFLOWS_AT_LEAST, REAL_AT_LEAST, KILLS_AT_LEAST, RESUME_S = 100, 5, 50, 60


def figures(harvests: dict[str, Harvest]) -> dict[str, Any]:
    """Returns every figure of a run, in values for JSON."""
    every = list(harvests.values())
    verdicts = [verdict(harvest.results, harvest.truth) for harvest in every]
    unknown = [one for harvest in every for one in harvest.posted if one not in set(harvest.kept)]
    extra = [one for harvest in every for one in harvest.kept if one not in set(harvest.posted)]
    resumed = [seconds for harvest in every for seconds in harvest.resumed_s]
    return {
        "workflows": {name: len(harvest.results) for name, harvest in harvests.items()},
        "wall_s": {name: round(harvest.wall_s, 1) for name, harvest in harvests.items()},
        "kills": Counter(fault.kind for harvest in every for fault in harvest.faults),
        "lost": [*(one for found in verdicts for one in found.lost), *unknown],
        "duplicate": [*(one for found in verdicts for one in found.duplicate), *extra],
        "differing": [one for found in verdicts for one in found.differing],
        "unfinished": [one for harvest in every for one in harvest.unfinished],
        "holes": [one for harvest in every for one in harvest.holes],
        "errors": [result.error for harvest in every for result in harvest.results if result.error],
        "resumed_s": [round(seconds, 1) for seconds in resumed],
        "longest_resume_s": round(max(resumed, default=float("inf")), 1),
    }


def limits(found: dict[str, Any]) -> list[Limit]:
    """Returns what the run is held to."""
    return [
        at_least("workflows with the scripted engine", found["workflows"]["scripted"], WORKFLOWS_AT_LEAST),
        at_least("workflows with the real engine", found["workflows"]["real"], REAL_AT_LEAST),
        at_least("kills", sum(found["kills"].values()), KILLS_AT_LEAST),
        none_of("workflows lost", found["lost"]),
        none_of("workflows doubled", found["duplicate"]),
        none_of("workflows that came to no end", found["unfinished"]),
        none_of("workflows that differ from the fault-free run", found["differing"]),
        none_of("workflows with a hole in their events", found["holes"]),
        at_most("longest resume after a kill of the cluster, s", found["longest_resume_s"], RESUME_S),
    ]


def report(found: dict[str, Any]) -> str:
    """Returns the figures, and what they are held to, for people."""
    lines = [
        *map(str, limits(found)),
        "",
        "kills: "
        + ", ".join(f"{kind.removeprefix('kill ')} {number}" for kind, number in sorted(found["kills"].items())),
        "resumed after kills of the cluster, s: " + ", ".join(f"{seconds:g}" for seconds in found["resumed_s"]),
        "wall time, s: " + ", ".join(f"{name} {wall:g}" for name, wall in found["wall_s"].items()),
        *(f"lost: {error}" for error in found["errors"]),
    ]
    return "\n".join(lines)
