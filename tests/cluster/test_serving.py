"""The app on Ray Serve, with services that do no work: started, asked, stopped."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.cluster.test_command import ROOT, environment
from tests.support.fake_service import SLOW_S
from tests.support.serving import Served, free_port, served

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]

COMMAND = """
import sys
from tests.support import fake_service
from yivideo_ray.cli.serve import serve_until_stopped
from yivideo_ray.cli.arguments import take_stdout
from yivideo_ray.config import Settings
serve_until_stopped(Settings(), take_stdout(), getattr(fake_service, sys.argv[1]))
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yields one that takes SLOW_S to show a workflow. The last test of this module stops it."""
    env = environment(
        tmp_path_factory.mktemp("slow"),
        YIVIDEO_SERVE__PORT=str(free_port()),
        YIVIDEO_SERVE__MAX_UPLOAD_BYTES=str(30_000_000),
        YIVIDEO_STORAGE__ALLOWED_ROOTS=f'["{ROOT / "samples"}"]',
    )
    with served([sys.executable, "-c", COMMAND, "slow"], env, ROOT) as found:
        yield found


def submit(slow: Served) -> str:
    answer = slow.client.post("/v1/workflows", json={"video_path": str(ROOT / "samples" / "demo.mp4")})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["workflow_id"])


def test_it_answers_through_ray_serve_as_the_app_does_alone(slow: Served) -> None:
    assert slow.client.get("/livez").json() == {"status": "alive"}
    missing = slow.client.get("/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")
    assert missing.headers["content-type"] == "application/problem+json"
    assert slow.client.get("/livez", headers={"Host": "evil.example"}).status_code == 421


def test_all_that_listens_does_so_on_loopback(slow: Served) -> None:
    ours = [process for process in psutil.process_iter() if _of_session(process, slow.process.pid)]
    assert len(ours) > 5
    listening = [
        connection.laddr.ip
        for process in ours
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address for address in listening if not _is_loopback(address)} == set()


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _of_session(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except OSError:
        return False


def test_an_upload_is_streamed_to_disk_and_a_larger_one_refused(slow: Served, tmp_path: Path) -> None:
    film = tmp_path / "large.mp4"
    film.write_bytes(b"x" * 20_000_000)
    with film.open("rb") as file:
        answer = slow.client.post("/v1/workflows", files={"video": file})
    assert answer.status_code == 202, answer.text
    kept = Path(answer.json()["video"])
    assert kept.stat().st_size == 20_000_000
    with film.open("ab") as file:
        file.write(b"x" * 12_000_000)
    curl = subprocess.run(
        ["curl", "--silent", "--form", f"video=@{film}", f"{str(slow.client.base_url).rstrip('/')}/v1/workflows"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"code":"UPLOAD_TOO_LARGE"' in curl.stdout
    assert [path for path in kept.parents[1].rglob("*") if path.is_file()] == [kept]


def test_many_watch_at_once_and_others_are_answered(slow: Served) -> None:
    workflow_id = submit(slow)
    with contextlib.ExitStack() as stack:
        limits = httpx2.Limits(max_connections=200)
        client = stack.enter_context(httpx2.Client(base_url=slow.url, trust_env=False, limits=limits))
        began = time.monotonic()
        threads = [threading.Thread(target=_watch_a_while, args=(client, workflow_id)) for _ in range(60)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert slow.client.get("/livez").status_code == 200
        assert time.monotonic() - began < SLOW_S
        for thread in threads:
            thread.join(30)


def _watch_a_while(client: httpx2.Client, workflow_id: str) -> None:
    with (
        contextlib.suppress(httpx2.ReadTimeout),
        client.stream("GET", f"/v1/workflows/{workflow_id}/events", timeout=SLOW_S + 2) as answer,
    ):
        answer.read()


def test_a_stop_answers_what_is_in_flight_ends_watching_and_leaves_nothing(slow: Served) -> None:
    workflow_id = submit(slow)
    codes: dict[str, int] = {}

    def ask(path: str) -> None:
        codes[path] = slow.client.get(path, timeout=60).status_code

    shown, watched = f"/v1/workflows/{workflow_id}", f"/v1/workflows/{workflow_id}/events"
    threads = [threading.Thread(target=ask, args=(path,)) for path in (shown, watched)]
    threads[1].start()
    time.sleep(SLOW_S + 1)
    threads[0].start()
    time.sleep(0.5)
    assert slow.stop() == 0
    for thread in threads:
        thread.join(10)
    assert codes == {shown: 200, watched: 200}
    assert slow.told[-1] == "Stopped.\n"
    assert [line for line in slow.told if "Traceback" in line or "INFO" in line or "Warning" in line] == []
    deadline = time.monotonic() + 60
    while [process for process in psutil.process_iter() if _of_session(process, slow.process.pid)]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_service_that_can_not_start_says_why_in_one_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "broken"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=environment(tmp_path, YIVIDEO_SERVE__PORT=str(free_port())),
        cwd=ROOT,
    )
    assert result.returncode != 0
    assert "STORAGE_UNAVAILABLE: The service could not be started: The database is elsewhere." in result.stderr


def test_a_port_that_somebody_has_is_told_before_ray_starts(tmp_path: Path) -> None:
    of_ray = tmp_path / "ray"
    of_ray.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = subprocess.run(
            [sys.executable, "-m", "yivideo_ray", "serve", "--port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment(tmp_path, RAY_TMPDIR=str(of_ray)),
            cwd=tmp_path,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("ADDRESS_IN_USE: ")
    assert len(result.stderr.splitlines()) == 1
    # A Ray that starts makes a directory there first.
    assert list(of_ray.iterdir()) == []
