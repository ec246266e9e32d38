"""GPU actors of other settings, or of another version, that an earlier driver left in a joined cluster: they have GPUs
that nobody else gets. Who has one is named; what no driver works with any more is ended.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray.util import list_named_actors

__all__ = ["POOL_PREFIX", "end_abandoned", "is_abandoned"]

POOL_PREFIX = "yivideo-gpu-"
STATUS_S = 5.0


def is_abandoned(status: Mapping[str, Any], running_jobs: Iterable[str]) -> bool:
    """Returns whether nobody works with an actor, by its own account: it has no call, and none of the drivers that did
    runs. One that doesn't say which did, as of another version, is not."""
    jobs = status.get("jobs") or ()
    busy = status.get("running") or status.get("waiting")
    return bool(jobs) and not busy and not set(jobs) & set(running_jobs)


async def end_abandoned(namespace: str, pool: str) -> list[str]:
    """Ends the actors of other pools in a namespace that nobody works with; returns a sentence's part on each other."""
    names = await asyncio.to_thread(_named, namespace)
    held: list[str] = []
    for name in sorted(name for name in names if not name.startswith(f"{pool}-")):
        try:
            actor = ray.get_actor(name, namespace=namespace)
            status = await asyncio.wait_for(_status(actor), STATUS_S)
        except (ValueError, TimeoutError, ray.exceptions.RayError):
            held.append(f"{name} has one and doesn't answer")
            continue
        if not status.get("visible_gpus", "0"):
            continue
        if is_abandoned(status, await asyncio.to_thread(_running_jobs)):
            ray.kill(actor)
        else:
            held.append(f"{name} has one, for other settings or another version ({status.get('version', 'unknown')})")
    return held


async def _status(actor: Any) -> dict[str, Any]:
    found: dict[str, Any] = await actor.status.remote()
    return found


def _named(namespace: str) -> list[str]:
    actors: list[dict[str, str]] = list_named_actors(all_namespaces=True)
    return [
        actor["name"] for actor in actors if actor["namespace"] == namespace and actor["name"].startswith(POOL_PREFIX)
    ]


def _running_jobs() -> list[str]:
    # Ray tells of jobs here, or by its dashboard, which need not run.
    state: Any = importlib.import_module("ray._private.state")
    return [job["JobID"] for job in state.state.job_table() if not job["IsDead"]]
