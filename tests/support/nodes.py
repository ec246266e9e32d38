"""A Ray of several nodes on one machine, whose processes and nodes can be stopped and killed; a Ray as `ray start` does
it.

Each GPU node has a GPU in name only. Only processes that this cluster started are ever looked at.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.support.serving import free_port
from yivideo_ray.runtime import cluster

__all__ = ["RAY", "Nodes", "nodes", "started_ray"]

# Ray reads these when it is imported.
os.environ.update(cluster.LOCAL_ENVIRONMENT)

# A node that is gone is noticed within some 2 s, not 16.
QUICK = {"health_check_period_ms": 500, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
STORE_BYTES = 100 * 1024 * 1024
RAY = str(Path(sys.executable).with_name("ray"))


class Nodes:
    """The head has CPUs only, unless head_gpus gives it some; drivers are there. environment: what a process needs to
    join."""

    def __init__(self, gpu_nodes: int, cpus: int, head_gpus: int = 0) -> None:
        from ray.cluster_utils import Cluster

        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        with cluster.lean():
            self._cluster: Any = Cluster(
                initialize_head=True,
                connect=False,
                head_node_args={
                    "num_cpus": cpus,
                    "num_gpus": head_gpus,
                    "object_store_memory": STORE_BYTES,
                    "include_dashboard": False,
                    "_system_config": QUICK,
                },
            )
        self.environment = {**cluster.LOCAL_ENVIRONMENT, "RAY_ADDRESS": str(self._cluster.address)}
        self._gpu_nodes: list[Any] = []
        for _ in range(gpu_nodes):
            self.add()
        self._cluster.wait_for_nodes()

    def add(self) -> None:
        """Adds a node with a CPU and a GPU."""
        with cluster.lean():
            self._gpu_nodes.append(self._cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=STORE_BYTES))

    def workers(self, *titles: str) -> list[psutil.Process]:
        """Returns the worker processes of all nodes whose title begins with "ray::" and one of titles."""
        found = []
        for node in [self._cluster.head_node, *self._gpu_nodes]:
            for process in _children(_raylet(node)):
                try:
                    title = " ".join(process.cmdline())
                    alive = process.status() != psutil.STATUS_ZOMBIE
                except psutil.Error:
                    continue
                if alive and title.startswith(tuple(f"ray::{start}" for start in titles)):
                    found.append(process)
        return found

    def node_of(self, pid: int) -> Any:
        """Returns the GPU node on which a worker process runs."""
        ancestors = {parent.pid for parent in psutil.Process(pid).parents()}
        return next(node for node in self._gpu_nodes if _raylet(node) in ancestors)

    def lose(self, node: Any) -> list[int]:
        """Ends a GPU node with SIGKILL, as a machine that loses power, and returns the pids of its workers."""
        workers = _children(_raylet(node))
        raylet = psutil.Process(_raylet(node))
        # Stopped first: nobody can notice that others are gone and tell about it.
        for process in (raylet, *workers):
            _send(process, signal.SIGSTOP)
        for process in (*workers, raylet):
            _send(process, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)
        self._gpu_nodes.remove(node)
        return [worker.pid for worker in workers]

    def kill(self) -> list[int]:
        """Ends every process of every node with SIGKILL, as a power cut does, and returns their pids."""
        started = [
            found.process.pid
            for node in [self._cluster.head_node, *self._gpu_nodes]
            for processes in node.all_processes.values()
            for found in processes
        ]
        every = [psutil.Process(pid) for pid in started if psutil.pid_exists(pid)]
        every += [child for pid in started for child in _children(pid)]
        # Stopped first: nobody can notice that others are gone and tell about it.
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for process in every:
                _send(process, sent)
        psutil.wait_procs(every, timeout=10)
        return [process.pid for process in every]

    def shutdown(self) -> None:
        self._cluster.shutdown()


@contextmanager
def nodes(gpu_nodes: int, *, cpus: int = 2) -> Iterator[Nodes]:
    """Yields a cluster, which ends with the block."""
    started = Nodes(gpu_nodes, cpus)
    try:
        yield started
    finally:
        started.shutdown()


@contextmanager
def started_ray(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """Yields the address of a Ray that `ray start` has started with these options and just this environment.

    It has ports of its own, for the cluster of other tests has the usual ones, and ends with the block.
    """
    address = f"127.0.0.1:{free_port()}"
    # Sockets lie below it, and their paths may have 107 bytes.
    temporary = tempfile.mkdtemp(prefix="r", dir="/tmp")
    head = subprocess.Popen(
        [
            *(RAY, "start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={address.partition(':')[2]}"),
            *(f"--dashboard-agent-listen-port={free_port()}", f"--ray-client-server-port={free_port()}"),
            *("--num-cpus=2", "--object-store-memory=150000000", "--disable-usage-stats", *options),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**environment, "RAY_TMPDIR": temporary},
    )
    try:
        _wait_until_it_listens(head, address)
        yield address
    finally:
        # Asked to end, Ray would wait half a minute for its own processes.
        for process in _children(head.pid):
            _send(process, signal.SIGKILL)
        head.kill()
        head.wait(60)
        shutil.rmtree(temporary, ignore_errors=True)


def _wait_until_it_listens(head: subprocess.Popen[bytes], address: str) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        assert head.poll() is None, "Ray ended at once"
        assert time.monotonic() < deadline, "Ray did not start"
        time.sleep(0.2)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send(process: psutil.Process, sent: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(sent)


def _raylet(node: Any) -> int:
    from ray._private import ray_constants

    return int(node.all_processes[ray_constants.PROCESS_TYPE_RAYLET][0].process.pid)
