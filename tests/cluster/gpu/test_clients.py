"""Many clients with mixed calls get exactly what one gets, and the device is never used twice at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import SettingsMaker
from tests.support.gpu_driver import Driver, drive, reading
from tests.support.text_pictures import pattern_video
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Priority
from yivideo_ray.media import probe
from yivideo_ray.runtime.gpu.calls import CallKind, Ticket
from yivideo_ray.runtime.gpu.link import Begin
from yivideo_ray.runtime.workflow import tasks

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

CLIENTS = 32
NAMES = ("red fox", "lion", "grey cat", "owls", "big dog", "mouse", "a", "elephants")


async def both(client: Driver, video: Path, settings: Settings, who: int) -> list[Any]:
    """Returns what a client gets for a call of each kind, without the times that it took."""
    info = probe(video, settings.decoder)
    look, pictures = tasks.extract.remote(info, settings, (0, 1), False)
    found = await look
    turns = itertools.cycle((Priority.BATCH, Priority.INTERACTIVE))

    async def call(kind: CallKind, key: str, begin: Begin) -> Any:
        return await client.gpu.call(kind, f"w{who}", key, begin, priority=next(turns), on_retry=lambda *_: None)

    def find_area(actor: Any, ticket: Ticket) -> Any:
        return tasks.find_area.remote(actor, ticket, info, settings.area_detector, [(found, pictures)])

    area = (await call(CallKind.DETECT_SUBTITLE_AREA, "area", find_area)).value
    read = await asyncio.gather(*(call(CallKind.PERFORM_OCR, str(n), reading(*NAMES[n : n + 4])) for n in range(3)))
    return [area, [reply.value for reply in read]]


def test_thirty_two_clients_with_mixed_calls_get_what_one_gets(
    namespace: str, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    video = pattern_video(tmp_path / "film.mp4", NAMES[:3])
    settings = make_settings({"recognize_s": 0.01, "jitter": 1}, gpu_lock={"enable_priority_queue": True})

    async def scenario(driver: Driver) -> None:
        alone = await both(driver, video, settings, 0)
        clients = [Driver(settings, namespace) for _ in range(CLIENTS)]
        together = await asyncio.gather(*(both(client, video, settings, who) for who, client in enumerate(clients, 1)))
        assert all(got == alone for got in together)
        found = await driver.status()
        assert found["calls"]["most_at_once"] == 1
        assert found["calls"]["failed"] == 0
        assert found["restarts"]["count"] == 0

    drive(settings, namespace, scenario)
    running = 0
    for line in (tmp_path / "state" / "log").read_text().splitlines():
        running += 1 if json.loads(line)["event"] == "start" else -1
        assert running in (0, 1)
