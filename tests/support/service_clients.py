"""The service's app with a FakeService behind it, asked in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from tests.support.fake_service import FakeService
from yivideo_ray.config import Settings
from yivideo_ray.http.app import build_app
from yivideo_ray.http.limits.admission import pace_of
from yivideo_ray.http.limits.proxy import ProxyGuard, TimedConnection

__all__ = ["KEY", "SECRET", "Listening", "World", "listening", "world"]

KEY = "a-key-of-the-tests"
SECRET = "whsec_" + "c2VjcmV0" * 6


class World:
    """A client, and what it talks to. Files lie in `videos`, which is an allowed root, and work in `work`."""

    def __init__(self, client: TestClient, service: FakeService, tmp_path: Path) -> None:
        self.client = client
        self.service = service
        self.videos = tmp_path / "videos"
        self.work = tmp_path / "work"

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs something of the fake service in the app's event loop."""
        assert self.client.portal is not None

        async def run() -> Any:
            return await work

        return self.client.portal.call(run)

    def submit(self, **more: Any) -> str:
        """Submits the video that is there, and returns the workflow's id."""
        answer = self.client.post("/v1/workflows", json={"video_path": str(self.videos / "film.mp4"), **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["workflow_id"])

    @property
    def uploads(self) -> list[Path]:
        """All files of uploads, whole and half."""
        return [path for path in (self.work / "uploads").rglob("*") if path.is_file()]


@contextmanager
def world(
    tmp_path: Path,
    *,
    keys: tuple[str, ...] = (),
    service: FakeService | None = None,
    allowed_urls: tuple[str, ...] = (),
    **serve: Any,
) -> Iterator[World]:
    fake = service or FakeService()
    app = build_app(_settings(tmp_path, keys, serve, allowed_urls), fake.opened)
    with TestClient(app, base_url="http://localhost") as client:
        yield World(client, fake, tmp_path)


@contextmanager
def listening(
    tmp_path: Path,
    *,
    keys: tuple[str, ...] = (),
    service: FakeService | None = None,
    port: int = 0,
    allowed_urls: tuple[str, ...] = (),
    guarded: bool = False,
    **serve: Any,
) -> Iterator[Listening]:
    """Yields a service that listens on loopback, for clients with sockets of their own. guarded: behind what
    Ray Serve's proxy is given."""
    fake = service or FakeService()
    settings = _settings(tmp_path, keys, serve, allowed_urls)
    app = build_app(settings, fake.opened)
    config = uvicorn.Config(
        ProxyGuard(app, pace_of(settings.serve)) if guarded else app,
        host="127.0.0.1",
        port=port,
        http=type("Timed", (TimedConnection,), {"timeout_s": settings.serve.receive_timeout_s}) if guarded else "auto",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        bound = server.servers[0].sockets[0].getsockname()[1]
        yield Listening(f"http://127.0.0.1:{bound}", fake, tmp_path / "videos", loops[0])
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(app.state.stopping.set)
        server.should_exit = True
        thread.join(20)


@dataclass(frozen=True, slots=True)
class Listening:
    """A service that listens. do runs something of the fake service in its event loop."""

    url: str
    service: FakeService
    videos: Path
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)


def _settings(
    tmp_path: Path, keys: tuple[str, ...], serve: dict[str, Any], allowed_urls: tuple[str, ...] = ()
) -> Settings:
    (tmp_path / "videos").mkdir(exist_ok=True)
    (tmp_path / "videos" / "film.mp4").write_bytes(b"film")
    return Settings.model_validate(
        {
            "serve": {"keys": keys, "callback_secret": SECRET, **serve},
            "storage": {
                "work_dir": tmp_path / "work",
                "allowed_roots": [tmp_path / "videos"],
                "allowed_urls": allowed_urls,
            },
            "gpu_lock": {"retry_interval": 1, "max_retries": 2},
        }
    )
