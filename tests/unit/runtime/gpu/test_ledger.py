"""What outlives the GPU process: deaths by call, restarts with their reasons, failed starts."""

from __future__ import annotations

import pytest

from tests.support.ledgers import Cluster
from yivideo_ray.errors import DeviceError
from yivideo_ray.runtime.gpu.ledger import (
    DEATHS_ALLOWED,
    DEATHS_AT_MOST,
    STARTS_ALLOWED,
    STARTS_WINDOW_S,
    UNREST_WINDOW_S,
    UNSEEN,
    note_kill,
)


def dead_by(cluster: Cluster, call: str, times: int) -> None:
    """Lets a call end processes; the last death is noted when the next process begins."""
    for _ in range(times):
        cluster.process().start(call)


def test_an_input_is_set_aside_after_three_deaths_and_no_other() -> None:
    cluster = Cluster()
    for _ in range(DEATHS_ALLOWED):
        ledger = cluster.process()
        assert not ledger.is_set_aside("poison")
        ledger.start("poison")
    ledger = cluster.process()
    assert not ledger.is_set_aside("innocent")
    assert ledger.is_set_aside("poison")


def test_deaths_of_one_input_add_up_over_the_actors_of_a_pool() -> None:
    cluster = Cluster()
    for slot in range(DEATHS_ALLOWED):
        cluster.process(slot, fresh=True).start("poison")
        cluster.process(slot)
    assert cluster.process(9, fresh=True).is_set_aside("poison")


@pytest.mark.parametrize(
    ("others", "tries"), [(0, DEATHS_ALLOWED), (1, DEATHS_ALLOWED + 1), (4, DEATHS_ALLOWED + 4), (15, DEATHS_AT_MOST)]
)
def test_where_others_die_too_an_input_gets_more_tries_but_not_endlessly(others: int, tries: int) -> None:
    cluster = Cluster()
    for number in range(others):
        dead_by(cluster, f"other{number}/ocr/0", 1)
    for _ in range(tries):
        ledger = cluster.process()
        assert not ledger.is_set_aside("film/ocr/0")
        ledger.start("film/ocr/0")
    assert cluster.process().is_set_aside("film/ocr/0")


def test_other_calls_of_the_same_video_and_deaths_of_long_ago_speak_for_nobody() -> None:
    cluster = Cluster()
    dead_by(cluster, "other/ocr/0", 1)
    # The process that takes note of the death.
    cluster.process().start("film/ocr/1")
    cluster.now += UNREST_WINDOW_S + 1
    dead_by(cluster, "film/ocr/0", DEATHS_ALLOWED)
    assert cluster.process().is_set_aside("film/ocr/0")


def test_a_set_aside_input_that_is_submitted_again_gets_its_tries_back() -> None:
    cluster = Cluster()
    dead_by(cluster, "poison", DEATHS_ALLOWED)
    ledger = cluster.process()
    assert ledger.is_set_aside("poison")
    assert not ledger.is_set_aside("poison")


def test_a_call_that_ends_well_clears_its_name() -> None:
    cluster = Cluster()
    dead_by(cluster, "slow", DEATHS_ALLOWED - 1)
    ledger = cluster.process()
    ledger.start("slow")
    ledger.finish()
    dead_by(cluster, "slow", DEATHS_ALLOWED - 1)
    assert not cluster.process().is_set_aside("slow")


def test_a_process_that_ends_by_its_own_will_names_the_one_to_blame() -> None:
    cluster = Cluster()
    for _ in range(DEATHS_ALLOWED):
        ledger = cluster.process()
        ledger.start("hangs", "innocent")
        ledger.leave("A call held the GPU for more than 5 s.", "hangs")
    ledger = cluster.process()
    assert not ledger.is_set_aside("innocent")
    assert ledger.is_set_aside("hangs")
    assert ledger.restarts["last"][-1] == {
        "time": 1000.0,
        "why": "A call held the GPU for more than 5 s.",
        "calls": ["hangs"],
    }


