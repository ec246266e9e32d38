"""The service in a process of its own, killed with the Ray that it started, and started again."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.service_process import ServiceProcess
from tests.support.text_pictures import TEXTS, pattern_video

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(280)]

# Each service starts a Ray of its own, as `yivideo run` does.
OWN_RAY = {"RAY_ADDRESS": "local"}
LIMIT_S = 240


@asynccontextmanager
async def service(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    started = ServiceProcess(tmp_path / "config.yml", tmp_path)
    started.start(OWN_RAY)
    try:
        yield started
    finally:
        started.kill()


async def ask(process: ServiceProcess, **asked: Any) -> dict[str, Any]:
    while True:
        try:
            answer = await process.ask(**asked)
        except ConnectionError:
            assert not process.is_dead()
            await asyncio.sleep(0.2)
            continue
        return answer


def configure(tmp_path: Path, url: str | None) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"recognize_s": 1.0, "state_dir": str(tmp_path / "state")}))
    sections = {
        "ocr": {"engine": "scripted", "script": str(script)},
        "storage": {"work_dir": str(tmp_path / "work"), "url": url},
        "pipeline": {"chunk_s": 2, "crops_per_call": 1, "chunks_in_flight": 1},
        "gpu_lock": {"retry_interval": 0.5, "max_retry_interval": 3, "lock_timeout": 60},
    }
    (tmp_path / "config.yml").write_text(yaml.safe_dump(sections), encoding="utf-8")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_after_kill_9_of_everything_a_workflow_goes_on_at_its_chunk_and_ends_once(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    configure(tmp_path, request.getfixturevalue("postgres_url") if database == "postgresql" else None)
    video = Path(shutil.copy(pattern_video(tmp_path / "patterns.mp4", TEXTS), tmp_path / "film.mp4"))
    post = {"do": "submit", "video": str(video), "priority": "BATCH", "key": "once"}

    async def scenario() -> None:
        async with service(tmp_path) as process:
            workflow_id = (await ask(process, **post))["id"]
            # The recognition of six texts takes six seconds at least.
            while (await ask(process, do="get", id=workflow_id))["percent"] < 60:
                await asyncio.sleep(0.1)
        async with service(tmp_path) as process:
            began = time.monotonic()
            assert (await ask(process, **post))["id"] == workflow_id
            while not (view := await ask(process, do="get", id=workflow_id))["terminal"]:
                await asyncio.sleep(0.1)
            assert time.monotonic() - began < 120
            assert view["state"] == "SUCCESS", view["error"]
            assert (await ask(process, do="ids"))["ids"] == [workflow_id]
            events = (await ask(process, do="events", id=workflow_id))["events"]
        assert [event["number"] for event in events] == list(range(1, len(events) + 1))
        assert sum(event["event"] == "workflow_finished" for event in events) == 1
        document = json.loads(next(Path(path).read_bytes() for path in view["outputs"] if path.endswith(".json")))
        assert [cue["text"] for cue in document["cues"]] == list(TEXTS)
        read = next(stage["output"] for stage in document["stages"] if stage["stage"] == "paddleocr.perform_ocr")
        assert 1 <= read["kept_calls"] < read["calls"] == len(TEXTS)
        assert [path.name for path in (tmp_path / "work" / "workflows").glob("wf-*")] == [workflow_id]

    asyncio.run(asyncio.wait_for(scenario(), LIMIT_S))
