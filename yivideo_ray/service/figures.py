"""The service's figures for those who run it: what it keeps, what waits, how workflows and callbacks ended since it
started."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from yivideo_ray.service.contract import ServiceFigures, WorkflowState, WorkflowView
from yivideo_ray.service.rows import COLUMN
from yivideo_ray.storage.database import Database

__all__ = ["Figures"]


@dataclass(slots=True)
class Figures:
    """Counts while the service runs. Not thread-safe, but for look."""

    database: Database
    work_dir: Path
    ended: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    callbacks: Counter[str] = field(default_factory=Counter)
    swept: int = 0

    def count_end(self, view: WorkflowView) -> None:
        self.ended[view.state.value] += 1
        if view.state is WorkflowState.FAILED and view.error is not None:
            self.failures[view.error["code"]] += 1

    def count_callback(self, *, delivered: bool, next_attempt: float | None) -> None:
        self.callbacks["delivered" if delivered else "given_up" if next_attempt is None else "tried_again"] += 1

    def look(self, now: float) -> ServiceFigures:
        """Returns the figures, with those that the database has. Blocks. Errors: the database's."""
        states = sa.select(COLUMN.state, sa.func.count()).group_by(COLUMN.state)
        first = sa.select(sa.func.min(COLUMN.created)).where(COLUMN.state == WorkflowState.PENDING)
        due = sa.select(sa.func.count()).where(COLUMN.callback_next.is_not(None))
        with self.database.begin() as connection:
            kept = {str(state): int(count) for state, count in connection.execute(states).all()}
            oldest, waiting = connection.scalar(first), connection.scalar(due) or 0
            size = self._bytes(connection)
        return self._figures(
            database_ok=self.database.trouble() is None,
            workflows={state.value: kept.get(state.value, 0) for state in WorkflowState},
            oldest_waiting_s=0.0 if oldest is None else max(0.0, now - oldest),
            callbacks_waiting=waiting,
            database_bytes=size,
        )

    def without_database(self) -> ServiceFigures:
        """Returns the figures while the database does not answer."""
        return self._figures(
            database_ok=False, workflows=None, oldest_waiting_s=None, callbacks_waiting=None, database_bytes=None
        )

    def _figures(
        self,
        *,
        database_ok: bool,
        workflows: dict[str, int] | None,
        oldest_waiting_s: float | None,
        callbacks_waiting: int | None,
        database_bytes: int | None,
    ) -> ServiceFigures:
        return ServiceFigures(
            database_ok=database_ok,
            workflows=workflows,
            oldest_waiting_s=oldest_waiting_s,
            callbacks_waiting=callbacks_waiting,
            database_bytes=database_bytes,
            disk_free_bytes=_free(self.work_dir),
            ended=dict(self.ended),
            failures=dict(self.failures),
            callbacks=dict(self.callbacks),
            swept=self.swept,
        )

    def _bytes(self, connection: sa.Connection) -> int:
        if not self.database.is_sqlite:
            size = sa.func.pg_database_size(sa.func.current_database())
            return int(connection.scalar(sa.select(size)) or 0)
        path = self.database.path
        sides = [path, path.with_name(f"{path.name}-wal")]
        return sum(side.stat().st_size for side in sides if side.exists())


def _free(directory: Path) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
