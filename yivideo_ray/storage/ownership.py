"""One service at a time for one database: a lock that goes with its holder, and a token in each of its transactions.

The lock keeps a second service from starting. The token keeps a first one from going on that has lost the lock without
knowing (its connection to PostgreSQL broke): once another has written its own, the old one's transactions are undone.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from yivideo_ray.errors import ServiceError
from yivideo_ray.retries import retry
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put, translated
from yivideo_ray.storage.service_lock import PATIENCE_S, ServiceLock, is_held, while_held

__all__ = ["Ownership"]


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
