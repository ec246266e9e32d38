"""What is expected of calls from those that went before."""

from __future__ import annotations

from yivideo_ray.runtime.gpu.status import REMEMBERED, History


def known(**durations: list[float]) -> History:
    history = History()
    for stage, seconds in durations.items():
        for duration in seconds:
            history.add(stage, duration)
    return history


def test_nothing_is_expected_before_the_first_call() -> None:
    assert History().waits([], ["ocr"]) == [0.0, None]
    assert History().waits([("ocr", 3.0)], []) == [None]


def test_a_stage_is_judged_by_its_own_calls_and_an_unknown_one_by_the_others() -> None:
    history = known(ocr=[1.0, 2.0, 9.0], area=[6.0])
    assert history.typical_s("ocr") == 2.0
    assert history.typical_s("crop") == 4.0


def test_waits_add_up_behind_what_is_left_of_the_running_call() -> None:
    history = known(ocr=[2.0], area=[5.0])
    assert history.waits([("area", 1.0)], ["ocr", "area"]) == [4.0, 6.0, 11.0]
    assert history.waits([("ocr", 100.0)], ["ocr"]) == [0.0, 2.0]


def test_only_the_last_calls_count() -> None:
    history = known(ocr=[100.0] * REMEMBERED + [1.0] * REMEMBERED)
    assert history.typical_s("ocr") == 1.0
    assert history.as_dict() == {"ocr": {"calls": REMEMBERED, "median_s": 1.0, "max_s": 1.0}}
