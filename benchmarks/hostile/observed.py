"""A service of its own, watched from outside: its processes, the memory of the replica, tracebacks, files left."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.serving import Served, free_port, served

__all__ = ["Observed", "observed"]

TIMEOUT_S = 5.0
READY_S = 60.0
ROOT = Path(__file__).parents[2]
SERVICE = ("ServeReplica", "ProxyActor", "ServeController")
TRACEBACK = "Traceback (most recent call last)"
# As many as the videos, and more: nobody is to be turned away for the queue's sake.
QUEUED = 100_000


class Observed:
    """port is where it listens. Figures are counted from ready() on."""

    def __init__(self, service: Served, port: int, work: Path) -> None:
        self.port = port
        self.client = service.client
        self._served = service
        self._work = work
        self._processes: dict[str, int] = {}
        self._idle_bytes = 0

    def ready(self) -> None:
        """Notes which processes there are and what memory the replica has, once it has worked."""
        self._processes = self._now()
        replica = self._processes["ServeReplica"]
        self._idle_bytes = _status(replica, "VmRSS")
        # Has the kernel count the peak anew.
        Path(f"/proc/{replica}/clear_refs").write_text("5", encoding="ascii")

    def figures(self) -> dict[str, Any]:
        """Returns what became of it, for the limits."""
        now = self._now()
        crashes = [name for name, pid in self._processes.items() if now.get(name) != pid]
        peak = 0 if "ServeReplica" in crashes else _status(now["ServeReplica"], "VmHWM")
        return {
            "crashes": crashes,
            "idle_bytes": self._idle_bytes,
            "peak_bytes": peak,
            "peak_share": round(peak / self._idle_bytes, 3),
            "tracebacks": self._tracebacks(),
            "left": self._left(),
        }

    def _tracebacks(self) -> list[str]:
        """Returns what each traceback ends with: those of the service's own files, and those told to people."""
        texts = [path.read_text(errors="replace") for path in (self._work / "logs").glob("fault-*")]
        texts += "".join(self._served.told).split(TRACEBACK)[1:]
        ends = [[line for line in text.splitlines() if line and not line[0].isspace()] for text in texts]
        return [(lines or [""])[-1 if TRACEBACK in "".join(lines) else 0][:200] for lines in ends]

    def _left(self) -> list[str]:
        """Returns the uploads and results that are there, by their names. Removing may take a moment."""
        deadline = time.monotonic() + 15
        while True:
            found = [
                str(path.relative_to(self._work))
                for place in ("uploads", "workflows")
                for path in (self._work / place).rglob("*")
                if path.is_file() and path.name != "databases"
            ]
            if not found or time.monotonic() > deadline:
                return sorted(found)[:20]
            time.sleep(0.2)

    def _now(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for process in psutil.Process(self._served.process.pid).children(recursive=True):
            try:
                title = " ".join(process.cmdline())
            except psutil.Error:
                continue
            found |= {name: process.pid for name in SERVICE if f"ray::{name}" in title}
        return found


@contextmanager
def observed(work: Path, videos: Path) -> Iterator[Observed]:
    """Yields yivideo serve with the scripted engine, which may read the directory videos. It gives slow clients
    TIMEOUT_S, which is a quarter of the default: a benchmark has no more time."""
    port = free_port()
    settings = {
        "YIVIDEO_OCR__ENGINE": "scripted",
        "YIVIDEO_STORAGE__WORK_DIR": str(work),
        "YIVIDEO_STORAGE__ALLOWED_ROOTS": json.dumps([str(videos)]),
        "YIVIDEO_SERVE__RECEIVE_TIMEOUT_S": str(TIMEOUT_S),
        "YIVIDEO_SERVE__MAX_QUEUED": str(QUEUED),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YIVIDEO_", "RAY_"))}
    command = [sys.executable, "-m", "yivideo_ray", "serve", "--port", str(port)]
    with served(command, {**kept, "PYTHONPATH": str(ROOT), **settings}, ROOT) as service:
        if not service.url:
            raise SystemExit("".join(["The service does not start.\n", *service.told]))
        deadline = time.monotonic() + READY_S
        while service.client.get("/readyz").status_code != 200:
            if time.monotonic() > deadline:
                raise SystemExit("The service does not become ready.")
            time.sleep(0.5)
        yield Observed(service, port, work)


def _status(pid: int, name: str) -> int:
    """Returns a line of a process's status in /proc, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
