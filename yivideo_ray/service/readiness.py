"""Whether workflows would go on now, and what keeps them from it: the database, the disk, the GPU actor.

Each is asked anew, on threads of its own and for a short time: none of them waits behind what it is to tell of. Those
who ask at the same time get the same answer.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from yivideo_ray.errors import OutputError, ServiceError, YivideoError
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.storage.database import Database, require_writable

__all__ = ["FLOOR_BYTES", "Readiness", "require_space"]

FLOOR_BYTES = 32 * 1024 * 1024
"""What must be free under storage.work_dir: a workflow's rows, its results and the pieces of an upload need some."""
# Longer than any transaction of ours.
LOCK_WAIT_S = 2.0
ANSWER_S = 4.0
# The actor is asked for 5 s at most by itself.
ACTOR_ANSWER_S = 6.0


def require_space(directory: Path, bytes_wanted: int = 0) -> None:
    """Raises OutputError STORAGE_FULL if the disk of a directory lacks that much room and the floor. Blocks."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < bytes_wanted + FLOOR_BYTES:
        raise OutputError(
            f"{free_bytes // 1024**2} MiB are free for what the service keeps.",
            code="STORAGE_FULL",
            remedy="Free some disk space under storage.work_dir.",
        )


class Readiness:
    """is_actor_ready asks the GPU actor; what it raises is a reason."""

    def __init__(self, database: Database, work_dir: Path, is_actor_ready: Callable[[], Awaitable[bool]]) -> None:
        self._database = database
        self._work_dir = work_dir
        self._is_actor_ready = is_actor_ready
        self._threads = AbandonableThreads("readiness", 4, limit_s=ANSWER_S)
        self._asked: asyncio.Task[dict[str, str]] | None = None

    async def reasons(self) -> Mapping[str, str]:
        """Returns what is not ready, in a sentence each; empty: all is."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._asked)

    async def _ask(self) -> dict[str, str]:
        parts: dict[str, Awaitable[object]] = {
            "database": self._threads.run(require_writable, self._database, LOCK_WAIT_S),
            "disk": self._threads.run(require_space, self._work_dir),
            "actor": asyncio.wait_for(self._require_actor(), ACTOR_ANSWER_S),
        }
        ended = await asyncio.gather(*parts.values(), return_exceptions=True)
        return {name: _sentence(error) for name, error in zip(parts, ended, strict=True) if error is not None}

    async def _require_actor(self) -> None:
        if not await self._is_actor_ready():
            raise ServiceError("No GPU actor has gone through a real inference yet.")


def _sentence(error: object) -> str:
    match error:
        case YivideoError():
            return error.message
        case TimeoutError():
            return "It does not answer."
        case _:
            return f"{type(error).__name__}: {error}"
