"""The GPU actor and its client on a real Ray, with the scripted engine: queueing, deaths, status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.gpu_driver import Driver, drive, texts
from yivideo_ray.errors import CallError, DeviceError, InputError, ModelError
from yivideo_ray.runtime.gpu.calls import Reply

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


def held_until(gate: Path) -> dict[str, Any]:
    """Returns the fault by which `hold` keeps the device until the file is there, so that others pile up."""
    return {"kind": "hang", "method": "recognize", "text": "held", "until": str(gate), "times": 1}


async def hold(driver: Driver) -> asyncio.Task[Reply]:
    """Returns a call that has the device, and keeps it: see held_until."""
    held = driver.read("held", workflow="held")
    await driver.until(lambda now: bool(now["running"]))
    return held


def test_what_is_on_the_sheets_comes_back(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        facts = await driver.pool.ready()
        assert facts.engine == "scripted"
        assert texts(await driver.read("hello", "你好")) == ["hello", "你好"]
        found = await driver.status()
        assert (found["state"], found["calls"]["done"], found["waiting"]) == ("ready", 1, 0)

    drive(make_settings(), namespace, scenario)


def test_status_answers_while_a_call_holds_the_device(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        calls = [driver.read("slow", key=str(n)) for n in range(3)]
        found = await driver.until(lambda now: now["running"] and now["waiting"] == 2)
        assert found["running"][0]["stage"] == "paddleocr.perform_ocr"
        assert not any(call.done() for call in calls)
        for call in calls:
            call.cancel()
        await driver.until(lambda now: now["waiting"] == 0)

    drive(make_settings({"recognize_s": 5}), namespace, scenario)


def test_only_one_call_at_a_time_is_on_the_device(namespace: str, make_settings: SettingsMaker, tmp_path: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await asyncio.gather(*(driver.read("a", key=str(n)) for n in range(6)))

    drive(make_settings({"recognize_s": 0.05}), namespace, scenario)
    starts = [json.loads(line) for line in (tmp_path / "state" / "log").read_text().splitlines()]
    running = 0
    for entry in starts:
        running += 1 if entry["event"] == "start" else -1
        assert running <= 1


def test_calls_of_several_videos_that_wait_are_read_as_one(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        held = await hold(driver)
        calls = [driver.read(f"first{n}", f"second{n}", workflow=f"w{n}") for n in range(4)]
        await driver.until(lambda now: now["waiting"] == 4 and len(now["running"]) == 1)
        gate.touch()
        found = await driver.until(lambda now: len(now["running"]) == 3)
        assert len({running["workflow_id"] for running in found["running"]}) == 3
        replies = await asyncio.gather(*calls)
        assert [texts(reply) for reply in replies] == [[f"first{n}", f"second{n}"] for n in range(4)]
        assert texts(await held) == ["held"]
        assert (await driver.status())["calls"]["most_at_once"] == 1

    script = {"recognize_s": 1, "faults": [held_until(gate)]}
    drive(make_settings(script, gpu={"calls_together": 3}), namespace, scenario)
    log = [json.loads(line) for line in (tmp_path / "state" / "log").read_text().splitlines()]
    assert [entry["images"] for entry in log if entry["event"] == "start" and entry["method"] == "recognize"] == [
        1,
        6,
        2,
    ]


def test_a_poisonous_input_among_several_is_set_aside_after_three_deaths_and_others_go_on(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        held = await hold(driver)
        poison = driver.read("poison", workflow="w1")
        good = [driver.read(f"fine{n}", workflow=f"w{n}") for n in (2, 3)]
        await driver.until(lambda now: now["waiting"] == 3 and len(now["running"]) == 1)
        gate.touch()
        with pytest.raises(InputError) as caught:
            await poison
        assert caught.value.code.name == "INPUT_SET_ASIDE"
        assert [texts(reply) for reply in await asyncio.gather(held, *good)] == [["held"], ["fine2"], ["fine3"]]
        restarts = (await driver.status())["restarts"]
        assert len(restarts["last"][0]["calls"]) == 3
        assert restarts["last"][0]["together"]
        assert restarts["count"] == 3

    script = {"faults": [held_until(gate), {"kind": "exit", "text": "poison", "method": "recognize"}]}
    drive(make_settings(script, gpu={"calls_together": 3}), namespace, scenario)


def test_a_full_mailbox_refuses_and_the_client_comes_again(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        replies = await asyncio.gather(*(driver.read("a", key=str(n)) for n in range(5)))
        assert len(replies) == 5
        assert set(driver.retries) == {"MAILBOX_FULL"}
        assert (await driver.status())["calls"]["refused"] == len(driver.retries)

    drive(make_settings({"recognize_s": 0.2}, gpu={"mailbox_size": 1}), namespace, scenario)


def test_without_retries_a_full_mailbox_is_the_callers_error(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        results = await asyncio.gather(*(driver.read("a", key=str(n)) for n in range(4)), return_exceptions=True)
        errors = [result for result in results if isinstance(result, CallError)]
        assert {error.code.name for error in errors} == {"MAILBOX_FULL"}

    settings = make_settings({"recognize_s": 1}, gpu={"mailbox_size": 1}, gpu_lock={"max_retries": 0})
    drive(settings, namespace, scenario)


def test_a_call_that_hangs_ends_the_process_and_is_made_again(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        before = (await driver.status())["pid"]
        innocent = asyncio.ensure_future(asyncio.sleep(0.1))
        hanging = driver.read("a", key="hangs")
        await innocent
        waiting = driver.read("b", key="waits")
        assert texts(await hanging) == ["a"]
        assert texts(await waiting) == ["b"]
        assert "CALL_TIMED_OUT" in driver.retries
        after = await driver.status()
        assert after["pid"] != before
        assert after["restarts"]["count"] == 1
        assert after["restarts"]["last"][0]["why"] == "A call held the GPU for more than 2 s."
        assert after["restarts"]["last"][0]["calls"] == ["w/paddleocr.perform_ocr/hangs"]

    script = {"faults": [{"kind": "hang", "method": "recognize", "times": 1}]}
    drive(make_settings(script, gpu_lock={"lock_timeout": 2}), namespace, scenario)


def test_a_killed_actor_is_called_again_once_it_is_back(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        calls = [driver.read(text, key=text) for text in ("one", "two")]
        found = await driver.until(lambda now: bool(now["running"]))
        os.kill(found["pid"], signal.SIGKILL)
        assert [texts(reply) for reply in await asyncio.gather(*calls)] == [["one"], ["two"]]
        assert set(driver.retries) == {"ACTOR_LOST"}

    # Far longer than the restart takes: the client must not wait for it.
    settings = make_settings({"recognize_s": 1.5}, gpu_lock={"retry_interval": 50, "max_retry_interval": 100})
    drive(settings, namespace, scenario)


def test_an_input_that_kills_the_process_three_times_is_set_aside_and_others_go_on(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        poison = driver.read("poison", key="bad")
        good = [driver.read("fine", key=str(n)) for n in range(3)]
        with pytest.raises(InputError) as caught:
            await poison
        assert caught.value.code.name == "INPUT_SET_ASIDE"
        assert [texts(reply) for reply in await asyncio.gather(*good)] == [["fine"]] * 3

    drive(make_settings({"faults": [{"kind": "exit", "text": "poison", "method": "recognize"}]}), namespace, scenario)
    log = [json.loads(line) for line in (tmp_path / "state" / "log").read_text().splitlines()]
    ended = {(entry["pid"], entry["call"]) for entry in log if entry["event"] != "start"}
    assert sum((entry["pid"], entry["call"]) not in ended for entry in log if entry["event"] == "start") == 3


def test_a_failed_device_costs_the_process_at_once(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        first = (await driver.status())["pid"]
        assert texts(await driver.read("b")) == ["b"]
        # On a busy machine the next attempt may find the process still on its way up.
        assert driver.retries[0] == "DEVICE_FAILED"
        assert set(driver.retries[1:]) <= {"ACTOR_LOST"}
        assert (await driver.status())["pid"] != first

    script = {"faults": [{"kind": "DEVICE_FAILED", "text": "b", "method": "recognize", "times": 1}]}
    drive(make_settings(script), namespace, scenario)


def test_out_of_memory_halves_the_batch_twice_in_place_and_then_costs_the_process(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        first = (await driver.status())["pid"]
        assert texts(await driver.read("a", "lion", "grey cat")) == ["a", "lion", "grey cat"]
        found = await driver.status()
        assert (driver.retries, found["pid"], found["calls"]["halved"]) == ([], first, 2)
        assert texts(await driver.read("d")) == ["d"]
        # On a busy machine the next attempt may find the process still on its way up.
        assert driver.retries[0] == "DEVICE_OUT_OF_MEMORY"
        assert set(driver.retries[1:]) <= {"ACTOR_LOST"}
        found = await driver.status()
        assert found["pid"] != first
        assert found["restarts"]["last"][0]["why"].startswith("DEVICE_OUT_OF_MEMORY: ")

    faults = [
        {"kind": "DEVICE_OUT_OF_MEMORY", "text": "a", "method": "recognize", "times": 2},
        {"kind": "DEVICE_OUT_OF_MEMORY", "text": "d", "method": "recognize", "times": 3},
    ]
    drive(make_settings({"faults": faults}), namespace, scenario)


def test_a_model_that_cannot_be_had_fails_the_call_at_once_and_a_later_one_may_succeed(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        found = await driver.until(lambda now: now["state"] == "failed")
        assert found["error"]["code"] == "MODEL_UNAVAILABLE"
        with pytest.raises(ModelError):
            await driver.read("a")
        assert driver.retries == []
        assert texts(await driver.read("a")) == ["a"]

    drive(make_settings({"load_failures": 2}), namespace, scenario)


def test_an_actor_ended_for_good_is_placed_again(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        import ray

        await driver.pool.ready()
        ray.kill(ray.get_actor(driver.pool.links[0].name, namespace=namespace))
        assert texts(await driver.read("again")) == ["again"]

    drive(make_settings(), namespace, scenario)


def test_other_engine_settings_are_another_actor_and_a_taken_gpu_is_an_error(
    namespace: str, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        monkeypatch.setattr("yivideo_ray.runtime.gpu.link.PLACE_S", 3.0)
        other = Driver(make_settings({}, ocr={"batch_size": 3}), namespace)
        with pytest.raises(DeviceError) as caught:
            await other.read("a")
        assert caught.value.code.name == "DEVICE_UNAVAILABLE"
        assert texts(await driver.read("a")) == ["a"]

    drive(make_settings(), namespace, scenario)


def test_two_clients_with_the_same_settings_share_the_actor(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        other = Driver(make_settings(), namespace)
        await asyncio.gather(driver.read("a"), other.read("b"))
        assert (await driver.status())["pid"] == (await other.status())["pid"]

    drive(make_settings(), namespace, scenario)
