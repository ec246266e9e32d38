"""What must outlive the GPU actor's process: which calls ended it, why it restarted, how often its start failed.

A page per actor and a count per call, in a store that survives processes and nodes. The names of the running calls are
written down before they start and struck out after; a process that finds names when it starts knows which calls
ended the one before. ClusterStore is such a store, in Ray.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from yivideo_ray.errors import DeviceError

__all__ = ["DEATHS_ALLOWED", "STARTS_ALLOWED", "STARTS_WINDOW_S", "ClusterStore", "Ledger", "Store", "note_kill"]

DEATHS_ALLOWED = 3
# Where the machine is to blame rather than an input: see Ledger.is_set_aside.
DEATHS_AT_MOST = 10
UNREST_WINDOW_S = 600.0
STARTS_ALLOWED = 5
STARTS_WINDOW_S = 600.0
RESTARTS_KEPT = 20
JOBS_KEPT = 100
UNSEEN = "The process ended without a word: killed, or crashed."


class Store(Protocol):
    """Small values by name. A store that can't be reached loses the memory and nothing else: no call raises."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...

    def delete(self, key: str) -> None: ...


def note_kill(store: Store, pool: str, slot: int, why: str) -> None:
    """Leaves the reason for whoever comes after a process that is about to be killed from outside."""
    store.put(f"{pool}/actor-{slot}/killed", why.encode())