def test_calls_that_were_served_as_one_count_a_death_each_and_are_no_sign_of_unrest() -> None:
    cluster = Cluster()
    cluster.process(fresh=True).start("film/ocr/0", "other1/ocr/0", "other2/ocr/0")
    # Tried again, each goes alone.
    ledger = cluster.process()
    ledger.start("other1/ocr/0")
    ledger.finish()
    ledger.start("film/ocr/0")
    ledger = cluster.process()
    assert [entry["calls"] for entry in ledger.restarts["last"]] == [
        ["film/ocr/0", "other1/ocr/0", "other2/ocr/0"],
        ["film/ocr/0"],
    ]
    assert not ledger.is_set_aside("film/ocr/0")
    ledger.start("film/ocr/0")
    ledger = cluster.process()
    assert ledger.is_set_aside("film/ocr/0")
    dead_by(cluster, "other1/ocr/0", DEATHS_ALLOWED - 1)
    assert not cluster.process().is_set_aside("other1/ocr/0")


def test_of_calls_that_held_the_device_too_long_as_one_each_counts_a_death() -> None:
    cluster = Cluster()
    cluster.process().leave("too long", "film/ocr/0", "other/ocr/0")
    dead_by(cluster, "film/ocr/0", DEATHS_ALLOWED - 1)
    assert cluster.process().is_set_aside("film/ocr/0")


def test_a_planned_end_blames_nobody() -> None:
    cluster = Cluster()
    for _ in range(DEATHS_ALLOWED):
        ledger = cluster.process()
        ledger.start("innocent")
        ledger.leave("worn out")
    assert not cluster.process().is_set_aside("innocent")


def test_restarts_are_counted_with_their_reasons() -> None:
    cluster = Cluster()
    assert cluster.process(fresh=True).restarts == {"count": 0, "last": []}
    assert [entry["why"] for entry in cluster.process().restarts["last"]] == [UNSEEN]
    note_kill(cluster, "pool", 0, "silent for 20 s")
    assert [entry["why"] for entry in cluster.process().restarts["last"]] == [UNSEEN, "silent for 20 s"]
    found = cluster.process().restarts
    assert (found["count"], found["last"][-1]["why"]) == (3, UNSEEN)


def test_a_new_actor_believes_nothing_of_an_earlier_one_and_damage_counts_for_nothing() -> None:
    cluster = Cluster()
    cluster.process(fresh=True).start("poison")
    assert cluster.process(fresh=True).restarts == {"count": 0, "last": []}
    assert not [key for key in cluster if "deaths" in key]
    cluster["pool/actor-0"] = b"{"
    assert cluster.process().restarts["count"] == 1


def test_a_start_that_fails_too_often_is_refused_until_time_has_passed() -> None:
    cluster = Cluster()
    for _ in range(STARTS_ALLOWED):
        ledger = cluster.process()
        ledger.begin_start()
        ledger.start_failed("no model")
        cluster.now += 1
    with pytest.raises(DeviceError) as caught:
        cluster.process().begin_start()
    assert caught.value.code.name == "ENGINE_NOT_STARTING"
    assert "no model" in caught.value.message
    cluster.now += STARTS_WINDOW_S - STARTS_ALLOWED - 1
    with pytest.raises(DeviceError):
        cluster.process().begin_start()
    cluster.now += 2
    cluster.process().begin_start()


def test_a_start_that_takes_the_process_along_counts_as_failed() -> None:
    cluster = Cluster()
    for _ in range(STARTS_ALLOWED):
        cluster.process().begin_start()
    with pytest.raises(DeviceError, match="took its process along"):
        cluster.process().begin_start()


def test_starts_that_succeed_don_t_count_however_many_there_are() -> None:
    cluster = Cluster()
    for _ in range(3 * STARTS_ALLOWED):
        ledger = cluster.process()
        ledger.begin_start()
        ledger.started()
    assert cluster.process().failed_starts == 0


def test_who_works_with_an_actor_outlives_its_processes() -> None:
    cluster = Cluster()
    first = cluster.process(fresh=True)
    for job in ("01", "02", "01"):
        first.hold(job)
    assert cluster.process().jobs == ["02", "01"]
    assert cluster.process(fresh=True).jobs == []


def test_that_a_gpu_ran_the_models_outlives_processes_and_starts_without_one() -> None:
    cluster = Cluster()
    cluster.process(fresh=True).started(on_gpu=True)
    cluster.process().started(on_gpu=False)
    assert cluster.process().ran_on_gpu
    assert not cluster.process(fresh=True).ran_on_gpu
