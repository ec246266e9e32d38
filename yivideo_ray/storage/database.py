"""The database that keeps workflows: SQLite in work_dir, or PostgreSQL by storage.url.

Every transaction is one `with database.begin() as connection`. Calls block: inside an event loop they belong into a
thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from yivideo_ray.config import StorageSettings
from yivideo_ray.errors import ConfigError, OutputError, ServiceError, YivideoError
from yivideo_ray.files import private_directory
from yivideo_ray.retries import RetryPolicy, retry
from yivideo_ray.storage import tables
from yivideo_ray.storage.sqlite_file import SqliteFile

__all__ = ["Database", "database_url", "put", "require_answer", "require_writable", "translated"]

FILE = "workflows.sqlite"
# How long SQLite waits for another process's transaction; each takes milliseconds. Those whom somebody waits for give
# up sooner: lock_wait_s.
BUSY_S = 30.0
WHILE_BUSY = RetryPolicy(attempts=None, total_s=BUSY_S, first_wait_s=0.02, longest_wait_s=0.02)
CONNECT_S = 10


def database_url(storage: StorageSettings) -> URL:
    """Returns where the database is. Errors: ConfigError CONFIG_INVALID for a URL of anything else than SQLite or
    PostgreSQL; it doesn't tell the URL, which may hold a password."""
    if storage.url is None:
        return URL.create("sqlite", database=str(storage.work_dir.expanduser() / FILE))
    try:
        url = make_url(storage.url.get_secret_value())
    except (ArgumentError, ValueError):
        raise ConfigError("storage.url is no URL of a database.", remedy=_REMEDY) from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url.set(drivername="sqlite")
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
        case name:
            raise ConfigError(
                f"storage.url names {name}, which is neither a file of SQLite nor PostgreSQL.", remedy=_REMEDY
            )


_REMEDY = "Write postgresql://USER:PASSWORD@HOST:5432/NAME or sqlite:////absolute/path."


class Database:
    """Opened when it is first used; made then if it is new, and upgraded if its tables are of an older revision.

    Thread-safe.
    """

    def __init__(self, storage: StorageSettings, lock_wait_s: float = BUSY_S) -> None:
        """lock_wait_s: how long a transaction waits for those of others."""
        self.url = database_url(storage)
        self._lock_wait_s = lock_wait_s
        self._work_dir = storage.work_dir.expanduser()
        self._engine: Engine | None = None
        # Of an SQLite database that is open.
        self._file: SqliteFile | None = None
        self._lock = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        assert self.url.database, "database_url refuses one without a file"
        return Path(self.url.database)

    def open(self) -> None:
        """May be called again. If it fails, the database is as it was.

        Errors: ServiceError STORAGE_UNAVAILABLE, STORAGE_NEWER (a revision that is not known here), SERVICE_RUNNING (it
        has to be upgraded, and an older service works with it); OutputError; InternalError for a fault in a migration.
        """
        self._opened()

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yields a connection in a transaction, which ends with the block: for good, or undone if the block raises.

        SQLite: a writing one from its start, so that it never has to give up for another's.
        Errors: those of open, OutputError STORAGE_FULL; IntegrityError is the caller's. STORAGE_UNAVAILABLE as well
        where the file of an SQLite database is no longer there: what was written would be lost.
        """
        try:
            engine, file = self._opened()
            with engine.begin() as connection:
                yield connection
            if file is not None:
                file.require()
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise translated(error) from error

    def identity(self) -> str:
        """Returns what tells this database from others. Errors: as begin."""
        with self.begin() as connection:
            return str(connection.scalar(sa.select(tables.version.c.database_id)))

    def connect(self) -> Connection:
        """Returns a connection of its own, for what lasts as long as it does. Errors: as begin."""
        try:
            return self._opened()[0].connect()
        except SQLAlchemyError as error:
            raise translated(error) from error

    def trouble(self) -> str | None:
        """Returns why all transactions are refused: the file of an SQLite database was removed or replaced while it was
        open (None: it was not, or is not open). Asks no database, and takes microseconds."""
        file = self._file
        return None if file is None or file.is_written_anew() else file.trouble()

    def mend(self) -> None:
        """Writes the file of an SQLite database anew if it was removed while it was open: its data is still there.
        Blocks. Errors: OutputError STORAGE_FULL; ServiceError STORAGE_UNAVAILABLE."""
        file = self._file
        if file is None or file.path.exists():
            return
        try:
            file.write_anew()
        except (sqlite3.Error, OSError) as error:
            sentence = f"{file.path} was removed, and can't be written anew: {str(error).rstrip('.')}."
            raise ServiceError(sentence, code="STORAGE_UNAVAILABLE") from error

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> tuple[Engine, SqliteFile | None]:
        """Errors: as begin."""
        with self._lock:
            if self._file is not None and self._file.trouble() is not None:
                if not self._file.is_written_anew():
                    self._file.require()
                self._close()
            if self._engine is None:
                self._engine = self._open()
                try:
                    self._file = SqliteFile(self.path) if self.is_sqlite else None
                except (sqlite3.Error, OSError) as error:
                    self._close()
                    sentence = f"{self.path} went away while it was opened: {str(error).rstrip('.')}."
                    raise ServiceError(sentence, code="STORAGE_UNAVAILABLE") from error
            return self._engine, self._file

    def _open(self) -> Engine:
        self._make_private()
        if self.is_sqlite:
            engine = sa.create_engine(self.url, connect_args={"timeout": self._lock_wait_s})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = sa.create_engine(
                self.url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_S, "application_name": "yivideo"}
            )
            event.listen(engine, "connect", self._set_up_postgresql)
        # Imported here: upgrading needs the lock of the one service, which needs this module.
        from yivideo_ray.storage.migrations.upgrade import upgrade

        try:
            upgrade(engine)
        except SQLAlchemyError as error:
            engine.dispose()
            raise translated(error) from error
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _set_up_postgresql(self, connection: Any, _: Any) -> None:
        # Outside a transaction, whose end would undo it.
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {round(1000 * self._lock_wait_s)}")
        connection.autocommit = False

    def _make_private(self) -> None:
        """Closes work_dir to others, for sessions and services open the database before they keep anything there, and
        makes the file of an SQLite database so that they can't read it elsewhere either."""
        directory = self._work_dir
        try:
            private_directory(directory)
            if self.is_sqlite:
                directory = self.path.parent
                directory.mkdir(parents=True, exist_ok=True)
                if not self.path.exists():
                    # SQLite gives the files beside it (-wal, -shm) the same mode.
                    self.path.touch(mode=0o600)
        except OSError as error:
            raise OutputError(
                f"{directory} can't be made: {error.strerror}.", remedy="Set storage.work_dir to another directory."
            ) from error


