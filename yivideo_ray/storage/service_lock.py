"""The lock of the one service that works with a database: on a file beside SQLite's, or an advisory one of PostgreSQL.

Both go with their holder, whatever ends it. Who may run workflows holds it for as long as it runs them (ownership), and
an upgrade of the tables for as long as it takes (migrations).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from yivideo_ray.errors import OutputError, ServiceError
from yivideo_ray.retries import RetryPolicy

__all__ = ["PATIENCE_S", "ServiceLock", "is_held", "while_held"]

LOCK = 0x71766965
# A process that was killed may take that long to go.
PATIENCE_S = 15.0
POLL_S = 0.2


def while_held(patience_s: float) -> RetryPolicy:
    """Returns how the lock is asked for while another holds it."""
    return RetryPolicy(attempts=None, total_s=patience_s, first_wait_s=POLL_S, longest_wait_s=POLL_S)


def is_held(error: Exception) -> bool:
    """Returns whether an error says that another holds the lock."""
    return isinstance(error, ServiceError) and error.code.name == "SERVICE_RUNNING"


class ServiceLock:
    """Not held at first. url is the database's, connect gives a connection to it. Calls block; not thread-safe."""

    def __init__(self, url: URL, connect: Callable[[], Connection]) -> None:
        self._url = url
        self._connect = connect
        self._file: int | None = None
        self._connection: Connection | None = None

    def try_take(self) -> bool:
        """Returns whether it is held now. Errors: OutputError if the file can't be made, else those of connect and of
        SQLAlchemy."""
        return self._lock_file() if self._url.get_backend_name() == "sqlite" else self._lock_server()

    def release(self) -> None:
        """May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lock_file(self) -> bool:
        path = Path(f"{self._url.database}.lock")
        if self._file is None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # Not inherited by the processes that Ray starts, which would hold it on.
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise OutputError(f"{path} can't be made: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock_server(self) -> bool:
        if self._connection is None:
            # Outside transactions: one that lasts for days would keep the server from tidying up.
            self._connection = self._connect().execution_options(isolation_level="AUTOCOMMIT")
            # Closed, it is to end: the pool would keep it, and it the lock.
            self._connection.detach()
        return bool(self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))))
