"""Retention: what the service keeps no longer, because of its age or to make room. Only what is the service's own goes:
rows of its database, and results and uploads in work_dir.

Rows go before files. What a kill leaves of these is removed at the next start (ServiceDirectories.clean).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from yivideo_ray.config import StorageSettings
from yivideo_ray.errors import YivideoError
from yivideo_ray.locations import location_of
from yivideo_ray.service.contract import TERMINAL
from yivideo_ray.service.directories import ServiceDirectories
from yivideo_ray.service.rows import COLUMN, WORKFLOWS, Row, forget
from yivideo_ray.service.store import Threaded
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership

__all__ = ["Retention", "Sweeper", "Swept"]

DAY_S = 86400.0
# An answer to a request is repeated by its key for so long, and that a workflow was there is known for so long.
KEYS_S, TRACES_S = 30 * DAY_S, 365 * DAY_S
# Whoever asked for a workflow has so long to fetch its results, however little room there is.
FETCHED_S = 3600.0
SWEEP_S = 3600.0
AT_ONCE = 100
# A clock that is set by more than this between two looks may be wrong.
JUMP_S = 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """A workflow of which something was removed. video: its upload; whole: the workflow went, not the upload alone."""

    workflow_id: str
    video: Path | None
    whole: bool


class Retention:
    """What is to go, as transactions of AT_ONCE workflows at most. Calls block. Errors: as WorkflowStore."""

    def __init__(self, storage: StorageSettings, database: Database, ownership: Ownership) -> None:
        self._storage = storage
        self._database = database
        self._ownership = ownership

    def take_old(self, now: float) -> list[Swept]:
        """Removes workflows that ended too long ago."""
        if not self._storage.keep_days:
            return []
        return self._take(now, COLUMN.ended < now - self._storage.keep_days * DAY_S)

    def take_first(self, now: float, workflow_ids: list[str]) -> list[Swept]:
        """Removes these of the workflows that have ended."""
        return self._take(now, COLUMN.workflow_id.in_(workflow_ids))

    def take_uploads(self, now: float) -> list[Swept]:
        """Takes uploads away from workflows that ended too long ago for another run."""
        if not self._storage.keep_uploads_days:
            return []
        old = COLUMN.ended < now - self._storage.keep_uploads_days * DAY_S
        with self._database.begin() as connection:
            self._ownership.require(connection)
            rows = _ended(connection, sa.and_(COLUMN.owned_video, old))
            gone = COLUMN.workflow_id.in_([row["workflow_id"] for row in rows])
            connection.execute(WORKFLOWS.update().where(gone).values(owned_video=False, video_swept=now))
        return [Swept(row["workflow_id"], _upload(row), whole=False) for row in rows]

    def forget_traces(self, now: float) -> None:
        """Removes old idempotency keys, and what is left of workflows that were removed long ago."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            connection.execute(tables.keys.delete().where(tables.keys.c.made < now - KEYS_S))
            connection.execute(tables.swept.delete().where(tables.swept.c.swept < now - TRACES_S))

    def ended(self) -> list[tuple[str, Path | None, float]]:
        """Returns the workflows that have ended, the first ones first: id, upload, when."""
        with self._database.begin() as connection:
            return [(row["workflow_id"], _upload(row), row["ended"]) for row in _ended(connection, sa.true(), None)]

    def _take(self, now: float, which: sa.ColumnElement[bool]) -> list[Swept]:
        with self._database.begin() as connection:
            self._ownership.require(connection)
            rows = _ended(connection, which)
            ids = [row["workflow_id"] for row in rows]
            forget(connection, ids)
            if ids:
                connection.execute(tables.swept.insert(), [{"workflow_id": one, "swept": now} for one in ids])
        return [Swept(row["workflow_id"], _upload(row), whole=True) for row in rows]


def _ended(connection: Connection, which: sa.ColumnElement[bool], limit: int | None = AT_ONCE) -> list[Row]:
    columns = (COLUMN.workflow_id, COLUMN.video, COLUMN.owned_video, COLUMN.ended)
    wanted = sa.select(*columns).where(COLUMN.state.in_(TERMINAL), which).order_by(COLUMN.ended).limit(limit)
    return [dict(row) for row in connection.execute(wanted).mappings()]


def _upload(row: Row) -> Path | None:
    video = location_of(json.loads(row["video"]))
    return video if row["owned_video"] and isinstance(video, Path) else None


class Sweeper:
    """Sweeps at its start and every hour, until it is cancelled. changed is called with the id of each workflow that
    goes."""

    def __init__(
        self,
        storage: StorageSettings,
        retention: Retention,
        directories: ServiceDirectories,
        thread: Threaded,
        *,
        now: Callable[[], float],
        changed: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_bytes = storage.keep_bytes
        self._retention = retention
        self._directories = directories
        self._thread = thread
        self._now = now
        self._changed = changed
        self._monotonic = monotonic
        self._ahead = now() - monotonic()

    async def run(self) -> None:
        while True:
            try:
                if not self._has_jumped():
                    await self.sweep()
            except YivideoError as error:
                _log.warning("Nothing could be swept: %s", error)
            except Exception:
                _log.exception("Nothing could be swept")
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Removes what is due, and returns how many workflows and uploads that were. Errors: the database's."""
        now, count = self._now(), 0
        for take in (self._retention.take_old, self._retention.take_uploads):
            while swept := await self._thread.call(take, now):
                count += await self._remove(swept)
        count += await self._make_room(now)
        await self._thread.call(self._retention.forget_traces, now)
        if count:
            _log.info("%d workflows or uploads were removed, as storage.keep_... says.", count)
        return count

    async def _make_room(self, now: float) -> int:
        if not self._keep_bytes:
            return 0
        ended = await self._thread.call(self._retention.ended)
        sizes = await asyncio.to_thread(lambda: [self._directories.size(name, video) for name, video, _ in ended])
        over, first = sum(sizes) - self._keep_bytes, list[str]()
        for (name, _, when), size in zip(ended, sizes, strict=True):
            if over > 0 and when < now - FETCHED_S:
                first.append(name)
                over -= size
        count = 0
        for start in range(0, len(first), AT_ONCE):
            some = first[start : start + AT_ONCE]
            count += await self._remove(await self._thread.call(self._retention.take_first, now, some))
        return count

    async def _remove(self, swept: list[Swept]) -> int:
        def remove() -> None:
            for one in swept:
                if one.whole:
                    self._directories.remove(one.workflow_id, one.video)
                elif one.video is not None:
                    self._directories.remove_upload(one.video)

        await asyncio.to_thread(remove)
        for one in swept:
            self._changed(one.workflow_id)
        return len(swept)

    def _has_jumped(self) -> bool:
        """Returns whether the clock was set since the last look: it has an hour to be set right."""
        ahead = self._now() - self._monotonic()
        jumped, self._ahead = abs(ahead - self._ahead) > JUMP_S, ahead
        if jumped:
            _log.warning("The clock was set; nothing is swept within the next hour.")
        return jumped
