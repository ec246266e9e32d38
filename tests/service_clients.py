"""The service's app with a FakeService behind it, asked in this process."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from serve.app import build_app
from tests.fake_service import FakeService
from yivideo_ray.config import Settings

__all__ = ["KEY", "SECRET", "World", "world"]

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
    tmp_path: Path, *, keys: tuple[str, ...] = (), service: FakeService | None = None, **serve: Any
) -> Iterator[World]:
    (tmp_path / "videos").mkdir(exist_ok=True)
    (tmp_path / "videos" / "film.mp4").write_bytes(b"film")
    settings = Settings.model_validate(
        {
            "serve": {"keys": keys, "callback_secret": SECRET, **serve},
            "storage": {"work_dir": tmp_path / "work", "allowed_roots": [tmp_path / "videos"]},
            "gpu_lock": {"retry_interval": 1, "max_retries": 2},
        }
    )
    fake = service or FakeService()
    with TestClient(build_app(settings, fake.opened), base_url="http://localhost") as client:
        yield World(client, fake, tmp_path)
