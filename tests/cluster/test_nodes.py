"""A cluster of several nodes: the one with the actor is lost, and several actors share the work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_command import command, environment
from tests.support.gpu_driver import calls_begun
from tests.support.nodes import nodes
from tests.support.text_pictures import TEXTS, pattern_video

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(280)]

DEADLINE_S = 120


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("videos")
    first = pattern_video(directory / "film-0.mp4", TEXTS)
    return [first, *(Path(shutil.copy(first, directory / f"film-{number}.mp4")) for number in range(1, 4))]


def begun(log: Path, enough: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + DEADLINE_S
    while len(calls := calls_begun(log)) < enough:
        assert time.monotonic() < deadline, "too few calls began"
        time.sleep(0.05)
    return calls


def results(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("*.srt")}


def test_a_lost_node_costs_time_and_no_result_another_takes_over(videos: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = environment(
        tmp_path,
        {"recognize_s": 0.4, "log": str(log)},
        YIVIDEO_PIPELINE__CHUNK_S="3",
        YIVIDEO_PIPELINE__CROPS_PER_CALL="2",
    )
    with nodes(1) as cluster:
        env |= cluster.environment
        whole = subprocess.run(
            command("run", *videos, "-o", tmp_path / "whole"), capture_output=True, text=True, env=env, check=False
        )
        assert whole.returncode == 0, whole.stderr
        assert len(results(tmp_path / "whole")) == len(videos)
        cluster.add()
        before = len(calls_begun(log))
        told = tmp_path / "told.log"
        with told.open("w") as out:
            running = subprocess.Popen(
                command("run", *videos, "--again", "-o", tmp_path / "again"), env=env, stdout=out, stderr=out
            )
        lost = cluster.node_of(begun(log, before + 3)[-1]["pid"])
        cluster.lose(lost)
        assert running.wait(DEADLINE_S) == 0, told.read_text()
        after = calls_begun(log)[-1]["pid"]
        assert cluster.node_of(after) is not lost
        assert results(tmp_path / "again") == results(tmp_path / "whole")
        warnings = [json.loads(line) for line in told.read_text().splitlines() if '"warning"' in line]
        assert "ACTOR_LOST" in {warning["data"].get("code") for warning in warnings}


POOL = """
import json, sys
from pathlib import Path
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Job
from yivideo_ray.runtime.session import Session
with Session(Settings()) as opened:
    outcomes = opened.run([Job(Path(path), output_dir=Path(sys.argv[1])) for path in sys.argv[2:]], lambda event: None)
    print(json.dumps({"errors": [outcome.error for outcome in outcomes], "actors": opened.status()["gpu_actors"]}))
"""


def _status(env: dict[str, str]) -> list[dict[str, Any]]:
    """Returns what another process is told of the actors."""
    asked = subprocess.run(command("status"), capture_output=True, text=True, env=env, timeout=DEADLINE_S, check=False)
    actors: list[dict[str, Any]] = json.loads(asked.stdout)["gpu_actors"]
    assert asked.returncode == (0 if any(actor["ready"] for actor in actors) else 1)
    return actors


def test_several_actors_on_several_nodes_share_the_calls(videos: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = environment(tmp_path, {"recognize_s": 0.3, "log": str(log)}, YIVIDEO_GPU__ACTORS="auto")
    with nodes(2) as cluster:
        env |= cluster.environment
        ran = subprocess.run(
            [sys.executable, "-c", POOL, str(tmp_path / "out"), *map(str, videos)],
            capture_output=True,
            text=True,
            env=env,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout.splitlines()[-1])
        assert found["errors"] == [None] * len(videos)
        first, second = found["actors"]
        assert first["node"] != second["node"]
        assert min(actor["calls"]["done"] for actor in (first, second)) >= 2
        assert max(actor["calls"]["most_at_once"] for actor in (first, second)) == 1
        assert [actor["state"] for actor in _status(env)] == ["ready", "ready"]
        assert [actor["state"] for actor in _status({**env, "YIVIDEO_GPU__MAILBOX_SIZE": "7"})] == ["absent"] * 2
        refused = subprocess.run(
            command("run", videos[0], "--again", "-o", tmp_path / "none"),
            capture_output=True,
            text=True,
            env={**env, "YIVIDEO_GPU__ACTORS": "3"},
            timeout=DEADLINE_S,
            check=False,
        )
        assert refused.returncode == 1
        assert "DEVICE_UNAVAILABLE: gpu.actors is 3, and the cluster has 2 GPUs." in refused.stderr
    assert len(set(results(tmp_path / "out").values())) == 1
