"""A small film at an address, for tests of how videos are read from one."""

from __future__ import annotations

import pytest

from tests.http_files import Asked, HttpFiles
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.locations import Url
from yivideo_ray.media import probe
from yivideo_ray.types import VideoInfo

__all__ = ["BLOCK", "FILM", "FRAMES", "SETTINGS", "at", "late", "refusal"]

SETTINGS = DecoderSettings(url_timeout_s=20)
BLOCK = 4096
FILM = "/films/film.mp4"
FRAMES = 150


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
