"""The command as a Ray job, on a cluster with a dashboard that this test starts and ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cluster.test_command import ROOT, environment
from tests.support.nodes import RAY, started_ray
from tests.support.serving import free_port
from tests.support.text_pictures import TEXTS, pattern_video
from yivideo_ray.runtime import cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """Yields the address of a dashboard."""
    port = free_port()
    # Whether a cluster asks for a token is its operator's affair; this one doesn't.
    operators = {"RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    options = ("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}")
    with started_ray({**os.environ, **cluster.LOCAL_ENVIRONMENT, **operators}, *options):
        address = f"http://127.0.0.1:{port}"
        _wait_until_it_takes_jobs(address)
        yield address


def _wait_until_it_takes_jobs(address: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/jobs/", timeout=5):
            return
        time.sleep(0.5)
    pytest.fail("the dashboard does not answer")


def job(dashboard: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RAY, "job", arguments[0], "--address", dashboard, *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
    )


def submit(dashboard: str, env: dict[str, str], *arguments: str, wait: bool = True) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in env.items() if name.startswith("YIVIDEO_")}
    # Ray would kill a job 3 s after asking it to end; draining alone may take 30 s.
    runtime_env = json.dumps({"env_vars": {**ours, "PYTHONPATH": str(ROOT), "RAY_JOB_STOP_WAIT_TIME_S": "120"}})
    options = ["--runtime-env-json", runtime_env, *([] if wait else ["--no-wait", "--submission-id", "service"])]
    return job(dashboard, "submit", *options, "--", sys.executable, "-m", "yivideo_ray", *arguments)


def test_a_submitted_job_joins_its_cluster_and_writes_the_result(dashboard: str, tmp_path: Path) -> None:
    made = pattern_video(tmp_path / "made.mp4", TEXTS)
    video = Path(shutil.move(made, tmp_path / "film.mp4"))
    result = submit(dashboard, environment(tmp_path), "run", str(video))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line for line in video.with_suffix(".srt").read_text().splitlines() if line in TEXTS] == list(TEXTS)


def test_a_submitted_job_that_fails_says_so_with_its_exit_code(dashboard: str, tmp_path: Path) -> None:
    result = submit(dashboard, environment(tmp_path), "run", str(tmp_path / "missing.mp4"))
    assert result.returncode != 0
    assert "INPUT_NOT_FOUND" in result.stdout + result.stderr


def test_the_service_runs_as_a_job_until_the_job_is_stopped(dashboard: str, tmp_path: Path) -> None:
    video = pattern_video(tmp_path / "film.mp4", TEXTS)
    port = free_port()
    env = environment(
        tmp_path, YIVIDEO_SERVE__PORT=str(port), YIVIDEO_STORAGE__ALLOWED_ROOTS=json.dumps([str(tmp_path)])
    )
    started = submit(dashboard, env, "serve", wait=False)
    assert started.returncode == 0, started.stdout + started.stderr
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        _until(lambda: client.get("/livez").status_code == 200)
        workflow_id = client.post("/v1/workflows", json={"video_path": str(video)}).json()["workflow_id"]
        _until(lambda: client.get(f"/v1/workflows/{workflow_id}").json()["state"] == "SUCCESS")
        read = client.get(f"/v1/workflows/{workflow_id}/subtitles.txt").text.splitlines()
        assert [line for line in read if line in TEXTS] == list(TEXTS)
        stopped = job(dashboard, "stop", "service")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        logs = job(dashboard, "logs", "service").stdout
        assert "Stopped." in logs, logs
        with pytest.raises(httpx2.ConnectError):
            client.get("/livez")


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if holds():
                return
        time.sleep(0.5)
    pytest.fail("it does not come to that")
