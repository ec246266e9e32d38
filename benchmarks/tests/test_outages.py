"""What the benchmark of outages is held to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.outages.__main__ import BACK_S, figures, limits, report
from benchmarks.outages.situations import Found

SOUND = Found("locked", workflows=40, refused=3, outage_s=60.04, back_s=1.26)


def missed(found: Found) -> list[str]:
    return [limit.name for limit in limits(figures([found])) if not limit.reached]


def test_a_run_in_which_nothing_went_wrong_reaches_everything() -> None:
    assert missed(SOUND) == []
    assert "locked: outage 60 s, requests refused meanwhile 3" in report(figures([SOUND]))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"lost": ("w1",)}, "locked: workflows lost"),
        ({"doubled": ("w1",)}, "locked: workflows doubled"),
        ({"differing": ("w1",)}, "locked: workflows that differ"),
        ({"back_s": BACK_S + 1}, "locked: a workflow ends again after, s"),
        ({"workflows": 0}, "locked: workflows"),
    ],
)
def test_each_fault_misses_its_own_limit(changed: dict[str, Any], name: str) -> None:
    assert missed(replace(SOUND, **changed)) == [name]


def test_what_could_not_be_tried_is_said_and_held_to_nothing() -> None:
    found = figures([Found("full", skipped="skipped: only root may mount a small disk")])
    assert limits(found) == []
    assert report(found) == "full: skipped: only root may mount a small disk"
