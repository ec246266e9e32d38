"""A cluster that somebody else started, whose own environment has none of the switches: our workers there have them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.serving import free_port
from yivideo_ray.privacy import SWITCHES
from yivideo_ray.runtime import cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]
# What the processes were started with, before anything was imported there.
DRIVER = """\
import json
import ray
from ray import serve
from yivideo_ray.runtime import cluster

joined = cluster.start("privacy")
assert joined.joined

def started_with():
    pairs = (entry.partition("=") for entry in open("/proc/self/environ").read().split("\\0"))
    return {name: value for name, _, value in pairs}

class Actor:
    def started_with(self):
        return started_with()

    def __call__(self):
        return started_with()

task = ray.get(ray.remote(started_with).remote())
actor = ray.get(ray.remote(Actor).remote().started_with.remote())
serve.start(http_options={"location": "NoServer"})
replica = serve.run(serve.deployment(Actor).bind(), name="privacy", route_prefix=None).remote().result()
print(json.dumps({"task": task, "actor": actor, "replica": replica}))
cluster.stop(joined)
"""


@pytest.fixture
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    ours = {name: value for name, value in cluster.LOCAL_ENVIRONMENT.items() if name not in SWITCHES}
    return {**kept, **ours, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def address(environment: dict[str, str]) -> Iterator[str]:
    """Yields the address of a Ray that has ports of its own, for the cluster of the other tests has the usual ones."""
    port = free_port()
    # Sockets lie below it, and their paths may have 107 bytes.
    temporary = tempfile.mkdtemp(prefix="r", dir="/tmp")
    ports = (
        f"--port={port}",
        f"--dashboard-agent-listen-port={free_port()}",
        f"--ray-client-server-port={free_port()}",
    )
    options = ("--node-ip-address=127.0.0.1", "--num-cpus=2", "--object-store-memory=150000000")
    quiet = ("--include-dashboard=false", "--disable-usage-stats")
    head = subprocess.Popen(
        [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", *ports, *options, *quiet],
        env={**environment, "RAY_TMPDIR": temporary},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        # Asked to end, Ray would wait half a minute for its own processes.
        leading = psutil.Process(head.pid)
        for process in [*leading.children(recursive=True), leading]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        head.wait(60)
        shutil.rmtree(temporary, ignore_errors=True)


def test_tasks_actors_and_replicas_on_a_joined_cluster_start_with_the_switches(
    address: str, environment: dict[str, str], tmp_path: Path
) -> None:
    _until_it_listens(address)
    done = subprocess.run(
        [sys.executable, "-P", "-c", DRIVER],
        env={**environment, "RAY_ADDRESS": address},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    started_with = json.loads(done.stdout.splitlines()[-1])
    assert started_with.keys() == {"task", "actor", "replica"}
    for process, found in started_with.items():
        assert {name: found.get(name) for name in SWITCHES} == SWITCHES, process


def _until_it_listens(address: str) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        assert time.monotonic() < deadline, "Ray did not start"
        time.sleep(0.2)
