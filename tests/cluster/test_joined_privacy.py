"""A cluster that somebody else started, whose own environment has none of the switches: our workers there have them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nodes import started_ray
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
    with started_ray(environment, "--include-dashboard=false") as started:
        yield started


def test_tasks_actors_and_replicas_on_a_joined_cluster_start_with_the_switches(
    address: str, environment: dict[str, str], tmp_path: Path
) -> None:
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
