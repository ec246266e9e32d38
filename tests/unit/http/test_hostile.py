"""Inputs that try to reach a file outside the roots or an address in the network, over path, upload and callback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hostile import PLAYLISTS, Traps, callbacks, hostile_paths, traps
from tests.support.service_clients import World, world
from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.media import probe


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


@pytest.fixture
def set_up(there: World, tmp_path: Path) -> Iterator[Traps]:
    with traps(tmp_path) as found:
        yield found
        assert found.sprung == []


def test_paths_lead_to_nothing(there: World, set_up: Traps) -> None:
    for path, code in hostile_paths(set_up).items():
        answer = there.client.post("/v1/workflows", json={"video_path": path})
        assert (answer.json()["code"], path) == (code, path)
        assert "secret" not in answer.text
    assert there.service.requests == []


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_opened_as_what_they_are_and_lead_nowhere(there: World, set_up: Traps, name: str) -> None:
    """The service takes them, as it takes any bytes; the workflow's first step refuses them."""
    content = PLAYLISTS[name].format(canary=set_up.canary, port=set_up.port).encode()
    (set_up.root / f"{name}.mp4").write_bytes(content)
    there.client.post("/v1/workflows", json={"video_path": f"{set_up.root}/{name}.mp4"})
    there.client.post("/v1/workflows", files={"video": ("film.mp4", content)})
    assert len(there.service.requests) == 2
    for request in there.service.requests:
        assert request.video is not None
        with pytest.raises(InputError) as caught:
            probe(request.video, DecoderSettings())
        assert caught.value.code.name in ("INPUT_FORMAT_FORBIDDEN", "INPUT_UNRECOGNIZED")


def test_no_name_of_an_upload_overwrites_a_file(there: World, set_up: Traps) -> None:
    for name in ("../../../canary.mp4", str(set_up.canary), "..\\..\\canary.mp4"):
        head = f'--x\r\nContent-Disposition: form-data; name="video"; filename="{name}"\r\n\r\n'
        answer = there.client.post(
            "/v1/workflows",
            content=f"{head}mine\r\n--x--\r\n".encode(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert answer.status_code == 202
        assert Path(answer.json()["video"]).is_relative_to(there.work / "uploads")


def test_an_upload_can_not_name_a_path_as_well(there: World, set_up: Traps) -> None:
    answer = there.client.post(
        "/v1/workflows", files={"video": ("film.mp4", b"x")}, data={"video_path": str(set_up.canary)}
    )
    assert answer.status_code == 422


def test_callbacks_into_the_network_are_refused(there: World, set_up: Traps) -> None:
    for url in callbacks(set_up):
        answer = there.client.post("/v1/workflows", json={"video_path": f"{set_up.root}/film.mp4", "callback_url": url})
        assert (answer.status_code, answer.json()["code"] in ("CALLBACK_FORBIDDEN", "REQUEST_INVALID")) == (422, True)
    assert there.service.requests == []


def test_there_are_enough_of_them(set_up: Traps) -> None:
    assert len(hostile_paths(set_up)) + len(PLAYLISTS) + len(callbacks(set_up)) >= 40
