"""One service at a time for one database: a lock that goes with its holder, and a token in each of its transactions.

The lock keeps a second service from starting: it is on a file beside SQLite's, or an advisory one of PostgreSQL, and an
upgrade of the tables (migrations) holds it for as long as it takes. The token keeps a first service from going on that
has lost the lock without knowing (its connection to PostgreSQL broke): once another has written its own, the old one's
transactions are undone.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from yivideo_ray.errors import OutputError, ServiceError
from yivideo_ray.retries import RetryPolicy, retry
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put, translated

__all__ = ["PATIENCE_S", "Ownership", "ServiceLock", "is_held", "while_held"]

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
    """Goes with its holder, whatever ends it; not held at first. url is the database's, connect gives a connection to
    it. Calls block; not thread-safe."""

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


class Ownership:
    """The right to run the workflows of a database. Calls block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._token = secrets.token_hex(16)
        self._lock = ServiceLock(database.url, database.connect)

    def take(self, patience_s: float = PATIENCE_S) -> None:
        """Errors: ServiceError SERVICE_RUNNING if another service has it for longer than patience_s seconds, and the
        database's."""
        # First, because an upgrade of its tables takes the same lock for itself.
        self._database.open()
        retry(self._take_lock, while_held(patience_s), is_held)
        with self._database.begin() as connection:
            put(connection, tables.owner, {"id": 1}, {"token": self._token})

    def require(self, connection: Connection) -> None:
        """Errors: ServiceError SERVICE_RUNNING if another service has taken over; the transaction must not go on."""
        if connection.scalar(sa.select(tables.owner.c.token)) != self._token:
            raise ServiceError("Another service has taken over the workflows.", code="SERVICE_RUNNING")

    def release(self) -> None:
        """May be called twice."""
        self._lock.release()

    def _take_lock(self) -> None:
        try:
            taken = self._lock.try_take()
        except SQLAlchemyError as error:
            raise translated(error) from error
        if not taken:
            raise ServiceError("Another service works with this database already.", code="SERVICE_RUNNING")
