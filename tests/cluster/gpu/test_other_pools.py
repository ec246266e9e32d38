"""A joined cluster whose only GPU an actor of other settings has."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.gpu_driver import Driver, drive
from yivideo_ray.errors import DeviceError, ModelError
from yivideo_ray.runtime.gpu import link, other_pools

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "FREE_S", 1.0)
    monkeypatch.setattr(link, "PLACE_S", 15.0)


def test_what_nobody_works_with_any_more_gives_its_gpu_back(
    namespace: str, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch, soon: None
) -> None:
    async def before(driver: Driver) -> None:
        await driver.pool.ready()

    async def after(driver: Driver) -> None:
        # As if the driver from before had ended: both are this process.
        monkeypatch.setattr(other_pools, "_running_jobs", lambda: ["another"])
        began = time.monotonic()
        await driver.pool.ready()
        assert time.monotonic() - began < 15

    drive(make_settings(gpu={"device": "gpu"}), namespace, before)
    drive(make_settings(gpu={"device": "gpu"}, ocr={"batch_size": 3}), namespace, after)


def test_what_somebody_works_with_keeps_it_and_is_named(
    namespace: str, make_settings: SettingsMaker, monkeypatch: pytest.MonkeyPatch, soon: None
) -> None:
    monkeypatch.setattr(link, "PLACE_S", 3.0)
    names: list[Any] = []

    async def before(driver: Driver) -> None:
        await driver.pool.ready()
        names.append(driver.pool.links[0].name)

    async def after(driver: Driver) -> None:
        with pytest.raises(DeviceError) as caught:
            await driver.pool.ready()
        assert caught.value.code.name == "DEVICE_UNAVAILABLE"
        assert names[0] in caught.value.message

    drive(make_settings(), namespace, before)
    drive(make_settings(gpu={"device": "gpu"}), namespace, after)


def test_an_actor_whose_engine_does_not_load_counts_as_the_busiest(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        (only,) = driver.pool.links
        with pytest.raises(ModelError):
            await only.ready()
        with pytest.raises(ModelError, match="lets this load fail"):
            await only.load()

    drive(make_settings({"load_failures": 99}, gpu={"device": "cpu"}), namespace, scenario)


def test_actors_share_a_gpu(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        links = driver.pool.links
        assert len(links) == 3
        await asyncio.gather(*(each.ready() for each in links))
        statuses = await driver.pool.status()
        assert len({status["pid"] for status in statuses}) == 3
        assert {status["visible_gpus"] for status in statuses} == {"0"}

    drive(make_settings(gpu={"actors": "auto", "per_device": 3, "device": "gpu"}), namespace, scenario)
