"""How many cores a cluster has, and the CPU that a local Ray counts beyond them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from yivideo_ray.cores import available_cores
from yivideo_ray.runtime import cluster


class FakeRay:
    """Ray as far as a cluster is started or joined with it. resources: what it has if it is not told."""

    def __init__(self, resources: dict[str, float]) -> None:
        self.resources = resources

    def is_initialized(self) -> bool:
        return False

    def init(self, *, num_cpus: int | None = None, resources: dict[str, float] | None = None, **_: Any) -> None:
        if num_cpus is not None:
            self.resources = {"CPU": float(num_cpus), **(resources or {})}

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def nodes(self) -> list[dict[str, bool]]:
        return [{"Alive": True}]


def given(monkeypatch: pytest.MonkeyPatch, address: str | None, **resources: float) -> FakeRay:
    ray = FakeRay(resources)
    monkeypatch.setattr(cluster, "_import_ray", lambda: ray)
    monkeypatch.setattr(cluster, "_require_listener", lambda _: None)
    # start sets some.
    monkeypatch.setattr(os, "environ", {"RAY_ADDRESS": address} if address else {})
    return ray


def test_a_local_ray_counts_one_cpu_more_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = given(monkeypatch, None)
    started = cluster.start()
    assert ray.resources["CPU"] == available_cores() + 1
    assert (started.cpus, started.has_spare) == (available_cores(), True)
    assert cluster.cpus_now(started) == available_cores()


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