def require_answer(storage: StorageSettings) -> str:
    """Returns which database answers, without making or changing anything there. Errors: as Database.begin, and those
    of database_url."""
    url = database_url(storage)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        if not file.exists():
            return f"SQLite, {file}, made when it is first used"
        # Read only: not even a journal is left.
        url = url.set(database=f"file:{quote(str(file.absolute()))}", query={"mode": "ro", "uri": "true"})
        options, question, answering = {"timeout": CONNECT_S}, "PRAGMA schema_version", f"SQLite, {file}"
    else:
        options, question, answering = {"connect_timeout": CONNECT_S}, "SELECT 1", f"PostgreSQL, {url.host or 'here'}"
    engine = sa.create_engine(url, connect_args=options)
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(question))
    except SQLAlchemyError as error:
        raise translated(error) from error
    finally:
        engine.dispose()
    return answering


def require_writable(database: Database, wait_s: float) -> None:
    """Asks the database, on a connection of its own, whether a transaction could be made within wait_s; makes none.
    Errors: ServiceError STORAGE_UNAVAILABLE if it is locked or gone, OutputError STORAGE_FULL."""
    trouble = database.trouble()
    if trouble is not None:
        raise ServiceError(trouble, code="STORAGE_UNAVAILABLE")
    url = database.url
    if not database.is_sqlite:
        options: dict[str, Any] = {"connect_timeout": max(2, round(wait_s)), "application_name": "yivideo"}
        statements = ["SELECT 1"]
    else:
        # mode=rw: a file that is gone is not made anew.
        url = url.set(database=f"file:{quote(str(database.path.absolute()))}", query={"mode": "rw", "uri": "true"})
        options, statements = {"timeout": wait_s, "isolation_level": None}, ["BEGIN IMMEDIATE", "ROLLBACK"]
    engine = sa.create_engine(url, connect_args=options, poolclass=sa.NullPool)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    except SQLAlchemyError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def put(connection: Connection, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Writes the row of that primary key, whether or not it is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(table).values(**key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Transactions begin where SQLAlchemy says so, not where the driver guesses.
    connection.isolation_level = None
    # Readers don't wait for the writer, nor it for them. Two processes may open a new file at the same time: this one
    # statement doesn't wait by itself.
    retry(lambda: connection.execute("PRAGMA journal_mode = WAL"), WHILE_BUSY, _is_busy)
    # What is committed survives a power cut.
    connection.execute("PRAGMA synchronous = FULL")


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def translated(error: SQLAlchemyError) -> YivideoError:
    """Returns what the database reported as one of our errors; no text of it may hold the password."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None)
    lines = str(origin).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    if code == sqlite3.SQLITE_FULL or getattr(origin, "sqlstate", None) == "53100":
        return OutputError(f"The database has no room left: {reason}.", code="STORAGE_FULL")
    if isinstance(error, OperationalError) or code is not None:
        return ServiceError(f"The database can't be used: {reason}.", code="STORAGE_UNAVAILABLE")
    return ServiceError(f"The database refused a statement: {reason}.", code="STORAGE_UNAVAILABLE")
