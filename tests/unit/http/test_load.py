"""Many at once: one workflow per key, and nothing but 202 and 429."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from tests.support.fake_service import FakeService
from tests.support.service_clients import Listening, listening


def post(there: Listening, client: httpx2.Client, key: str | None = None) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"video_path": str(there.videos / "film.mp4")}
    return client.post(f"{there.url}/v1/workflows", json=body, headers=headers)


def test_a_hundred_parallel_posts_with_one_key_make_one_workflow(tmp_path: Path) -> None:
    with listening(tmp_path) as there, httpx2.Client(trust_env=False) as client, ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: post(there, client, "one"), range(100)))
        uploads = list(pool.map(lambda _: _upload(there, client), range(30)))
    assert {answer.json()["workflow_id"] for answer in answers} == {"w1"}
    assert {answer.json()["workflow_id"] for answer in uploads} == {"w2"}
    assert len(there.service.requests) == 2
    kept = [path for path in (tmp_path / "work" / "uploads").rglob("*") if path.is_file()]
    assert kept == [there.service.requests[1].video]


def _upload(there: Listening, client: httpx2.Client) -> httpx2.Response:
    files = {"video": ("film.mp4", b"x" * 100_000)}
    return client.post(f"{there.url}/v1/workflows", files=files, headers={"Idempotency-Key": "two"})


def test_a_full_queue_turns_away_and_nothing_else_happens(tmp_path: Path) -> None:
    service = FakeService(max_queued=50)
    with listening(tmp_path, service=service) as there, ThreadPoolExecutor(20) as pool:

        def several(_: int) -> list[httpx2.Response]:
            with httpx2.Client(trust_env=False) as client:
                return [post(there, client) for _ in range(20)]

        answers = [answer for found in pool.map(several, range(20)) for answer in found]
    assert Counter(answer.status_code for answer in answers) == {202: 50, 429: 350}
    assert all(answer.headers["retry-after"] == "3" for answer in answers if answer.status_code == 429)
