"""Which inputs ended the GPU process: a small file that outlives it. No Ray, no engine.

The name of the running call is written down before it starts and struck out after it. A process that finds a name
when it starts knows which call ended the one before it.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

__all__ = ["DEATHS_ALLOWED", "BlameBook"]

DEATHS_ALLOWED = 3


class BlameBook:
    """Deaths per call. fresh: this is no restart, whatever a file of the same name says is void.

    A directory that can't be written loses the memory of deaths and nothing else.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        self._deaths: dict[str, int] = {}
        if fresh:
            return
        with contextlib.suppress(OSError, ValueError):
            page = json.loads(path.read_text(encoding="utf-8"))
            self._deaths = {str(key): int(count) for key, count in page["deaths"].items()}
            if page["running"] is not None:
                self._deaths[page["running"]] = self._deaths.get(page["running"], 0) + 1
                self._write(None)

    def is_set_aside(self, key: str) -> bool:
        """Returns whether the call has ended the process DEATHS_ALLOWED times; then forgets it, so that a person
        who submits the input again after a repair gets the same number of tries."""
        if self._deaths.get(key, 0) < DEATHS_ALLOWED:
            return False
        del self._deaths[key]
        self._write(None)
        return True

    def start(self, key: str) -> None:
        self._write(key)

    def finish(self, key: str) -> None:
        self._deaths.pop(key, None)
        self._write(None)

    def _write(self, running: str | None) -> None:
        with contextlib.suppress(OSError):
            if running is None and not self._deaths:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({"running": running, "deaths": self._deaths}), encoding="utf-8")
