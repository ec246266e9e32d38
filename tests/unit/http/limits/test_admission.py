"""How many requests are answered at the same time, and how slowly they may come."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.service_clients import KEY, Listening, listening
from yivideo_ray.http.limits.bodies import Pace

OTHER_KEY = "another-key-of-the-tests"
FORM = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n"
JSON = "Content-Type: application/json\r\nContent-Length: 100\r\n"


@contextmanager
def half_sent(
    there: Listening, count: int, head: str = FORM, path: str = "POST /v1/workflows"
) -> Iterator[list[socket.socket]]:
    """Yields clients that have sent the head of a request and three bytes of its body."""
    host, port = there.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in range(count)]
        for client in clients:
            client.sendall(f"{path} HTTP/1.1\r\nHost: {host}:{port}\r\n{head}\r\n--x".encode())
        time.sleep(0.3)
        yield clients


def status_of(client: socket.socket) -> int:
    answer = client.recv(4096)
    return int(answer.split()[1]) if answer else 0


@contextmanager
def client_of(there: Listening, key: str = "") -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx2.Client(base_url=there.url, trust_env=False, headers=headers, timeout=10) as client:
        yield client


def test_one_request_too_many_is_refused_at_once_and_it_still_says_that_it_lives(tmp_path: Path) -> None:
    with listening(tmp_path, max_ongoing_requests=3) as there, half_sent(there, 3, JSON), client_of(there) as client:
        began = time.monotonic()
        answer = client.get("/v1/queue")
        assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        assert int(answer.headers["retry-after"]) > 0
        assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
        assert time.monotonic() - began < 2


def test_places_are_free_again_when_their_clients_have_gone(tmp_path: Path) -> None:
    with listening(tmp_path, max_ongoing_requests=3) as there, client_of(there) as client:
        with half_sent(there, 3, JSON):
            assert client.get("/v1/queue").status_code == 429
        deadline = time.monotonic() + 5
        while client.get("/v1/queue").status_code == 429:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_uploads_and_watchers_have_shares_that_leave_room_for_others(tmp_path: Path) -> None:
    with listening(tmp_path, max_uploads=2, max_watchers=1) as there, client_of(there) as client:
        body = {"video_path": str(there.videos / "film.mp4")}
        workflow_id = client.post("/v1/workflows", json=body).json()["workflow_id"]
        events = f"/v1/workflows/{workflow_id}/events"
        with half_sent(there, 2), client.stream("GET", events) as watched:
            assert watched.status_code == 200
            assert client.post("/v1/workflows", files={"video": ("a.mp4", b"x")}).status_code == 429
            assert client.get(events).status_code == 429
            assert client.post("/v1/workflows", json=body).status_code == 202


def test_one_key_leaves_room_for_another(tmp_path: Path) -> None:
    head = f"{JSON}Authorization: Bearer {KEY}\r\n"
    with listening(tmp_path, keys=(KEY, OTHER_KEY), max_requests_per_key=2) as there, half_sent(there, 2, head):
        with client_of(there, KEY) as client:
            assert client.get("/v1/queue").status_code == 429
        with client_of(there, OTHER_KEY) as client:
            assert client.get("/v1/queue").status_code == 200
        # Whoever has no key takes none of the places.
        with client_of(there, "not-a-key-of-the-tests") as client:
            assert client.get("/v1/queue").status_code == 401


@pytest.mark.parametrize("head", [FORM, JSON])
def test_a_body_that_stops_coming_is_answered_and_leaves_nothing(tmp_path: Path, head: str) -> None:
    with listening(tmp_path, receive_timeout_s=0.3) as there, half_sent(there, 1, head) as (client,):
        began = time.monotonic()
        assert status_of(client) == 408
        assert time.monotonic() - began < 5
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []


def test_a_slow_body_that_keeps_the_least_rate_has_all_the_time_that_it_needs(tmp_path: Path) -> None:
    with listening(tmp_path, receive_timeout_s=0.5, min_upload_bytes_per_s=1000) as there:
        body = (
            b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n'
            + b"x" * 2500
            + b"\r\n--x--\r\n"
        )
        head = f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n"
        with half_sent(there, 1, head) as (client,):
            for start in range(3, len(body), 500):
                client.sendall(body[start : start + 500])
                time.sleep(0.3)
            assert status_of(client) == 202


def test_a_pace_is_a_pause_at_first_and_then_a_least_rate() -> None:
    pace = Pace(20, 4096)
    assert pace.left_s(0, 0) == 20
    assert pace.left_s(20, 0) == 0
    assert pace.left_s(1020, 1000 * 4096) == 0


def test_a_stream_on_which_nothing_happens_is_ended(tmp_path: Path) -> None:
    with listening(tmp_path, watch_idle_s=1) as there, client_of(there) as client:
        answer = client.post("/v1/workflows", json={"video_path": str(there.videos / "film.mp4")})
        assert client.get(f"/v1/workflows/{answer.json()['workflow_id']}/events").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/openapi.json", "/v1/queue"])
def test_head_is_answered_as_get_without_the_body(tmp_path: Path, path: str) -> None:
    with listening(tmp_path) as there, client_of(there) as client:
        asked, got = client.head(path), client.get(path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
        # The connection is still good for the next.
        assert client.get(path).status_code == 200
