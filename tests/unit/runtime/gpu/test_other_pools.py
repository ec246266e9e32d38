"""Whether an actor that another driver left is to be ended."""

from __future__ import annotations

from typing import Any

import pytest

from yivideo_ray.runtime.gpu.other_pools import is_abandoned

IDLE = {"running": [], "waiting": 0}


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ({**IDLE, "jobs": ["dead"]}, True),
        ({**IDLE, "jobs": ["dead", "alive"]}, False),
        ({"running": [{}], "waiting": 0, "jobs": ["dead"]}, False),
        ({"running": [], "waiting": 1, "jobs": ["dead"]}, False),
        # Of another version, which doesn't say who works with it.
        (IDLE, False),
        ({**IDLE, "jobs": []}, False),
    ],
)
def test_an_actor_is_abandoned_if_it_is_idle_and_all_its_drivers_are_gone(status: dict[str, Any], ended: bool) -> None:
    assert is_abandoned(status, ["alive", "another"]) is ended
