"""`serve run serve.app:build` from a checkout, as somebody who knows Ray Serve types it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.cluster.test_command import ROOT, environment
from yivideo_ray.runtime import cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]

SERVE = str(Path(sys.executable).with_name("serve"))
# The command listens where Serve does by default.
URL = "http://127.0.0.1:8000"
KEY = "a long random word"
LIMIT_S = 150


def serve_run(tmp_path: Path, **more: str) -> subprocess.Popen[str]:
    # A Ray of its own: without an address it would join whichever one of another test it finds on the machine.
    own = {**cluster.LOCAL_ENVIRONMENT, "RAY_ADDRESS": "local"}
    env = {**environment(tmp_path, HOME=str(tmp_path)), **own, **more}
    # What runs the tests in the background may have it ignore Ctrl-C, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [SERVE, "run", "serve.app:build"], stdout=log, stderr=log, text=True, env=env, cwd=ROOT
        )
    signal.signal(signal.SIGINT, before)
    return process


# It starts a whole Ray, with its dashboard.
@pytest.mark.slow
def test_it_serves_those_who_have_a_key_and_closes_in_order(tmp_path: Path) -> None:
    process = serve_run(
        tmp_path,
        YIVIDEO_SERVE__KEYS=f'["{KEY}"]',
        YIVIDEO_STORAGE__ALLOWED_ROOTS=f'["{ROOT / "samples"}"]',
    )
    try:
        with httpx2.Client(base_url=URL, trust_env=False, timeout=30) as client:
            deadline = time.monotonic() + LIMIT_S
            while not _lives(client):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
            assert client.get("/v1/workflows").status_code == 401
            client.headers["Authorization"] = f"Bearer {KEY}"
            # The name that others reach it by is Serve's affair.
            client.headers["Host"] = "videos.example.org"
            made = client.post("/v1/workflows", json={"video_path": str(ROOT / "samples" / "demo.mp4")})
            assert made.status_code == 202, made.text
            while client.get(made.json()["links"]["self"]).json()["state"] != "SUCCESS":
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert client.get("/readyz").json() == {"status": "ready"}
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait(30)
    # A service that was closed leaves a database that is whole: SQLite takes its journal in.
    assert {path.name for path in (tmp_path / "work").glob("workflows.sqlite*")} <= {
        "workflows.sqlite",
        "workflows.sqlite.lock",
    }


def _lives(client: httpx2.Client) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return client.get("/livez").status_code == 200
    return False


def test_without_keys_it_says_so_before_it_starts_anything(tmp_path: Path) -> None:
    process = serve_run(tmp_path, RAY_TMPDIR=str(tmp_path / "rays"))
    assert process.wait(120) != 0
    assert (tmp_path / "log").read_text().splitlines()[-1].partition("SERVICE_EXPOSED: ")[2]
    assert not (tmp_path / "rays").exists()
