"""Copies of an SQLite database: made while others work with it, and put in its place again. Calls block.

Of PostgreSQL its own pg_dump makes better ones, which hold together with all else on the server: none is made here.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from yivideo_ray.config import StorageSettings
from yivideo_ray.errors import ConfigError, InputError, OutputError, ServiceError
from yivideo_ray.files import private_directory
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, database_url, translated
from yivideo_ray.storage.migrations.upgrade import require_known
from yivideo_ray.storage.ownership import ServiceLock
from yivideo_ray.storage.sqlite_file import SIDE_FILES, copied

__all__ = ["back_up", "restore"]

BACKUPS = "backups"


def back_up(storage: StorageSettings, to: Path | None, *, overwrite: bool = False) -> Path:
    """Copies the database to a file that only this user may read, and returns it; None: a new one in work_dir/backups.
    What others commit meanwhile is in the copy whole or not at all.

    Errors, after which there is no new file: ConfigError for PostgreSQL; InputError INPUT_NOT_FOUND if there is no
    database; OutputError OUTPUT_EXISTS, OUTPUT_NOT_WRITABLE, STORAGE_FULL; ServiceError STORAGE_UNAVAILABLE.
    """
    path = _sqlite_path(storage)
    if not path.exists():
        raise InputError(f"There is no database at {path}.", code="INPUT_NOT_FOUND", remedy="Check storage.work_dir.")
    if to is None:
        to = storage.work_dir.expanduser() / BACKUPS / time.strftime("workflows-%Y%m%dT%H%M%S.sqlite")
    if to.exists() and not overwrite:
        raise OutputError(f"{to} is there already.", code="OUTPUT_EXISTS", remedy="Name another, or use --overwrite.")
    if path.resolve() == to.resolve():
        raise OutputError(f"{to} is the database itself.", code="OUTPUT_EXISTS", remedy="Name another file.")
    try:
        if to.parent.name == BACKUPS:
            private_directory(to.parent)
        with contextlib.closing(sqlite3.connect(_read_only(path), uri=True)) as source, copied(source, to) as aside:
            aside.replace(to)
    except (sqlite3.Error, OSError) as error:
        raise _failure(to, error) from error
    return to


def restore(storage: StorageSettings, backup: Path) -> Path | None:
    """Puts a copy of a backup in the place of the database, and returns where that is now (None: there was none). The
    backup may be of any revision known here: it is upgraded when it is first used.

    Errors, after which all is as it was: ConfigError for PostgreSQL; InputError for what is no backup; ServiceError
    STORAGE_NEWER, SERVICE_RUNNING if a service works with the database; those of back_up.
    """
    path = _sqlite_path(storage)
    if not backup.is_file():
        raise InputError(f"There is no file {backup}.", code="INPUT_NOT_FOUND")
    if backup.resolve() == path.resolve():
        raise InputError(f"{backup} is the database itself.", code="INPUT_UNRECOGNIZED", remedy="Name a backup.")
    database = Database(storage)
    lock = ServiceLock(database.url, database.connect)
    try:
        _require_sound(backup)
        private_directory(storage.work_dir.expanduser())
        if not lock.try_take():
            raise ServiceError("A service works with the database.", code="SERVICE_RUNNING", remedy="Stop it first.")
        with contextlib.closing(sqlite3.connect(_read_only(backup), uri=True)) as source, copied(source, path) as aside:
            kept = _move_aside(path)
            aside.replace(path)
        return kept
    except (sqlite3.Error, OSError) as error:
        raise _failure(path, error) from error
    finally:
        lock.release()


def _sqlite_path(storage: StorageSettings) -> Path:
    url = database_url(storage)
    if url.get_backend_name() != "sqlite":
        # Without the password, which pg_dump asks for.
        shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()
        raise ConfigError(
            "storage.url names PostgreSQL, whose own programs make backups and restore them.",
            remedy=f"pg_dump --format=custom --table='yivideo_*' --file=workflows.dump {shown}, and to restore: "
            f"pg_restore --clean --if-exists -d {shown} workflows.dump",
        )
    return Path(url.database or "")


def _move_aside(path: Path) -> Path | None:
    """Moves a database, with what it has not written back yet, to a name beside it."""
    if not path.exists():
        for suffix in SIDE_FILES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return None
    kept = path.with_name(f"{path.name}.before-restore-{time.strftime('%Y%m%dT%H%M%S')}")
    # The side files first: a database without them may lack what was committed last, and must not be taken for whole.
    for suffix in (*SIDE_FILES, ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    return kept


def _require_sound(backup: Path) -> None:
    """Errors: InputError INPUT_UNRECOGNIZED, INPUT_CORRUPT, ServiceError STORAGE_NEWER."""
    engine = sa.create_engine(f"sqlite:///{_read_only(backup)}&uri=true")
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(tables.version.name):
                raise _no_backup(backup, "it has no tables of yivideo")
            require_known(connection)
            if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                sentence = f"{backup} is damaged."
                raise InputError(sentence, code="INPUT_CORRUPT", remedy="Take another backup.")
    except SQLAlchemyError as error:
        raise _no_backup(backup, translated(error).message.rstrip(".")) from error
    finally:
        engine.dispose()


def _no_backup(backup: Path, reason: str) -> InputError:
    sentence = f"{backup} is no backup of yivideo's database: {reason}."
    return InputError(sentence, code="INPUT_UNRECOGNIZED", remedy="Name a file that yivideo db backup made.")


def _read_only(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}?mode=ro"


def _failure(path: Path, error: sqlite3.Error | OSError) -> OutputError:
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in (
        errno.ENOSPC,
        errno.EDQUOT,
    )
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{path} can't be written: {reason}.", code="STORAGE_FULL" if full else "OUTPUT_NOT_WRITABLE")
