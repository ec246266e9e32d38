"""A database brought to the newest revision of its tables: a new one, one of an older revision, or one from the time
before there were revisions.

An upgrade is one transaction, by one process, while no service works with the database. Looking whether one is due is
two or three short queries; alembic is imported only for an upgrade, because that takes a fifth of a second.
"""

from __future__ import annotations

import enum
import errno
import logging
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from yivideo_ray.errors import InternalError, OutputError, ServiceError
from yivideo_ray.retries import retry
from yivideo_ray.storage import tables
from yivideo_ray.storage.ownership import PATIENCE_S, ServiceLock, is_held, while_held
from yivideo_ray.storage.sqlite_file import copy_aside

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "REVISIONS",
    "copy_of",
    "migrate",
    "require_known",
    "revision",
    "revision_config",
    "revision_ids",
    "upgrade",
]

HERE = Path(__file__).parent
# Alembic's own table: the database's revision, in one row.
REVISIONS = sa.Table("yivideo_revision", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
# What yivideo_version said when there were no revisions yet: the tables of 0001.
BEFORE_REVISIONS = 1
# Held while the tables are made or changed: PostgreSQL lets two processes make the same one, and then one fails.
MAKING_TABLES = 0x71766964
# A change of a table waits for those who use it, and all others wait behind it.
TABLE_LOCK_TIMEOUT = "30s"

_log = logging.getLogger(__name__)
# alembic.context and alembic.op are global.
_one_at_a_time = threading.Lock()


class State(enum.Enum):
    """NEW: none of our tables is there. OLDER: an upgrade is due."""

    NEW = enum.auto()
    OLDER = enum.auto()
    CURRENT = enum.auto()


def upgrade(engine: Engine) -> None:
    """Leaves the database at the newest revision. If it fails, the database is as it was.

    Errors: ServiceError STORAGE_NEWER for a database of a revision that is not known here, SERVICE_RUNNING if a service
    works with an older one for longer than PATIENCE_S seconds; InternalError for a fault in a migration; OutputError;
    SQLAlchemyError.
    """
    lock = ServiceLock(engine.url, engine.connect)
    try:
        if _is_due(engine, lock):
            with _one_at_a_time, engine.begin() as connection:
                _upgrade(connection)
    finally:
        lock.release()


def revision_ids() -> list[str]:
    """Returns the revisions known here, the oldest first."""
    return sorted(path.name.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*_*.py"))


def revision_config(connection: Connection) -> Config:
    """Returns what alembic's commands need to work in the transaction of a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Runs the migrations up to a revision, within the connection's transaction."""
    from alembic import command

    command.upgrade(revision_config(connection), revision)


def _is_due(engine: Engine, lock: ServiceLock) -> bool:
    """Returns whether an upgrade is due, having taken the lock if there is something that a service could work with."""

    def look() -> bool:
        with engine.begin() as connection:
            state = _state(connection)
        # A service of this version may have upgraded it meanwhile, and hold the lock for days.
        if state is State.CURRENT:
            return False
        if state is State.NEW or lock.try_take():
            return True
        raise ServiceError(
            "The database has to be upgraded, and a service of an earlier version works with it.",
            code="SERVICE_RUNNING",
        )

    return retry(look, while_held(PATIENCE_S), is_held)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING_TABLES)))
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TABLE_LOCK_TIMEOUT}'")
    # Others may have done it while this one waited.
    state = _state(connection)
    if state is State.CURRENT:
        return
    if state is State.OLDER:
        _copy(connection)
    try:
        migrate(connection)
    except SQLAlchemyError:
        # The server's reasons (no right to make tables, no room) are the operator's affair.
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        raise InternalError(f"The database can't be upgraded, and is as it was: {reason}.") from error
    _write_version(connection)


def revision(url: URL) -> str | None:
    """Returns the revision of a database (None: it is new, or not there), without making or changing anything there.
    Errors: as upgrade."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            match _state(connection):
                case State.NEW:
                    return None
                case State.CURRENT:
                    return revision_ids()[-1]
                case State.OLDER:
                    has_revisions = sa.inspect(connection).has_table(REVISIONS.name)
                    found = connection.scalar(sa.select(REVISIONS.c.version_num)) if has_revisions else None
                    return str(found or revision_ids()[0])
    finally:
        engine.dispose()


def copy_of(database: Path) -> Path:
    """Returns where an SQLite database is copied to before it is upgraded to the newest revision."""
    return database.with_name(f"{database.name}.before-{revision_ids()[-1]}")


def _copy(connection: Connection) -> None:
    """Copies an SQLite database that is about to be upgraded. This transaction keeps all others from writing to it.
    Errors: OutputError STORAGE_FULL, OUTPUT_NOT_WRITABLE."""
    name = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not name:
        # Its own programs make copies; the upgrade is undone whole if it fails.
        return
    copy = copy_of(Path(name))
    try:
        copy_aside(Path(name), copy)
    except (sqlite3.Error, OSError) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "full" in str(error)
        raise OutputError(
            f"The database has to be upgraded, and no copy of it can be made at {copy}: {str(error).rstrip('.')}.",
            code="STORAGE_FULL" if full else "OUTPUT_NOT_WRITABLE",
            remedy="Make room there, or permission to write.",
        ) from error
    _log.info("The database is upgraded to revision %s; %s is as it was.", revision_ids()[-1], copy)


def require_known(connection: Connection) -> None:
    """Errors: ServiceError STORAGE_NEWER for a database of a revision that is not known here."""
    _state(connection)


def _state(connection: Connection) -> State:
    """Errors: ServiceError STORAGE_NEWER."""
    inspector = sa.inspect(connection)
    known = revision_ids()
    if inspector.has_table(REVISIONS.name):
        revision = connection.scalar(sa.select(REVISIONS.c.version_num))
        if revision not in known:
            raise _newer(f"revision {revision}")
        return State.CURRENT if revision == known[-1] else State.OLDER
    if not inspector.has_table(tables.version.name):
        return State.NEW
    version = connection.scalar(sa.select(tables.version.c.version))
    if version != BEFORE_REVISIONS:
        raise _newer(f"version {version}")
    return State.OLDER


def _newer(found: str) -> ServiceError:
    return ServiceError(
        f"The database was made by another version of yivideo: its tables are of {found}, "
        f"and this one knows them up to revision {revision_ids()[-1]}.",
        code="STORAGE_NEWER",
    )


def _write_version(connection: Connection) -> None:
    """Keeps out programs from before there were revisions once a table has changed: they look at this number alone."""
    number = int(revision_ids()[-1])
    if connection.execute(tables.version.update().values(version=number)).rowcount == 0:
        made = {"version": number, "database_id": secrets.token_hex(8)}
        connection.execute(tables.version.insert().values(**made))
