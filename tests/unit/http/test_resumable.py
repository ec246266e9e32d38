"""Uploads that are broken off and go on, by the tus protocol."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.service_clients import Listening, World, listening, world
from tests.unit.http.limits.test_admission import client_of, half_sent
from tests.unit.http.test_workflows import problem
from yivideo_ray.http.incoming import Incoming
from yivideo_ray.http.resumable import Resumable
from yivideo_ray.service.directories import ServiceDirectories

VIDEO = bytes(range(256)) * 400
LIMIT = 200_000


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, max_upload_bytes=LIMIT) as found:
        yield found


def begun(there: World, length: int = len(VIDEO), name: str = "film.mp4") -> str:
    """Returns where an upload goes on."""
    metadata = f"filetype dmlkZW8=,filename {base64.b64encode(name.encode()).decode()}"
    answer = there.client.post(
        "/v1/uploads", headers={"Upload-Length": str(length), "Upload-Metadata": metadata, "Tus-Resumable": "1.0.0"}
    )
    assert (answer.status_code, answer.headers["tus-resumable"]) == (201, "1.0.0")
    assert answer.headers["upload-expires"].endswith("GMT")
    return str(answer.headers["location"])


def add(there: World, place: str, offset: int, data: bytes) -> Any:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return there.client.patch(place, content=data, headers=headers)


def offset_of(there: World, place: str) -> int:
    answer = there.client.head(place)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def workflow_of(there: World, place: str, **more: Any) -> Any:
    return there.client.post("/v1/workflows", json={"upload_id": place.rpartition("/")[2], **more})


def test_an_upload_in_pieces_becomes_a_workflow_that_owns_it(there: World) -> None:
    place = begun(there)
    for start in range(0, len(VIDEO), 30_000):
        assert offset_of(there, place) == start
        assert add(there, place, start, VIDEO[start : start + 30_000]).status_code == 204
    answer = workflow_of(there, place, priority="interactive")
    assert answer.status_code == 202, answer.text
    (request,) = there.service.requests
    assert isinstance(request.video, Path)
    assert (request.owned_video, request.video.name, request.video.read_bytes()) == (True, "film.mp4", VIDEO)
    # An answer that got lost is asked for again, and nobody else's upload any more.
    assert workflow_of(there, place, priority="interactive").json()["workflow_id"] == answer.json()["workflow_id"]
    problem(workflow_of(there, place), "IDEMPOTENCY_KEY_REUSED")
    problem(there.client.delete(place), "UPLOAD_NOT_FOUND")
    assert request.video.exists()
    assert len(there.service.requests) == 1


def test_what_came_of_a_piece_that_broke_off_is_kept(tmp_path: Path) -> None:
    with listening(tmp_path) as there, client_of(there) as client:
        place = client.post("/v1/uploads", headers={"Upload-Length": "100003"}).headers["location"]
        head = "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 100003\r\n"
        with half_sent(there, 1, head, f"PATCH {place}"):
            pass
        assert until_offset(there, place, 3) == 3
        more = {"Upload-Offset": "3", "Content-Type": "application/offset+octet-stream"}
        assert client.patch(place, content=VIDEO[:100_000], headers=more).headers["upload-offset"] == "100003"


def until_offset(there: Listening, place: str, wanted: int) -> int:
    deadline = time.monotonic() + 5
    with client_of(there) as client:
        while (offset := int(client.head(place).headers["upload-offset"])) != wanted and time.monotonic() < deadline:
            time.sleep(0.02)
    return offset


def test_one_request_adds_to_an_upload_at_a_time(tmp_path: Path) -> None:
    with listening(tmp_path) as there, client_of(there) as client:
        place = client.post("/v1/uploads", headers={"Upload-Length": "10"}).headers["location"]
        head = "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 10\r\n"
        with half_sent(there, 1, head, f"PATCH {place}"):
            more = {"Upload-Offset": "3", "Content-Type": "application/offset+octet-stream"}
            assert client.patch(place, content=b"x", headers=more).json()["code"] == "UPLOAD_CONFLICT"


def test_what_does_not_fit_is_refused_and_changes_nothing(there: World) -> None:
    place = begun(there, 10)
    assert problem(add(there, place, 5, b"x"), "UPLOAD_CONFLICT")["facts"] == {"offset": 0}
    problem(add(there, place, 0, b"x" * 11), "UPLOAD_TOO_LARGE")
    problem(there.client.patch(place, content=b"x", headers={"Upload-Offset": "0"}), "MEDIA_TYPE_UNSUPPORTED")
    problem(add(there, "/v1/uploads/up-" + "0" * 32, 0, b"x"), "UPLOAD_NOT_FOUND")
    assert there.client.patch("/v1/uploads/x", content=b"x").status_code == 422
    problem(there.client.post("/v1/uploads", headers={"Upload-Length": str(LIMIT + 1)}), "UPLOAD_TOO_LARGE")
    problem(there.client.post("/v1/uploads"), "REQUEST_INVALID")
    problem(
        there.client.post("/v1/uploads", headers={"Upload-Length": "1", "Upload-Metadata": "filename *"}),
        "REQUEST_INVALID",
    )
    problem(workflow_of(there, place), "UPLOAD_CONFLICT")
    assert offset_of(there, place) == 0


def test_it_can_be_given_up(there: World) -> None:
    place = begun(there)
    assert there.client.delete(place).status_code == 204
    assert there.client.head(place).status_code == 404
    problem(workflow_of(there, place), "UPLOAD_NOT_FOUND")
    assert there.uploads == []


def test_names_are_names_and_no_paths(there: World) -> None:
    place = begun(there, 1, "../../../evil.mp4")
    add(there, place, 0, b"x")
    assert Path(workflow_of(there, place).json()["video"]).parent.parent == there.work / "uploads"


def test_clients_learn_what_it_can_do(there: World) -> None:
    answer = there.client.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-max-size"] == str(LIMIT)
    assert "creation" in answer.headers["tus-extension"]


def test_a_request_with_two_videos_or_none_is_refused(there: World) -> None:
    place = begun(there, 0)
    problem(workflow_of(there, place, video_path="/x"), "REQUEST_INVALID")
    problem(workflow_of(there, place, execution_mode="retry", workflow_id="w1"), "REQUEST_INVALID")
    form = {"upload_id": place.rpartition("/")[2]}
    problem(there.client.post("/v1/workflows", files={"video": ("a", b"x")}, data=form), "REQUEST_INVALID")


def test_uploads_outlive_a_restart_and_are_swept_up_a_day_later(tmp_path: Path) -> None:
    resumable = Resumable(Incoming(tmp_path / "uploads"), LIMIT)
    old, young = resumable.create(10, b"old"), resumable.create(10, b"young")
    orphan = tmp_path / "uploads" / "orphan"
    orphan.mkdir()
    ServiceDirectories(tmp_path).clean("one", (), ())
    assert not orphan.exists()
    assert resumable.find(old.upload_id).path.exists()
    os.utime(old.path, (time.time() - 90_000,) * 2)
    resumable.sweep()
    assert resumable.find(young.upload_id).offset == 0
    assert not old.path.parent.exists()
