"""A process that serves, and the client that asks it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx2

__all__ = ["Served", "free_port", "served"]


@dataclass(slots=True)
class Served:
    """url is empty if the process ended instead of serving. told: the lines that it said to people."""

    process: subprocess.Popen[str]
    url: str
    client: httpx2.Client
    told: list[str] = field(default_factory=list)

    def stop(self, limit_s: float = 90) -> int:
        """Returns the exit code of a process that was asked to end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(limit_s)


@contextlib.contextmanager
def served(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Iterator[Served]:
    """Yields the process once it has written its address, as yivideo serve does, and ends it."""
    # A signal that the shell had ignored would be ignored there as well.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    told: list[str] = []

    def listen(stream: IO[str]) -> None:
        told.extend(stream)

    assert process.stdout is not None
    assert process.stderr is not None
    listener = threading.Thread(target=listen, args=(process.stderr,), daemon=True)
    listener.start()
    try:
        url = process.stdout.readline().strip()
        with httpx2.Client(base_url=url or "http://none", trust_env=False, timeout=60) as client:
            yield Served(process, url, client, told)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        listener.join(30)
        process.stdout.close()
        process.stderr.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
