"""What Serve's proxy is given: time limits for heads and bodies, and nothing of Serve's own to see."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn.config

from tests.support.fake_service import FakeService
from tests.support.service_clients import Listening, listening
from tests.unit.http.limits.test_admission import FORM, JSON, client_of, half_sent, status_of
from yivideo_ray.config import ServeSettings
from yivideo_ray.http.limits import proxy
from yivideo_ray.http.limits.proxy import BUFFER_BYTES, HEAD_BYTES, TimedConnection

ASK_FIRST = f"Expect: 100-continue\r\n{FORM}"


@contextmanager
def connected(there: Listening) -> Iterator[socket.socket]:
    host, port = there.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        yield client


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /livez HTTP/1.1\r\nHost: loc", b"\r\n"])
def test_a_head_that_does_not_come_ends_its_connection(tmp_path: Path, sent: bytes) -> None:
    with listening(tmp_path, guarded=True, receive_timeout_s=0.4) as there, connected(there) as client:
        client.sendall(sent)
        began = time.monotonic()
        assert status_of(client) == 408
        assert client.recv(1) == b""
        assert time.monotonic() - began < 5


def test_the_second_head_of_a_connection_has_the_same_limit(tmp_path: Path) -> None:
    with listening(tmp_path, guarded=True, receive_timeout_s=0.4) as there, connected(there) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b"alive" not in answer:
            answer += client.recv(4096)
        client.sendall(b"GET /livez HT")
        assert status_of(client) == 408


def test_a_connection_that_is_used_outlives_the_limit(tmp_path: Path) -> None:
    with listening(tmp_path, guarded=True, receive_timeout_s=0.3) as there, client_of(there) as client:
        for _ in range(4):
            assert client.get("/livez").status_code == 200
            time.sleep(0.2)


def test_a_head_without_end_is_cut(tmp_path: Path) -> None:
    with listening(tmp_path, guarded=True) as there, connected(there) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(HEAD_BYTES // 1000 + 10):
                client.sendall(b"x" * 1000)
        assert b" 431 " in received(client)


def received(client: socket.socket) -> bytes:
    """Returns the first bytes of an answer, also on a connection that is reset behind it."""
    with contextlib.suppress(ConnectionError):
        return client.recv(100)
    return b""


def test_slow_bodies_take_no_place_until_there_is_something_of_them(tmp_path: Path) -> None:
    """Twenty slow senders where four requests may be open."""
    with ExitStack() as stack:
        there = stack.enter_context(listening(tmp_path, guarded=True, max_ongoing_requests=4, receive_timeout_s=1))
        senders = [sender for head in (FORM, JSON) for sender in stack.enter_context(half_sent(there, 10, head))]
        client = stack.enter_context(client_of(there))
        answer = client.post("/v1/workflows", json={"video_path": str(there.videos / "film.mp4")})
        assert answer.status_code == 202
        assert [status_of(sender) for sender in senders] == [408] * 20
    assert len(there.service.requests) == 1


@pytest.mark.parametrize("size", [0, BUFFER_BYTES - 1, BUFFER_BYTES, 5 * BUFFER_BYTES])
def test_bodies_arrive_as_they_were_sent(tmp_path: Path, size: int) -> None:
    with listening(tmp_path, guarded=True) as there, client_of(there) as client:
        content = bytes(number % 251 for number in range(size))
        answer = client.post("/v1/workflows", files={"video": ("film.mp4", content)})
        assert answer.status_code == 202
        assert Path(answer.json()["video"]).read_bytes() == content
        # The same connection serves the next.
        assert client.get("/livez").status_code == 200


def test_who_asks_first_is_refused_from_the_head(tmp_path: Path) -> None:
    full = FakeService(max_queued=0)
    with listening(tmp_path, guarded=True, service=full) as there, half_sent(there, 1, ASK_FIRST) as (client,):
        assert status_of(client) == 429


def test_who_is_refused_while_sending_can_read_why(tmp_path: Path) -> None:
    with listening(tmp_path, guarded=True, service=FakeService(max_queued=0)) as there, client_of(there) as client:
        for _ in range(5):
            answer = client.post("/v1/workflows", files={"video": ("film.mp4", b"x" * 3_000_000)})
            assert (answer.status_code, answer.json()["code"]) == (429, "QUEUE_FULL")


@pytest.mark.parametrize("path", ["/-/routes", "/-/healthz", "/-/"])
def test_serve_s_own_calls_are_not_found(tmp_path: Path, path: str) -> None:
    with listening(tmp_path, guarded=True) as there, client_of(there) as client:
        assert (client.get(path).status_code, client.get(path).json()["code"]) == (404, "NOT_FOUND")


def test_headers_that_serve_would_obey_do_not_reach_it() -> None:
    dropped = [
        (b"x-request-timeout-seconds", b"-1"),
        (b"x-request-disconnect-disabled", b"1"),
        (b"serve_multiplexed_model_id", b"\xff"),
        (b"serve-multiplexed-model-id", b"x"),
        (b"x-request-id", b"\xff\xfe"),
        (b"x-request-id", b"x" * 200),
    ]
    assert [pair for pair in dropped if proxy._is_for_app(*pair)] == []
    assert proxy._is_for_app(b"x-request-id", b"7f3e")
    assert proxy._is_for_app(b"authorization", b"\xff")


def test_the_environment_has_serve_take_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._common.utils import import_attr

    found = proxy.environment(ServeSettings(receive_timeout_s=7, min_upload_bytes_per_s=99))
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    assert json.loads(found[proxy.VARIABLE]) == {"timeout_s": 7, "bytes_per_s": 99}
    monkeypatch.setattr(TimedConnection, "timeout_s", 20.0)
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", "")
    (middleware,) = import_attr(found["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"])()
    assert middleware.kwargs["pace"].timeout_s == 7
    config = uvicorn.Config(lambda: None, log_config=None)
    config.load()
    assert config.http_protocol_class is TimedConnection
    assert TimedConnection.timeout_s == 7
