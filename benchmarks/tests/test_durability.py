"""What the durability benchmark counts, and what it is held to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.durability.figures import figures, limits
from benchmarks.durability.run import Harvest
from benchmarks.faults.chaos import Fault
from benchmarks.faults.score import Result

CUE = {"start_pts": 0, "end_pts": 9, "text": "Hello"}
TRUE = Result("calm", "a.mp4", "", {".srt": b"1"}, [CUE], 1)


def harvest(*results: Result, posted: list[str] | None = None, **values: Any) -> Harvest:
    named = [result.workflow for result in results] if posted is None else posted
    return Harvest(
        truth={"a.mp4": TRUE}, results=list(results), posted=named, kept=values.pop("kept", list(named)), **values
    )


def missed(found: dict[str, Any]) -> set[str]:
    return {limit.name for limit in limits(found) if not limit.reached}


def sound(number: int) -> list[Result]:
    return [replace(TRUE, workflow=f"w{index}") for index in range(number)]


def enough(**values: Any) -> dict[str, Harvest]:
    kills = [Fault("kill cluster", float(index), (index,), "") for index in range(50)]
    return {
        "scripted": harvest(*sound(100), faults=kills, resumed_s=[59.9], **values),
        "real": harvest(*sound(5), resumed_s=[3.0]),
    }


def test_a_run_in_which_nothing_went_wrong_reaches_everything() -> None:
    found = figures(enough())
    assert missed(found) == set()
    assert (found["longest_resume_s"], found["kills"]) == (59.9, Counter({"kill cluster": 50}))


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (replace(TRUE, error="WORKER_LOST: it went"), "workflows lost"),
        (replace(TRUE, finishes=2), "workflows doubled"),
        (replace(TRUE, cues=[CUE, CUE]), "workflows doubled"),
        (replace(TRUE, files={".srt": b"2"}), "workflows that differ from the fault-free run"),
    ],
)
def test_what_went_wrong_with_one_shows(result: Result, name: str) -> None:
    found = figures(enough() | {"real": harvest(*sound(4), replace(result, workflow="bad"), resumed_s=[1.0])})
    assert name in missed(found)


def test_workflows_that_the_service_knows_nothing_of_are_lost_and_those_it_made_up_are_doubled() -> None:
    names = [result.workflow for result in sound(5)]
    gone = harvest(*sound(5), kept=names[:-1], resumed_s=[1.0])
    more = harvest(*sound(5), kept=[*names, "another"], resumed_s=[1.0])
    assert missed(figures(enough() | {"real": gone})) == {"workflows lost"}
    assert missed(figures(enough() | {"real": more})) == {"workflows doubled"}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"unfinished": ["w1"]}, "workflows that came to no end"),
        ({"holes": ["w1"]}, "workflows with a hole in their events"),
    ],
)
def test_a_workflow_without_an_end_or_with_a_hole_in_its_events_shows(values: dict[str, Any], name: str) -> None:
    assert missed(figures(enough(**values))) == {name}


def test_too_little_of_anything_proves_nothing() -> None:
    found = figures({"scripted": harvest(*sound(99)), "real": harvest(*sound(4))})
    assert missed(found) == {
        "workflows with the scripted engine",
        "workflows with the real engine",
        "kills",
        "longest resume after a kill of the cluster, s",
    }


def test_a_resume_that_takes_too_long_shows() -> None:
    slow = enough() | {"real": harvest(*sound(5), resumed_s=[60.1])}
    assert missed(figures(slow)) == {"longest resume after a kill of the cluster, s"}
