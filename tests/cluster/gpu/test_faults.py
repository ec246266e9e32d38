"""What can happen to the GPU actor's process, with real signals: stopped, killed while it loads, worn out."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.gpu_driver import Driver, drive, texts
from yivideo_ray.errors import DeviceError, ModelError
from yivideo_ray.runtime.gpu.ledger import STARTS_ALLOWED, UNSEEN
from yivideo_ray.runtime.session import Session

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

READY_FALSE_S = 15


def _is(state: str, restarts: int, now: dict[str, Any]) -> bool:
    return bool(now["state"] == state and now["restarts"]["count"] == restarts)


def _has_begun(starts: int, now: dict[str, Any]) -> bool:
    return bool(now["failed_starts"] == starts)


def test_a_stopped_process_is_ended_from_outside_and_its_calls_are_made_again(
    namespace: str, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yivideo_ray.runtime.gpu.link.SILENCE_S", 3.0)

    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        calls = [driver.read(text, key=text) for text in ("one", "two")]
        found = await driver.until(lambda now: bool(now["running"]))
        os.kill(found["pid"], signal.SIGSTOP)
        assert [texts(reply) for reply in await asyncio.gather(*calls)] == [["one"], ["two"]]
        assert set(driver.retries) == {"ACTOR_LOST"}
        after = await driver.status()
        assert after["pid"] != found["pid"]
        assert "not answered" in after["restarts"]["last"][-1]["why"]
        assert after["restarts"]["last"][-1]["calls"] == ["w/paddleocr.perform_ocr/one"]

    drive(make_settings({"recognize_s": 1}, gpu_lock={"lock_timeout": 4}), namespace, scenario)


def test_a_killed_process_is_listed_among_the_restarts(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        for deaths in (1, 2):
            found = await driver.status()
            os.kill(found["pid"], signal.SIGKILL)
            found = await driver.until(partial(_is, "ready", deaths))
            assert found["restarts"]["last"][-1]["why"] == UNSEEN
            assert found["restarts"]["last"][-1]["calls"] == []
            assert texts(await driver.read("on")) == ["on"]

    drive(make_settings(), namespace, scenario)


def test_an_engine_that_never_starts_is_tried_five_times_and_then_refused_at_once(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        codes = []
        for number in range(STARTS_ALLOWED + 2):
            with pytest.raises((ModelError, DeviceError)) as caught:
                await driver.read("a", key=str(number))
            codes.append(caught.value.code.name)
        assert codes[-2:] == ["ENGINE_NOT_STARTING"] * 2
        # The actor makes its first start by itself; whether that is over when the first call comes, nobody knows.
        assert set(codes[: STARTS_ALLOWED - 1]) == {"MODEL_UNAVAILABLE"}
        found = await driver.status()
        assert (found["state"], found["ready"], found["failed_starts"]) == ("failed", False, STARTS_ALLOWED)
        assert "The script lets this load fail" in found["error"]["message"]
        assert not await driver.pool.is_back()

    drive(make_settings({"load_failures": 1000}), namespace, scenario)


def test_an_engine_that_takes_the_process_along_when_it_loads_makes_no_restart_loop(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        for deaths in range(STARTS_ALLOWED):
            # A process that has not noted its start down yet is none that the engine took along.
            found = await driver.until(partial(_has_begun, deaths + 1))
            os.kill(found["pid"], signal.SIGKILL)
        found = await driver.until(lambda now: now["state"] == "failed")
        assert found["error"]["code"] == "ENGINE_NOT_STARTING"
        assert found["restarts"]["count"] == STARTS_ALLOWED
        with pytest.raises(DeviceError, match="took its process along"):
            await driver.read("a")

    drive(make_settings({"load_s": 600}), namespace, scenario)


def test_readiness_is_true_after_an_inference_and_false_soon_after_the_process_has_died(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario() -> None:
        session = Session(make_settings({"load_s": 3}), namespace)
        assert not await session.is_ready()
        gpu = (await session.tools()).gpu
        await gpu.ready(lambda *_: None)
        assert await session.is_ready()
        (actor,) = (await session.status_async())["gpu_actors"]
        for sent in (signal.SIGKILL, signal.SIGSTOP):
            (actor,) = (await session.status_async())["gpu_actors"]
            os.kill(actor["pid"], sent)
            died = time.monotonic()
            while await session.is_ready():
                assert time.monotonic() - died < READY_FALSE_S
            if sent == signal.SIGKILL:
                # Tried again: until Ray has begun the restart, it refuses what is sent.
                await gpu.ready(lambda *_: None)
                assert await session.is_ready()
        os.kill(actor["pid"], signal.SIGKILL)

    asyncio.run(asyncio.wait_for(scenario(), 100))


def test_a_worn_out_process_is_replaced_between_two_calls(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        replies = await asyncio.gather(*(driver.read(f"n{number}", key=str(number)) for number in range(7)))
        assert [texts(reply) for reply in replies] == [[f"n{number}"] for number in range(7)]
        found = await driver.until(lambda now: now["ready"])
        assert found["restarts"]["count"] == 2
        assert "max_calls_before_restart" in found["restarts"]["last"][-1]["why"]
        assert [restart["calls"] for restart in found["restarts"]["last"]] == [[], []]

    drive(make_settings(gpu={"max_calls_before_restart": 3}), namespace, scenario)
