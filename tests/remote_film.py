"""A small film at an address, for tests of how videos are read from one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_files import Asked, HttpFiles, http_files
from tests.videos import make_video
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import probe, remote
from yivideo_ray.types import VideoInfo
from yivideo_ray.urls import Url

__all__ = ["BLOCK", "FILM", "FRAMES", "SETTINGS", "at", "late", "make_film", "read_at_once", "refusal", "served"]

SETTINGS = DecoderSettings(url_timeout_s=20)
BLOCK = 4096
FILM = "/films/film.mp4"
FRAMES = 150


def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has it read in small blocks, for videos of tests are small, and not wait for a server that is to fail."""
    monkeypatch.setattr(remote, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(remote, "WAITS_S", (0.0, 0.0))


def make_film(directory: Path) -> Path:
    return make_video(directory / "film.mp4", frames=FRAMES, gop=20, size=(160, 96), b_frames=2, audio=True)


@contextlib.contextmanager
def served(film: Path) -> Iterator[HttpFiles]:
    with http_files() as server:
        server.files[FILM] = film.read_bytes()
        yield server


def at(server: HttpFiles, path: str = FILM, settings: DecoderSettings = SETTINGS) -> VideoInfo:
    return probe(Url(server.url + path), settings, [f"{server.url}/films"])


def refusal(server: HttpFiles, path: str = FILM, settings: DecoderSettings = SETTINGS) -> InputError:
    with pytest.raises(InputError) as caught:
        at(server, path, settings)
    assert caught.value.message.endswith(".")
    return caught.value


def late(asked: Asked) -> bool:
    """Returns whether a request is for a part behind the first blocks."""
    return asked.start is not None and asked.start >= 2 * BLOCK
