"""A server with a small film for every test of videos at addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_files import BLOCK, FILM, FRAMES, HttpFiles, http_files
from tests.support.videos import make_video
from yivideo_ray.media import remote


@pytest.fixture(autouse=True)
def small_blocks_at_once(monkeypatch: pytest.MonkeyPatch, no_waits: None) -> None:
    """Videos of tests are small, and nobody waits for a server that is to fail."""
    monkeypatch.setattr(remote, "BLOCK_BYTES", BLOCK)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("remote")
    return make_video(directory / "film.mp4", frames=FRAMES, gop=20, size=(160, 96), b_frames=2, audio=True)


@pytest.fixture
def server(video: Path) -> Iterator[HttpFiles]:
    with http_files() as found:
        found.files[FILM] = video.read_bytes()
        yield found
