"""Ray started or joined, and left again. ray is imported here only when that happens."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yivideo_ray.cores import available_cores
from yivideo_ray.errors import CallError
from yivideo_ray.privacy import worker_variables
from yivideo_ray.retries import RetryPolicy, retry
from yivideo_ray.runtime.sessions import SESSIONS, private_parent, sessions_directory, sweep_sessions

__all__ = ["NAMESPACE", "Cluster", "cpus_now", "joins", "lean", "no_gpu", "start", "stop"]

NAMESPACE = "yivideo"
# Crops and sheets of one workflow take some 10 MB; the sampled frames of the area detection 13 MB.
OBJECT_STORE_BYTES = 512 * 1024 * 1024
# A local Ray counts one CPU more than there are cores: what takes a moment (stitching, cues) never waits for a chunk to
# be decoded, for chunks are given to Ray for all CPUs but that one. This resource tells whoever joins.
SPARE_CPU = "spare_cpu"
CONNECT_S = 3.0
# The first GPU of a machine, for whoever may use it.
GPU_DEVICE = Path("/dev/nvidia0")
# Ray asks whether a dashboard could run by importing this.
DASHBOARD_NEEDS = "ray.dashboard.optional_deps"
# Ray gives its agents 15 s to come up, which a machine under load, or one that reads Ray from its disk for the first
# time, may exceed; what the first attempt has read makes the second one quick.
LOCAL_ATTEMPTS = RetryPolicy(attempts=3, total_s=None, first_wait_s=0.1, longest_wait_s=0.1)

LOCAL_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # The only switch that keeps every listener on loopback.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Loopback keeps no other user of the machine out: whoever reaches Ray's control plane has code run as ours. In the
    # environment, which Ray's processes inherit and no other user may read; else Ray writes a token to ~/.ray.
    "RAY_AUTH_MODE": "token",
    # One for all that this process starts. Who started this process may have given it one, to connect from elsewhere.
    "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32),
    # Ray has all its workers at 15, those that answer requests among them; our tasks see to it themselves.
    "RAY_worker_niceness": "0",
    # A service that runs for a year fills no disk with logs; Ray's own choice is gigabytes.
    "RAY_ROTATION_MAX_BYTES": str(16 * 1024 * 1024),
    "RAY_ROTATION_BACKUP_COUNT": "2",
    # Tasks without a GPU would see all of them otherwise.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster in use. cpus: its cores; has_spare: Ray counts one CPU more, for what takes a moment. joined: it is
    somebody else's, and outlives this process. connected_here: stop lets go of it."""

    cpus: int
    gpus: float
    nodes: int
    joined: bool
    connected_here: bool
    namespace: str
    has_spare: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "cpus": self.cpus,
            "gpus": self.gpus,
            "nodes": self.nodes,
            "started_here": not self.joined,
            "namespace": self.namespace,
        }


def joins() -> bool:
    """Returns whether RAY_ADDRESS names a cluster to join."""
    return os.environ.get("RAY_ADDRESS", "") not in ("", "local")


def start(namespace: str = NAMESPACE) -> Cluster:
    """Returns the cluster: the one this process is connected to, the one RAY_ADDRESS names (Ray sets it inside a
    Ray job), or else a local one made for this process, on loopback, without a dashboard, closed to other users.

    May run in any thread. Errors: CallError CLUSTER_UNAVAILABLE.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    # Whatever asks Ray for something behind its end would start another one.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    # Of several chunks that fail alike the first one's error is told; Ray would log the tracebacks of the others.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    if joins():
        _require_listener(address)
    elif not _is_connected():
        os.environ.update(LOCAL_ENVIRONMENT)
    ray = _import_ray()
    found = ray.is_initialized()
    if not found:
        _initialize(ray, address if joins() else "local", namespace)
    resources = ray.cluster_resources()
    return Cluster(
        cpus=_cores({"CPU": 1, **resources}),
        gpus=resources.get("GPU", 0.0),
        nodes=sum(bool(node["Alive"]) for node in ray.nodes()),
        joined=joins() or found,
        connected_here=not found,
        namespace=namespace,
        has_spare=SPARE_CPU in resources,
    )


def no_gpu(cluster: Cluster) -> str:
    """Returns why the cluster has no GPU for us, as the part of a sentence: where this machine has one that the Ray
    which was started here doesn't count, it says so."""
    if not cluster.joined and not cluster.gpus and GPU_DEVICE.exists():
        return (
            f"Ray counts no GPU, though {GPU_DEVICE} is there: it needs the driver's libnvidia-ml.so.1 (in a container "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video)"
        )
    return "the cluster has no GPU"


def cpus_now(cluster: Cluster) -> int:
    """Returns how many cores the cluster has by now, for nodes come and go; as many as before if Ray doesn't say."""
    try:
        return _cores(_import_ray().cluster_resources())
    except Exception:
        return cluster.cpus


