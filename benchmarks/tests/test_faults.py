"""What the fault benchmark makes of logs: it must notice what it is there to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.faults.chaos import Fault
from benchmarks.faults.figures import figures, limits, report
from benchmarks.faults.run import Harvest
from benchmarks.faults.score import (
    Result,
    largest_overlap,
    lost_tasks,
    repeated_chunks,
    time_to_next_call,
    verdict,
)

CUES = ({"start_pts": 0, "end_pts": 10, "text": "a"}, {"start_pts": 10, "end_pts": 20, "text": "b"})
GOOD = Result("w1", "film.mp4", "", {".srt": b"1"}, CUES, 1)


def log(*entries: tuple[float, int, str], **more: Any) -> list[dict[str, Any]]:
    return [{"time": time, "pid": pid, "event": event, **more} for time, pid, event in entries]


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (GOOD, ([], [], [])),
        (replace(GOOD, error="ACTOR_LOST: gone"), (["w1"], [], [])),
        (replace(GOOD, files={}), (["w1"], [], [])),
        (replace(GOOD, finishes=2), ([], ["w1"], [])),
        (replace(GOOD, cues=(*CUES, CUES[0])), ([], ["w1"], ["w1"])),
        (replace(GOOD, files={".srt": b"2"}), ([], [], ["w1"])),
        (replace(GOOD, cues=CUES[:1]), ([], [], ["w1"])),
    ],
)
def test_lost_doubled_and_differing_workflows_are_found(result: Result, found: Sequence[list[str]]) -> None:
    judged = verdict([result], {"film.mp4": GOOD})
    assert [list(judged.lost), list(judged.duplicate), list(judged.differing)] == list(found)


def test_overlap_is_counted_over_processes() -> None:
    apart = log((1, 7, "start"), (2, 7, "done"), (2, 8, "start"), (3, 8, "error"))
    assert largest_overlap(apart, {}) == 1
    across = log((1, 7, "start"), (1.5, 8, "start"), (2, 7, "done"), (3, 8, "done"))
    assert largest_overlap(across, {}) == 2


def test_a_killed_process_is_on_the_device_until_it_was_killed() -> None:
    entries = log((1, 7, "start"), (5, 8, "start"), (6, 8, "done"))
    assert largest_overlap(entries, {7: 4.0}) == 1
    assert largest_overlap(entries, {7: 5.5}) == 2


def test_the_wait_for_service_ends_with_the_next_call_that_ends_well() -> None:
    entries = log((1, 7, "start"), (2, 7, "error"), (8, 8, "start"), (9, 8, "done"))
    assert time_to_next_call(entries, [1.5, 7.0, 10.0]) == [7.5, 2.0]


def test_tasks_that_never_ended_belong_to_the_kill_that_hit_them() -> None:
    entries = log((1, 7, "start"), (2, 7, "done"), (3, 7, "start"), (1, 8, "start"), (2, 8, "done"), (1, 9, "start"))
    first, second = Fault("kill task", 4, (7,), ""), Fault("lose node", 4, (8, 9), "")
    assert lost_tasks(entries, [first, second]) == {first: 1, second: 1}


def test_chunks_cropped_again_are_told_by_video_and_chunk() -> None:
    done = [(video, chunk) for video, chunk in (("a", 0), ("a", 1), ("a", 0), ("b", 0))]
    entries = [
        {"time": 1, "pid": 1, "event": "done", "task": "_crop_chunk", "video": video, "chunk": chunk}
        for video, chunk in done
    ]
    assert repeated_chunks(entries) == {("a", 0): 1}


def harvests(scripted: int = 90, real: int = 10, kills: int = 200) -> dict[str, Harvest]:
    found = {
        name: Harvest(truth={"film.mp4": GOOD}, results=[GOOD] * number, most_at_once=1)
        for name, number in (("scripted", scripted), ("real", real))
    }
    found["scripted"].calls = log((1, 7, "start"), (2, 7, "done"), (9, 8, "start"), (10, 8, "done"))
    found["scripted"].faults = [Fault("kill actor", 3.0, (7,), "")] * kills
    return found


def missed(found: dict[str, Harvest]) -> set[str]:
    held = limits(figures(found))
    assert report(figures(found)).count("MISSED") == sum(not limit.reached for limit in held)
    return {limit.name for limit in held if not limit.reached}


def test_a_run_without_losses_reaches_every_limit() -> None:
    assert missed(harvests()) == set()
    assert figures(harvests())["longest_to_next_call_s"]["kill actor"] == 7.0


def test_every_limit_can_be_missed() -> None:
    assert missed(harvests(scripted=89)) == {"workflows"}
    assert missed(harvests(scripted=91, real=9)) == {"of them with the real engine"}
    assert missed(harvests(kills=199)) == {"faults"}
    bad = harvests()
    bad["real"].results = [
        replace(GOOD, error="gone"),
        replace(GOOD, finishes=2),
        replace(GOOD, files={".srt": b"2"}),
    ] * 4
    assert missed(bad) == {"workflows lost", "workflows doubled", "workflows that differ from the fault-free run"}
    bad = harvests()
    bad["real"].restarts = {1.0: {"why": "killed", "calls": ["a", "b"]}}
    bad["real"].most_at_once = 2
    bad["real"].faults = [Fault("kill task", 5.0, (9,), "")]
    bad["real"].tasks = log((1, 9, "start"), (2, 9, "start"), task="_crop_chunk", video="v", chunk=0)
    assert missed(bad) == {
        "most calls repeated per death of the actor",
        "most tasks repeated per kill of a worker",
        "largest overlap on the device",
    }


def test_injected_faults_count_as_faults() -> None:
    found = harvests(kills=150)
    found["scripted"].injected = Counter({"exit": 30, "hang": 20})
    assert missed(found) == set()
