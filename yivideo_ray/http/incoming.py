"""Where uploads lie while they come in: a directory of its own for each, under storage.work_dir/uploads/incoming, which
is gone when its request ends, however that is. What is left all the same is swept up by its age."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from yivideo_ray.executors import Threads

__all__ = ["Incoming"]

SWEEP_EVERY_S = 300.0
# Of what no request of this process writes to: another process may be about to end its own.
LEFT_AFTER_S = 600.0
WRITERS = 8


class Incoming:
    """threads are for writing. Removing has one of its own: it never waits for disks that are slow to write."""

    def __init__(self, uploads: Path) -> None:
        self.uploads = uploads
        self.threads = Threads("uploads", WRITERS)
        self._directory = uploads / "incoming"
        self._open: set[str] = set()
        self._removals: set[asyncio.Task[None]] = set()
        self._remover = Threads("removals", 1, max_waiting=1_000_000)

    @asynccontextmanager
    async def directory(self, close: Callable[[], None]) -> AsyncIterator[Path]:
        """Yields the path of a directory that is not there yet. Behind, close is called, in a thread, and what is there
        is removed, also if the request is cancelled, and cancelled again."""
        path = self._directory / secrets.token_hex(8)
        self._open.add(path.name)

        def end() -> None:
            close()
            shutil.rmtree(path, ignore_errors=True)
            self._open.discard(path.name)

        try:
            yield path
        finally:
            await self.to_its_end(end)

    async def keep(self, directory: Path) -> Path:
        """Returns where a directory of directory() is now, which is not removed."""
        kept = self.uploads / directory.name
        await self.threads.run(directory.rename, kept)
        return kept

    async def remove(self, directory: Path) -> None:
        """Removes what was kept."""
        await self.to_its_end(partial(shutil.rmtree, directory, ignore_errors=True))

    async def sweep(self, age_s: float = LEFT_AFTER_S) -> None:
        """Removes what nobody writes to, and nobody has written to for so long."""
        await self._remover.run(self._sweep, age_s)

    async def keep_sweeping(self, also: Callable[[], None]) -> None:
        """Sweeps for ever, and has another sweep, too."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            await self.sweep()
            await self._remover.run(also)

    async def close(self) -> None:
        """Waits for what is being removed."""
        await asyncio.gather(*self._removals, return_exceptions=True)
        self.threads.close()
        self._remover.close()

    async def to_its_end(self, call: Callable[[], None]) -> None:
        """Calls what tidies up, in a thread, also if the request that waits for it is cancelled meanwhile."""
        task = asyncio.ensure_future(self._remover.run(call))
        # The event loop itself holds its tasks by weak references only.
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)
        await asyncio.shield(task)

    def _sweep(self, age_s: float) -> None:
        before = time.time() - age_s
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                with contextlib.suppress(OSError):
                    if path.name not in self._open and _last_change(path) < before:
                        shutil.rmtree(path, ignore_errors=True)


def _last_change(directory: Path) -> float:
    return max(path.stat().st_mtime for path in (directory, *directory.iterdir()))