class Ledger:
    """One per process of an actor. pool: what actors with the same settings share, their calls' deaths; slot: which of
    them this is. fresh: no restart, so what an earlier actor of that name left is void. Thread-safe."""

    def __init__(
        self, store: Store, pool: str, slot: int, *, fresh: bool, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._pool = pool
        self._key = f"{pool}/actor-{slot}"
        self._now = now
        self._lock = threading.Lock()
        page = {} if fresh else _parsed(store.get(self._key))
        self._running: list[str] = []
        self._restarts: list[dict[str, Any]] = list(page.get("restarts", ()))
        self._count = int(page.get("count", 0))
        self._failed_starts: list[float] = list(page.get("failed_starts", ()))
        self._problem = str(page.get("problem", ""))
        self._ran_on_gpu = bool(page.get("ran_on_gpu", False))
        self._jobs: list[str] = list(page.get("jobs", ()))
        if not fresh:
            self._enter_restart(page)
        self._write()

    @property
    def restarts(self) -> dict[str, Any]:
        """How often the process was replaced, and the last times with their reasons and the calls they cost."""
        return {"count": self._count, "last": list(self._restarts)}

    @property
    def jobs(self) -> list[str]:
        """The ids of the Ray jobs that work with this actor, or did."""
        return list(self._jobs)

    def hold(self, job: str) -> None:
        """Notes down that a Ray job works with this actor."""
        with self._lock:
            self._jobs = [*(known for known in self._jobs if known != job), job][-JOBS_KEPT:]
            self._write()

    @property
    def ran_on_gpu(self) -> bool:
        """Returns whether a process of this actor has had its models on a GPU."""
        return self._ran_on_gpu

    @property
    def failed_starts(self) -> int:
        """How many starts of the engine failed within STARTS_WINDOW_S, with none that succeeded since."""
        since = self._now() - STARTS_WINDOW_S
        return sum(start > since for start in self._failed_starts)

    def begin_start(self) -> None:
        """Notes down a start of the engine, failed until `started` is called.

        Errors: DeviceError ENGINE_NOT_STARTING after STARTS_ALLOWED failed ones within STARTS_WINDOW_S.
        """
        with self._lock:
            if self.failed_starts >= STARTS_ALLOWED:
                raise DeviceError(
                    f"The engine failed to start {STARTS_ALLOWED} times within {STARTS_WINDOW_S / 60:g} minutes"
                    f"{': ' + self._problem if self._problem else ', and took its process along.'}",
                    code="ENGINE_NOT_STARTING",
                    starts=self.failed_starts,
                    retry_in_s=round(self._failed_starts[-STARTS_ALLOWED] + STARTS_WINDOW_S - self._now(), 1),
                )
            self._failed_starts = [*self._failed_starts[1 - STARTS_ALLOWED :], self._now()]
            self._problem = ""
            self._write()

    def start_failed(self, why: str) -> None:
        with self._lock:
            self._problem = why
            self._write()

    def started(self, *, on_gpu: bool = False) -> None:
        """Notes down that the engine is ready. on_gpu: a GPU runs its models."""
        with self._lock:
            self._failed_starts, self._problem = [], ""
            self._ran_on_gpu = self._ran_on_gpu or on_gpu
            self._write()

    def is_set_aside(self, call: str) -> bool:
        """Returns whether the call has ended DEATHS_ALLOWED processes; then forgets it, so that a person who submits
        the input again after a repair gets the same number of tries.

        It takes one more, up to DEATHS_AT_MOST, for each other workflow whose call lost this actor's process lately:
        where many die, something kills processes whatever they work on.
        """
        deaths = self._deaths(call)
        if deaths < DEATHS_ALLOWED or deaths < min(DEATHS_AT_MOST, DEATHS_ALLOWED + self._unrest(call)):
            return False
        self._store.delete(self._death_key(call))
        return True

    def _unrest(self, call: str) -> int:
        """Returns how many other workflows lost a process of late."""
        since = self._now() - UNREST_WINDOW_S
        # Of calls that were served as one, one may be to blame for all; each of them is tried again alone.
        late = [entry["calls"] for entry in self._restarts if entry["time"] > since and "together" not in entry]
        return len({_workflow(other) for calls in late for other in calls} - {_workflow(call)})

    def start(self, *calls: str) -> None:
        """Notes down what begins on the device: one call, or several that are served as one."""
        with self._lock:
            self._running = list(calls)
            self._write()

    def finish(self) -> None:
        """Notes down that these have ended, and the process has not."""
        with self._lock:
            calls, self._running = self._running, []
            self._write()
        for call in calls:
            if self._deaths(call):
                self._store.delete(self._death_key(call))

    def leave(self, why: str, *culprits: str) -> None:
        """Notes down why this process ends by its own will, and which call is to blame for it, if any: several where
        they were served as one."""
        with self._lock:
            self._running = list(culprits)
            self._write(leaving=why)

    def _enter_restart(self, page: dict[str, Any]) -> None:
        calls = sorted(page.get("running", ()))
        for call in calls:
            self._store.put(self._death_key(call), str(self._deaths(call) + 1).encode())
        killed = self._store.get(f"{self._key}/killed")
        if killed:
            self._store.delete(f"{self._key}/killed")
        why = page.get("leaving") or (killed.decode() if killed else UNSEEN)
        entry: dict[str, Any] = {"time": self._now(), "why": why, "calls": calls}
        if len(calls) > 1:
            entry["together"] = True
        self._count += 1
        self._restarts = [*self._restarts, entry][-RESTARTS_KEPT:]

    def _deaths(self, call: str) -> int:
        found = self._store.get(self._death_key(call))
        return int(found) if found and found.isdigit() else 0

    def _death_key(self, call: str) -> str:
        return f"{self._pool}/deaths/{call}"

    def _write(self, leaving: str = "") -> None:
        page = {
            "running": self._running,
            "leaving": leaving,
            "count": self._count,
            "restarts": self._restarts,
            "failed_starts": self._failed_starts,
            "problem": self._problem,
            "ran_on_gpu": self._ran_on_gpu,
            "jobs": self._jobs,
        }
        self._store.put(self._key, json.dumps(page).encode())


def _workflow(call: str) -> str:
    return call.partition("/")[0]


def _parsed(value: bytes | None) -> dict[str, Any]:
    try:
        page = json.loads(value or b"{}")
    except ValueError:
        return {}
    return page if isinstance(page, dict) else {}


NAMESPACE = b"yivideo"
_log = logging.getLogger(__name__)


class ClusterStore:
    """What can't be written is lost, with a line in the log."""

    def get(self, key: str) -> bytes | None:
        try:
            found: bytes | None = _key_values()._internal_kv_get(key.encode(), namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)
            return None
        return found

    def put(self, key: str, value: bytes) -> None:
        try:
            _key_values()._internal_kv_put(key.encode(), value, overwrite=True, namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)

    def delete(self, key: str) -> None:
        try:
            _key_values()._internal_kv_del(key.encode(), namespace=NAMESPACE)
        except Exception as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        _log.warning("Ray's key-value store can't be reached: %s", error)


def _key_values() -> Any:
    # Imported here: all but this store works without Ray.
    import ray.experimental.internal_kv as kv

    return kv
