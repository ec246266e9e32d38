"""What faults cost, from the logs of a run. Pure.

Work is counted in calls and tasks: a call to the GPU actor is one area, one chunk to crop, or one group of crops; a
task is one chunk to crop or less. What began and never ended was lost with its process and was done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.faults.chaos import Fault

__all__ = ["Result", "Verdict", "largest_overlap", "lost_tasks", "repeated_chunks", "time_to_next_call", "verdict"]

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """How one workflow ended. source names the video that it is a copy of; files holds the bytes of each result, cues
    the JSON's; finishes counts how often its end was announced."""

    workflow: str
    source: str
    error: str
    files: Mapping[str, bytes]
    cues: Sequence[Any]
    finishes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Names of workflows. duplicate: ended more than once, or a cue twice in the result."""

    lost: tuple[str, ...]
    duplicate: tuple[str, ...]
    differing: tuple[str, ...]


def verdict(results: Iterable[Result], truth: Mapping[str, Result]) -> Verdict:
    """Returns which workflows were lost, doubled, or differ from the fault-free run of the same video."""
    lost, duplicate, differing = [], [], []
    for result in results:
        if result.error or not result.files:
            lost.append(result.workflow)
            continue
        expected = truth[result.source]
        if result.files != expected.files or list(result.cues) != list(expected.cues):
            differing.append(result.workflow)
        cues = [(cue["start_pts"], cue["end_pts"], cue["text"]) for cue in result.cues]
        if result.finishes != 1 or len(set(cues)) != len(cues):
            duplicate.append(result.workflow)
    return Verdict(tuple(lost), tuple(duplicate), tuple(differing))


def largest_overlap(log: Iterable[Entry], lost_at: Mapping[int, float]) -> int:
    """Returns the largest number of engine calls on the device at once, over all processes.

    lost_at: when a process was ended from outside, which ends its call as well.
    """
    edges: list[tuple[float, int]] = []
    open_calls: dict[int, float] = {}
    last_seen: dict[int, float] = {}
    for entry in sorted(log, key=lambda entry: entry["time"]):
        pid = entry["pid"]
        last_seen[pid] = entry["time"]
        if entry["event"] == "start":
            open_calls[pid] = entry["time"]
        elif pid in open_calls:
            edges += [(open_calls.pop(pid), 1), (entry["time"], -1)]
    for pid, began in open_calls.items():
        edges += [(began, 1), (max(began, lost_at.get(pid, last_seen[pid])), -1)]
    running = most = 0
    for _, step in sorted(edges):
        running += step
        most = max(most, running)
    return most


def time_to_next_call(log: Sequence[Entry], deaths: Iterable[float]) -> list[float]:
    """Returns, for each death, the seconds until the next engine call ended well; none for those after the last."""
    ends = sorted(entry["time"] for entry in log if entry["event"] == "done")
    waits = []
    for death in deaths:
        following = next((end for end in ends if end > death), None)
        if following is not None:
            waits.append(following - death)
    return waits


def lost_tasks(log: Iterable[Entry], faults: Iterable[Fault]) -> dict[Fault, int]:
    """Returns, for each fault, how many tasks began in the processes that it hit and never ended."""
    open_tasks: Counter[int] = Counter()
    for entry in log:
        open_tasks[entry["pid"]] += 1 if entry["event"] == "start" else -1
    return {fault: sum(max(0, open_tasks[pid]) for pid in fault.pids) for fault in faults}


def repeated_chunks(log: Iterable[Entry]) -> Counter[tuple[str, int]]:
    """Returns, for each (video, chunk) that was cropped to its end more than once, how often beyond the first time.

    That happens where a node takes the pictures along that were made there.
    """
    done = Counter(
        (entry["video"], entry["chunk"]) for entry in log if entry["event"] == "done" and entry["task"] == "_crop_chunk"
    )
    return Counter({chunk: times - 1 for chunk, times in done.items() if times > 1})
