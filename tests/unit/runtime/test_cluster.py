"""How many cores a cluster has, the CPU that a local Ray counts beyond them, and what keeps others out of it."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from yivideo_ray.cores import available_cores
from yivideo_ray.errors import CallError
from yivideo_ray.runtime import cluster

IS_CONNECTED = cluster._is_connected


class FakeRay:
    """Ray as far as a cluster is started or joined with it. resources: what it has if it is not told."""

    def __init__(self, resources: dict[str, float], connected: bool = False) -> None:
        self.resources = resources
        self.connected = connected
        self.options: dict[str, Any] = {}
        self.failures: list[Exception] = []
        self.shut_down = 0
        self.swept: list[Path] = []

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, *, num_cpus: int | None = None, resources: dict[str, float] | None = None, **more: Any) -> None:
        self.options = more
        if self.failures:
            raise self.failures.pop(0)
        if num_cpus is not None:
            self.resources = {"CPU": float(num_cpus), **(resources or {})}

    def shutdown(self) -> None:
        self.shut_down += 1

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def nodes(self) -> list[dict[str, bool]]:
        return [{"Alive": True}]


def given(monkeypatch: pytest.MonkeyPatch, address: str | None, **resources: float) -> FakeRay:
    ray = FakeRay(resources)
    monkeypatch.setattr(cluster, "_import_ray", lambda: ray)
    # Another test of this process may have left a real one connected.
    monkeypatch.setattr(cluster, "_is_connected", lambda: ray.connected)
    monkeypatch.setattr(cluster, "_require_listener", lambda _: None)
    # Those of real ones.
    monkeypatch.setattr(cluster, "sweep_sessions", ray.swept.append)
    # start sets some.
    monkeypatch.setattr(os, "environ", {"RAY_ADDRESS": address} if address else {})
    return ray


def test_a_local_ray_counts_one_cpu_more_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = given(monkeypatch, None)
    started = cluster.start()
    assert [str(directory) for directory in ray.swept] == [ray.options["_temp_dir"]]
    assert ray.resources["CPU"] == available_cores() + 1
    assert (started.cpus, started.has_spare) == (available_cores(), True)
    assert cluster.cpus_now(started) == available_cores()


def test_what_ray_prints_of_its_processes_is_logged_instead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    worker: Any = importlib.import_module("ray._private.worker")
    # It is what Ray's own thread calls.
    assert "print_to_stdstream(" in inspect.getsource(worker.listen_error_messages)
    monkeypatch.setattr(worker, "print_to_stdstream", worker.print_to_stdstream)
    given(monkeypatch, None)
    caplog.set_level("INFO", "yivideo_ray")
    cluster.start()
    worker.print_to_stdstream({"lines": ["A worker\ndied."], "pid": "raylet", "is_err": False}, ignore_prefix=False)
    assert caplog.messages == ["Ray: A worker died."]
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("no_waits")
def test_a_local_ray_that_does_not_come_up_is_started_again_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = given(monkeypatch, None)
    ray.failures = [TimeoutError("no agent"), TimeoutError("no agent")]
    assert cluster.start().cpus == available_cores()
    assert ray.shut_down == 2
    ray.failures = [TimeoutError("no agent")] * 3
    with pytest.raises(CallError, match=r"A local Ray could not be started: no agent\."):
        cluster.start()
    assert ray.failures == []


def test_somebody_elses_ray_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = given(monkeypatch, "127.0.0.1:6379", CPU=3.0)
    ray.failures = [ConnectionError("gone")] * 2
    with pytest.raises(CallError, match="could not be joined: gone"):
        cluster.start()
    assert len(ray.failures) == 1


def test_whoever_joins_it_counts_the_cores_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "127.0.0.1:6379", CPU=3.0, spare_cpu=1.0)
    joined = cluster.start()
    assert (joined.cpus, joined.has_spare, cluster.cpus_now(joined)) == (2, True, 2)


def test_a_cluster_that_has_none_to_spare_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = given(monkeypatch, "127.0.0.1:6379", CPU=16.0)
    joined = cluster.start()
    assert (joined.cpus, joined.has_spare) == (16, False)
    ray.resources = {"CPU": 48.0}
    assert cluster.cpus_now(joined) == 48
    ray.resources = {}
    assert cluster.cpus_now(joined) == 16


def test_a_cluster_whose_nodes_are_still_to_come_counts_as_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "127.0.0.1:6379")
    assert cluster.start().cpus == 1


def test_a_local_ray_asks_for_a_random_token_that_is_in_the_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, None)
    cluster.start()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert re.fullmatch("[0-9a-f]{64}", os.environ["RAY_AUTH_TOKEN"])


def test_the_token_of_a_cluster_that_is_joined_is_its_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "127.0.0.1:6379", CPU=3.0)
    cluster.start()
    assert [name for name in os.environ if name.startswith("RAY_AUTH")] == []


def test_a_worker_of_a_ray_keeps_the_environment_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, None)
    connected = FakeRay({"CPU": 3.0}, connected=True)
    monkeypatch.setattr(cluster, "_is_connected", IS_CONNECTED)
    monkeypatch.setitem(sys.modules, "ray", connected)
    monkeypatch.setattr(cluster, "_import_ray", lambda: connected)
    os.environ["RAY_AUTH_MODE"] = "disabled"
    assert cluster.start().joined
    assert (os.environ["RAY_AUTH_MODE"], "RAY_AUTH_TOKEN" in os.environ) == ("disabled", False)


def test_rays_files_are_where_nobody_else_may_enter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ray = given(monkeypatch, None)
    os.environ["RAY_TMPDIR"] = str(tmp_path)
    cluster.start()
    parent = Path(ray.options["_temp_dir"]).parent
    assert parent.parent == tmp_path
    assert parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_somebody_else_made_for_rays_files_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, None)
    os.environ["RAY_TMPDIR"] = str(tmp_path)
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / f"yivideo-{os.geteuid()}").symlink_to(tmp_path / "theirs")
    with pytest.raises(CallError, match="Ray can't keep its sockets") as refused:
        cluster.start()
    assert "RAY_TMPDIR" in refused.value.remedy


@pytest.mark.parametrize(
    ("device", "counted", "said"),
    [(True, (0, False), True), (False, (0, False), False), (True, (0, True), False), (True, (1, False), False)],
)
def test_a_gpu_that_ray_does_not_count_is_named_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: bool, counted: tuple[int, bool], said: bool
) -> None:
    file = tmp_path / "nvidia0"
    if device:
        file.touch()
    monkeypatch.setattr(cluster, "GPU_DEVICE", file)
    gpus, joined = counted
    found = cluster.Cluster(cpus=1, gpus=gpus, nodes=1, joined=joined, connected_here=True, namespace="n")
    assert ("libnvidia-ml.so.1" in cluster.no_gpu(found)) is said
