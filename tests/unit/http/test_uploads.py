"""Videos that come in by form: streamed to disk, bounded, and gone when they are of no use."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from tests.support.fake_service import FakeService
from tests.support.service_clients import World, listening, world
from tests.unit.http.test_workflows import problem
from yivideo_ray.errors import ServiceError
from yivideo_ray.http.incoming import Incoming
from yivideo_ray.http.uploads import Form, read_form
from yivideo_ray.jobs import Priority
from yivideo_ray.types import Stage

VIDEO = bytes(range(256)) * 1000
LIMIT = 300_000
EMPTY_PART = b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n\r\n'


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, max_upload_bytes=LIMIT) as found:
        yield found


def send(
    there: World,
    data: bytes = VIDEO,
    *,
    name: str = "film.mp4",
    key: str | None = None,
    fields: dict[str, str] | None = None,
) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return there.client.post("/v1/workflows", files={"video": (name, data)}, data=fields, headers=headers)


def test_an_upload_is_on_disk_under_its_own_name_and_belongs_to_the_workflow(there: World) -> None:
    chain = {"workflow_chain": ["ffmpeg.extract_keyframes"]}
    answer = send(there, fields={"workflow_config": json.dumps(chain), "priority": "interactive"})
    assert answer.status_code == 202, answer.text
    (request,) = there.service.requests
    assert isinstance(request.video, Path)
    assert request.video.read_bytes() == VIDEO
    assert there.uploads == [request.video]
    assert request.video.name == "film.mp4"
    assert (request.owned_video, request.chain, request.priority) == (
        True,
        (Stage.EXTRACT_KEYFRAMES,),
        Priority.INTERACTIVE,
    )
    assert answer.json()["video"] == str(request.video)


def test_fields_may_come_before_and_behind_the_file(there: World) -> None:
    body = b""
    for name, value, more in (("priority", b"interactive", b""), ("video", VIDEO, b'; filename="a.mp4"')):
        body += (
            b'--x\r\nContent-Disposition: form-data; name="'
            + name.encode()
            + b'"'
            + more
            + b"\r\n\r\n"
            + value
            + b"\r\n"
        )
    for parts in (body, body.partition(b"--x\r\n")[2]):
        whole = (parts if parts.startswith(b"--x") else b"--x\r\n" + parts) + b"--x--\r\n"
        answer = there.client.post(
            "/v1/workflows", content=whole, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code == 202, answer.text
    assert [request.priority for request in there.service.requests] == [Priority.INTERACTIVE] * 2


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_up_to_the_limit_every_size_is_taken(there: World, size: int) -> None:
    assert send(there, b"x" * size).status_code == 202
    assert [path.stat().st_size for path in there.uploads] == [size]


def test_more_is_refused_and_leaves_nothing_behind(there: World) -> None:
    found = problem(send(there, b"x" * (LIMIT + 1)), "UPLOAD_TOO_LARGE")
    assert found["facts"] == {"limit_bytes": LIMIT}
    assert there.uploads == []
    assert there.service.requests == []


def test_a_length_over_the_limit_is_refused_before_anything_is_read(there: World) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(LIMIT * 10)}
    problem(there.client.post("/v1/workflows", content=iter([b""]), headers=headers), "UPLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/cron.d/evil", "evil"),
        ("/etc/passwd", "passwd"),
        ("C:\\films\\film.mp4", "film.mp4"),
        ("..", "video"),
        (".", "video"),
        (" ", "video"),
        ("a\tb.mp4", "ab.mp4"),
        ("电影🎬.mp4", "电影🎬.mp4"),
        ("-rf.mp4", "-rf.mp4"),
        ("x" * 300, "x" * 200),
        ("映" * 100, "映" * 66),
    ],
)
def test_the_client_s_name_is_a_name_and_never_a_path(there: World, name: str, kept: str) -> None:
    # Written by hand: clients would escape what is dangerous.
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="' + name.encode() + b'"\r\n\r\n'
    answer = there.client.post(
        "/v1/workflows",
        content=head + b"data\r\n--x--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 202, answer.text
    (path,) = there.uploads
    assert path.name == kept
    assert path.parent.parent == there.work / "uploads"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"priority": "high"}, "body.priority"),
        ({"video_path": "/etc/passwd"}, "body.video_path"),
        ({"execution_mode": "retry", "workflow_id": "w1"}, "body.execution_mode"),
        ({"workflow_config": '{"workflow_chain": ["x"]}'}, "body.workflow_config.workflow_chain.0"),
        ({"nonsense": "1"}, "body.nonsense"),
    ],
)
def test_wrong_fields_are_told_and_the_upload_is_deleted(there: World, fields: dict[str, str], where: str) -> None:
    found = problem(send(there, fields=fields), "REQUEST_INVALID")
    assert where in [item["where"] for item in found["errors"]]
    assert there.uploads == []


def test_a_field_that_should_be_json_and_is_not_is_malformed(there: World) -> None:
    problem(send(there, fields={"workflow_config": "{"}), "REQUEST_MALFORMED")
    assert there.uploads == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "REQUEST_MALFORMED"),
        (b"nonsense", "REQUEST_MALFORMED"),
        (b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nhalf', "REQUEST_MALFORMED"),
        (b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nh\r\n--x', "REQUEST_MALFORMED"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n", "REQUEST_INVALID"),
        (b'--x\r\nContent-Disposition: form-data; name="video"\r\n\r\nv\r\n--x--\r\n', "REQUEST_INVALID"),
        (b'--x\r\nContent-Disposition: form-data; name="o"; filename="a"\r\n\r\nv\r\n--x--\r\n', "REQUEST_INVALID"),
        (b'--x\r\nContent-Disposition: form-data; name="priority"\r\n\r\nbatch\r\n--x--\r\n', "REQUEST_INVALID"),
        (b'--x\r\nContent-Disposition: form-data; name="priority"\r\n\r\n' + b"b" * 70_000, "REQUEST_TOO_LARGE"),
        (b'--x\r\nContent-Disposition: form-data; name="' + b"n" * 70_000, "REQUEST_MALFORMED"),
        (b"".join(EMPTY_PART % number for number in range(21)), "REQUEST_TOO_LARGE"),
        (
            2 * b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\nv\r\n' + b"--x--\r\n",
            "REQUEST_INVALID",
        ),
    ],
)
def test_forms_that_are_broken_leave_nothing_behind(there: World, content: bytes, code: str) -> None:
    answer = there.client.post(
        "/v1/workflows", content=content, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    problem(answer, code)
    assert there.uploads == []
    assert there.service.requests == []


@pytest.mark.parametrize("media_type", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 300}"])
def test_a_form_without_a_usable_boundary_is_malformed(there: World, media_type: str) -> None:
    problem(there.client.post("/v1/workflows", content=b"x", headers={"Content-Type": media_type}), "REQUEST_MALFORMED")


def test_the_same_upload_under_the_same_key_is_kept_once(there: World) -> None:
    assert {send(there, key="k").json()["workflow_id"] for _ in range(3)} == {"w1"}
    assert len(there.uploads) == 1
    problem(send(there, VIDEO[:-1], key="k"), "IDEMPOTENCY_KEY_REUSED")
    problem(send(there, name="other.mp4", key="k"), "IDEMPOTENCY_KEY_REUSED")
    assert [hashlib.sha256(path.read_bytes()).digest() for path in there.uploads] == [hashlib.sha256(VIDEO).digest()]


def test_an_upload_that_the_service_turns_down_is_deleted(tmp_path: Path) -> None:
    with world(tmp_path, service=FakeService(max_queued=1)) as there:
        there.submit()
        problem(send(there), "QUEUE_FULL")
        assert there.uploads == []


def test_a_full_disk_is_told_and_leaves_nothing_behind(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    found = problem(send(there), "STORAGE_FULL")
    assert found["retryable"]
    assert there.uploads == []


class Pieces:
    """A request whose form comes in pieces; taken counts those that were asked for."""

    def __init__(self, pieces: int, piece: bytes, end: bytes = b"\r\n--x--\r\n") -> None:
        head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
        self._left = [head, *[piece] * pieces, end]
        self.taken = 0

    async def _receive(self) -> dict[str, Any]:
        self.taken += 1
        body = self._left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._left)}

    def read(self, directory: Path, limit_bytes: int = LIMIT) -> Form:
        scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}

        async def read() -> Form:
            incoming = Incoming(directory)
            try:
                return await read_form(Request(scope, self._receive), incoming, limit_bytes)
            finally:
                await incoming.close()

        return asyncio.run(read())


def test_what_came_in_is_on_disk_before_the_next_piece_is_asked_for(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Looking(Pieces):
        async def _receive(self) -> dict[str, Any]:
            sizes.extend(path.stat().st_size for path in tmp_path.rglob("a.mp4"))
            return await super()._receive()

    form = Looking(25, b"x" * 10_000).read(tmp_path)
    # The last bytes may wait for what shows that they are no boundary, and a buffer for more.
    assert all(index * 10_000 - size <= 40_000 for index, size in enumerate(sizes[1:], 1))
    assert form.video is not None
    assert form.video.stat().st_size == 250_000


def test_nothing_is_asked_for_behind_the_limit(tmp_path: Path) -> None:
    pieces = Pieces(1000, b"x" * 10_000)
    with pytest.raises(ServiceError) as caught:
        pieces.read(tmp_path)
    assert caught.value.code.name == "UPLOAD_TOO_LARGE"
    assert pieces.taken <= LIMIT // 10_000 + 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_client_that_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    class Leaving(Pieces):
        async def _receive(self) -> dict[str, Any]:
            return {"type": "http.disconnect"} if self.taken > 3 else await super()._receive()

    with pytest.raises(ClientDisconnect):
        Leaving(25, b"x" * 10_000).read(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_many_empty_parts_cost_no_more_than_a_few(there: World) -> None:
    parts = b"".join(EMPTY_PART % number for number in range(40_000))
    began = time.process_time()
    # In pieces, so that no length is announced.
    answer = there.client.post(
        "/v1/workflows",
        content=iter([parts, b"--x--\r\n"]),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    problem(answer, "REQUEST_TOO_LARGE")
    assert time.process_time() - began < 1


def test_requests_that_are_cancelled_together_leave_nothing_behind(tmp_path: Path) -> None:
    """As when a network goes away: every thread is busy, and each request is cancelled while it waits for one."""

    async def run() -> None:
        incoming = Incoming(tmp_path)
        halves = [Half(tmp_path) for _ in range(50)]
        requests = [asyncio.ensure_future(half.send(incoming)) for half in halves]
        await asyncio.gather(*(half.is_half.wait() for half in halves))
        for request in requests:
            request.cancel()
        await asyncio.sleep(0)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        assert all(request.cancelled() for request in requests)
        await incoming.close()

    asyncio.run(run())
    assert list((tmp_path / "incoming").iterdir()) == []


class Half(Pieces):
    """A form of which half comes, and then nothing."""

    def __init__(self, directory: Path) -> None:
        super().__init__(2, b"x" * 100_000)
        self.is_half = asyncio.Event()

    async def _receive(self) -> dict[str, Any]:
        if self.taken > 1:
            self.is_half.set()
            await asyncio.Event().wait()
        return await super()._receive()

    async def send(self, incoming: Incoming) -> Form:
        scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}
        return await read_form(Request(scope, self._receive), incoming, LIMIT)


def test_what_nobody_writes_to_is_swept_up_by_its_age(tmp_path: Path) -> None:
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    for directory in (old, new):
        directory.mkdir(parents=True)
        (directory / "film.mp4").write_bytes(b"x")
    for path in (old / "film.mp4", old):
        os.utime(path, (time.time() - 3600,) * 2)

    async def run() -> None:
        incoming = Incoming(tmp_path)
        # Of another request, however long it has paused.
        async with incoming.directory(lambda: None) as open_one:
            open_one.mkdir()
            os.utime(open_one, (0, 0))
            await incoming.sweep()
            assert open_one.exists()
        await incoming.close()

    asyncio.run(run())
    assert [path.name for path in (tmp_path / "incoming").iterdir()] == ["new"]


def test_a_full_queue_is_told_before_the_body(tmp_path: Path) -> None:
    with listening(tmp_path, service=FakeService(max_queued=0)) as there:
        host, port = there.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(
                f"POST /v1/workflows HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 250000\r\n"
                "Expect: 100-continue\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
            )
            assert client.recv(100).startswith(b"HTTP/1.1 429 ")
    assert list((tmp_path / "work").rglob("*.mp4")) == []
