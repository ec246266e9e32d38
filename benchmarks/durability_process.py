"""A process of our own that is started again and again, and ended with SIGKILL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["KilledProcess"]


class KilledProcess:
    """At most one process at a time. What it writes goes to the end of log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it in the project's root, with these variables beside those of this process."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **environment}, cwd=Path(__file__).parents[1]
            )

    def kill(self) -> int | None:
        """Ends it with SIGKILL, and returns its pid; None: it was not there."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.kill()
        process.wait()
        return process.pid

    def is_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None
