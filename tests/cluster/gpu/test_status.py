"""What the GPU actor says of itself while it works, and how soon."""

from __future__ import annotations

import asyncio
import time

import psutil
import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.gpu_driver import Driver, drive, texts
from yivideo_ray.jobs import Priority
from yivideo_ray.runtime.gpu.calls import Reply

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


def test_a_busy_actor_names_the_call_the_queue_and_what_to_expect(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        await driver.read("first")
        slow = driver.read("slow", workflow="long", key="7")
        await driver.until(lambda now: bool(now["running"]))
        waiting = [driver.read("a", workflow="long", key="8"), driver.read("b", workflow="long", key="9")]
        await driver.until(lambda now: now["waiting"] == 2)
        waiting.append(driver.read("c", workflow="short", key="0", priority=Priority.INTERACTIVE))
        before = time.time()
        found = await driver.until(lambda now: now["waiting"] == 3)
        (running,) = found["running"]
        assert (running["workflow_id"], running["stage"], running["chunk"]) == ("long", "paddleocr.perform_ocr", "7")
        assert before - 60 < running["since"] <= time.time()
        assert running["attempt"] == 1
        lane = found
        assert [(call["position"], call["workflow_id"], call["chunk"]) for call in lane["queue"]] == [
            (1, "short", "0"),
            (2, "long", "8"),
            (3, "long", "9"),
        ]
        waits = [call["expected_wait_s"] for call in lane["queue"]]
        median = lane["stages"]["paddleocr.perform_ocr"]["median_s"]
        assert median >= 2
        steps = [after - wait for wait, after in zip(waits, [*waits[1:], lane["expected_wait_s"]], strict=True)]
        # The status rounds each of them.
        assert steps == pytest.approx([median] * 3, abs=0.02)
        for call in (slow, *waiting):
            call.cancel()

    settings = make_settings({"recognize_s": 2}, gpu_lock={"enable_priority_queue": True})
    drive(settings, namespace, scenario)


def test_an_idle_actor_names_engine_device_memory_and_counts(namespace: str, make_settings: SettingsMaker) -> None:
    async def scenario(driver: Driver) -> None:
        facts = await driver.pool.ready()
        for number in range(3):
            assert texts(await driver.read("x", key=str(number))) == ["x"]
        found = await driver.status()
        assert found["ready"]
        assert found["engine"] == facts.as_dict()
        assert found["jobs"]
        assert found["gpu_health"] is None
        assert found["calls"] == {
            "done": 3,
            "failed": 0,
            "refused": 0,
            "dropped": 0,
            "halved": 0,
            "most_at_once": 1,
        }
        rss = psutil.Process(found["pid"]).memory_info().rss
        assert 0.8 * rss < found["memory"]["rss_bytes"] < 1.2 * rss
        assert found["memory"]["gpu"] is None
        assert found["restarts"] == {"count": 0, "last": []}

    drive(make_settings(), namespace, scenario)


def test_status_answers_within_a_tenth_of_a_second_while_the_device_and_the_mailbox_are_full(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        calls = [driver.read("a", workflow=f"w{number % 20}", key=str(number)) for number in range(200)]
        await driver.until(lambda now: now["waiting"] == 199)
        took = []
        for _ in range(30):
            before = time.perf_counter()
            found = await driver.status()
            took.append(time.perf_counter() - before)
            assert found["running"]
        # The machine may be busy with something else at any moment, but not at all of them.
        assert sorted(took)[len(took) // 4] < 0.1
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)

    settings = make_settings({"recognize_s": 30}, gpu_lock={"enable_priority_queue": True})
    drive(settings, namespace, scenario)


def test_a_short_video_s_call_waits_for_one_call_of_a_long_one_at_most(
    namespace: str, make_settings: SettingsMaker
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pool.ready()
        order: list[str] = []
        calls = [driver.read("a", workflow="long", key=str(number)) for number in range(6)]
        await driver.until(lambda now: bool(now["running"]) and now["waiting"] == 5)
        calls.append(driver.read("b", workflow="short"))

        async def note(name: str, call: asyncio.Task[Reply]) -> None:
            await call
            order.append(name)

        await asyncio.gather(*(note(name, call) for name, call in zip("LLLLLLS", calls, strict=True)))
        # The one that was running, and perhaps the one whose turn had come when the short one's call arrived.
        assert "S" in order[1:3]

    settings = make_settings({"recognize_s": 0.4}, gpu_lock={"enable_priority_queue": True})
    drive(settings, namespace, scenario)
