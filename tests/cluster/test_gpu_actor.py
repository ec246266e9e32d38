"""The GPU actor and its client on a real Ray, with the scripted engine: queueing, deaths, status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, DeviceError, InputError, ModelError, YivideoError
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.pattern import draw_pattern
from yivideo_ray.runtime import cluster
from yivideo_ray.runtime.actor_link import ActorLink, actor_name
from yivideo_ray.runtime.calls import CallKind, Reply
from yivideo_ray.runtime.gpu_client import GpuClient
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.types import Crop, CropMeta, Sheet

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

LIMIT_S = 60


def sheets(*texts: str) -> tuple[Sheet, ...]:
    crops = []
    for number, text in enumerate(texts):
        image = draw_pattern(text, margin_px=12)
        height, width = image.shape
        meta = CropMeta(
            crop_id=f"c{number}",
            band=0,
            box=Box(0, 0, width, height),
            scale=1.0,
            start_pts=number * 10,
            stable_pts=number * 10,
            end_pts=number * 10 + 10,
            frames=10,
            averaged_frames=10,
            stroke_px=500,
        )
        crops.append(Crop(meta, image))
    return create_stitched_images(crops)


class Driver:
    """A client in this process, as a workflow has one."""

    def __init__(self, settings: Settings, namespace: str) -> None:
        self.link = ActorLink(settings, cluster.start(namespace))
        self.gpu = GpuClient(self.link, settings.gpu_lock)
        self.retries: list[str] = []

    def read(self, *texts: str, key: str = "0") -> asyncio.Task[Reply]:
        call = self.gpu.call(CallKind.PERFORM_OCR, "w", key, sheets(*texts), on_retry=self._note)
        return asyncio.ensure_future(call)

    async def status(self) -> dict[str, Any]:
        return await self.link.status()

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            try:
                found = await self.status()
                if fits(found):
                    return found
            except YivideoError:
                pass
            await asyncio.sleep(0.05)

    def _note(self, error: YivideoError, attempt: int, wait_s: float) -> None:
        self.retries.append(error.code.name)


def drive(settings: Settings, namespace: str, scenario: Callable[[Driver], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scenario(Driver(settings, namespace)), LIMIT_S)

    asyncio.run(run())


def texts(reply: Reply) -> list[str]:
    return [line.text for crop in reply.value for line in crop.lines]


def test_what_is_on_the_sheets_comes_back(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        facts = await driver.link.ready()
        assert facts.engine == "scripted"
        assert texts(await driver.read("hello", "你好")) == ["hello", "你好"]
        found = await driver.status()
        assert (found["state"], found["calls"]["done"], found["waiting"]) == ("ready", 1, 0)

    drive(make_settings(), namespace, scenario)


def test_status_answers_while_a_call_holds_the_device(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        calls = [driver.read("slow", key=str(n)) for n in range(3)]
        found = await driver.until(lambda now: now["running"] is not None and now["waiting"] == 2)
        assert found["running"]["stage"] == "paddleocr.perform_ocr"
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


def test_a_full_mailbox_refuses_and_the_client_comes_again(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        replies = await asyncio.gather(*(driver.read("a", key=str(n)) for n in range(5)))
        assert len(replies) == 5
        assert set(driver.retries) == {"MAILBOX_FULL"}
        assert (await driver.status())["calls"]["refused"] == len(driver.retries)

    drive(make_settings({"recognize_s": 0.2}, gpu={"mailbox_size": 1}), namespace, scenario)


def test_without_retries_a_full_mailbox_is_the_callers_error(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        results = await asyncio.gather(*(driver.read("a", key=str(n)) for n in range(4)), return_exceptions=True)
        errors = [result for result in results if isinstance(result, CallError)]
        assert {error.code.name for error in errors} == {"MAILBOX_FULL"}

    settings = make_settings({"recognize_s": 1}, gpu={"mailbox_size": 1}, gpu_lock={"max_retries": 0})
    drive(settings, namespace, scenario)


def test_a_call_that_hangs_ends_the_process_and_is_made_again(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
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
        assert after["restarted"]

    script = {"faults": [{"kind": "hang", "method": "recognize", "times": 1}]}
    drive(make_settings(script, gpu_lock={"lock_timeout": 2}), namespace, scenario)


def test_a_killed_actor_is_called_again_once_it_is_back(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        calls = [driver.read(text, key=text) for text in ("one", "two")]
        found = await driver.until(lambda now: now["running"] is not None)
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
        await driver.link.ready()
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


def test_a_failed_device_costs_the_process_and_running_out_of_memory_does_not(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        first = (await driver.status())["pid"]
        assert texts(await driver.read("a")) == ["a"]
        assert driver.retries == ["DEVICE_OUT_OF_MEMORY"]
        assert (await driver.status())["pid"] == first
        assert texts(await driver.read("b")) == ["b"]
        assert driver.retries[1] == "DEVICE_FAILED"
        assert (await driver.status())["pid"] != first

    faults = [
        {"kind": "DEVICE_OUT_OF_MEMORY", "text": "a", "method": "recognize", "times": 1},
        {"kind": "DEVICE_FAILED", "text": "b", "method": "recognize", "times": 1},
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

        await driver.link.ready()
        name = actor_name(driver.link.settings)
        ray.kill(ray.get_actor(name, namespace=namespace))
        assert texts(await driver.read("again")) == ["again"]

    drive(make_settings(), namespace, scenario)


def test_other_engine_settings_are_another_actor_and_a_taken_gpu_is_an_error(
    namespace: str, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.link.ready()
        monkeypatch.setattr("yivideo_ray.runtime.actor_link.PLACE_S", 3.0)
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
