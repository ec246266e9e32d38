"""One service at a time for one database: a lock that goes with its holder, and a token in each of its transactions.

The lock keeps a second service from starting. The token keeps a first one from going on that has lost the lock without
knowing (its connection to PostgreSQL broke): once another has written its own, the old one's transactions are undone.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from yivideo_ray.errors import OutputError, ServiceError
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put, translated

__all__ = ["Ownership"]

LOCK = 0x71766965
# A process that was killed may take that long to go.
PATIENCE_S = 15.0
POLL_S = 0.2


class Ownership:
    """The right to run the workflows of a database. Calls block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._token = secrets.token_hex(16)
        self._file: int | None = None
        self._connection: Connection | None = None

    def take(self, patience_s: float = PATIENCE_S) -> None:
        """Errors: ServiceError SERVICE_RUNNING if another service has it for longer than patience_s seconds, and the
        database's."""
        ends = time.monotonic() + patience_s
        while not (self._lock_file() if self._database.is_sqlite else self._lock_server()):
            if time.monotonic() >= ends:
                raise ServiceError("Another service works with this database already.", code="SERVICE_RUNNING")
            time.sleep(POLL_S)
        with self._database.begin() as connection:
            put(connection, tables.owner, {"id": 1}, {"token": self._token})

    def require(self, connection: Connection) -> None:
        """Errors: ServiceError SERVICE_RUNNING if another service has taken over; the transaction must not go on."""
        if connection.scalar(sa.select(tables.owner.c.token)) != self._token:
            raise ServiceError("Another service has taken over the workflows.", code="SERVICE_RUNNING")

    def release(self) -> None:
        """May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lock_file(self) -> bool:
        path = self._database.path.with_name(self._database.path.name + ".lock")
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
        try:
            if self._connection is None:
                # Outside transactions: one that lasts for days would keep the server from tidying up.
                self._connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
                # Closed, it is to end: the pool would keep it, and it the lock.
                self._connection.detach()
            got: Any = self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK)))
        except SQLAlchemyError as error:
            raise translated(error) from error
        return bool(got)