def _cores(resources: Mapping[str, float]) -> int:
    """Errors: KeyError where Ray says nothing of CPUs."""
    return max(1, int(resources["CPU"] - resources.get(SPARE_CPU, 0)))


def stop(cluster: Cluster) -> None:
    """Disconnects, and ends the local Ray where `start` made one."""
    if not cluster.connected_here:
        return
    _import_ray().shutdown()


def _is_connected() -> bool:
    """Returns whether this process is part of a Ray, such as a worker: then the environment is that Ray's own."""
    ray: Any = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _import_ray() -> Any:
    """Returns ray, as Any: half of what is used of it has no types."""
    import ray

    return ray


def _read_environment_again() -> None:
    """Has Ray see LOCAL_ENVIRONMENT also where somebody imported it before: it reads its settings then, and a token at
    the first use."""
    raylet: Any = importlib.import_module("ray._raylet")
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()


def _initialize(ray: Any, address: str, namespace: str) -> None:
    options: dict[str, Any] = {"address": address, "namespace": namespace}
    if address != "local":
        # Its workers don't inherit the environment of this process, as those of a local Ray do.
        options["runtime_env"] = {"env_vars": worker_variables()}
    else:
        options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        options |= {"num_cpus": available_cores() + 1, "resources": {SPARE_CPU: 1}}
        sessions = sessions_directory()
        sweep_sessions(sessions)
        options |= {"_temp_dir": str(sessions)}
        _read_environment_again()

    _log_what_ray_prints()

    def attempt() -> None:
        try:
            with _package_on_workers_path(), lean():
                ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
        except Exception as error:
            ray.shutdown()
            raise _unavailable(address, error) from error

    if address == "local":
        retry(attempt, LOCAL_ATTEMPTS, lambda error: isinstance(error, CallError))
    else:
        attempt()


def _log_what_ray_prints() -> None:
    """Has what Ray prints of processes that died go into the log of whoever has one: it stands in the way of progress
    and of results otherwise, and is told where it matters as an error of ours. Ray has no switch for it."""
    worker: Any = importlib.import_module("ray._private.worker")

    def log(data: Mapping[str, Any], ignore_prefix: bool) -> None:
        _log.info("Ray: %s", " ".join("\n".join(data["lines"]).split()))

    worker.print_to_stdstream = log


def _unavailable(address: str, error: Exception) -> CallError:
    first = str(error).strip().splitlines()
    reason = (first[0] if first else type(error).__name__).rstrip(".")
    if address == "local":
        return CallError(
            f"A local Ray could not be started: {reason}.",
            code="CLUSTER_UNAVAILABLE",
            remedy=f"Look at the newest directory in {private_parent() / SESSIONS} for Ray's logs.",
        )
    return CallError(f"Ray at {address} could not be joined: {reason}.", code="CLUSTER_UNAVAILABLE", address=address)


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """Lets a Ray that is started here do without what nobody asks of it: the autoscaler, the process that follows all
    logs, the one behind the dashboard, which is there without a dashboard too, and all that its agents need for a
    dashboard only. A run of a 12 s clip takes a fifth less time by that.

    ray.init has no options for these. `ray start` has them for the first two, Ray goes on without the third where it
    fails to start, and without the fourth where only `ray`, not `ray[default]`, is installed.
    """
    parameter: Any = importlib.import_module("ray._private.parameter")
    services: Any = importlib.import_module("ray._private.services")
    whole, serve_dashboard, optional = parameter.RayParams, services.start_api_server, sys.modules.get(DASHBOARD_NEEDS)
    parameter.RayParams = functools.partial(whole, no_monitor=True, include_log_monitor=False)
    # What it returns otherwise: the address and the process.
    services.start_api_server = lambda *_, **__: ("", None)
    sys.modules[DASHBOARD_NEEDS] = None  # type: ignore[assignment]  # to import it is an ImportError
    try:
        yield
    finally:
        parameter.RayParams = whole
        services.start_api_server = serve_dashboard
        del sys.modules[DASHBOARD_NEEDS]
        if optional is not None:
            sys.modules[DASHBOARD_NEEDS] = optional


@contextlib.contextmanager
def _package_on_workers_path() -> Iterator[None]:
    """Lets a local Ray's workers import this package also where it runs from a checkout that is not installed."""
    root = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([root, before] if before else [root])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _require_listener(address: str) -> None:
    """Asks in seconds what Ray would ask for a minute: whether anybody listens at host:port."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise CallError(
            f"Nothing answers at RAY_ADDRESS={address}: {error.strerror or error}.",
            code="CLUSTER_UNAVAILABLE",
            address=address,
        ) from error
