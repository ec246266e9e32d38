"""The file of an SQLite database that is open: whether it is still there under its name, and copies of it.

A file that is removed while it is open goes on taking transactions, and all of them are gone with the process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from yivideo_ray.errors import ServiceError

__all__ = ["SIDE_FILES", "SqliteFile", "copied", "copy_aside"]

# What SQLite keeps beside a database that is open.
SIDE_FILES = ("-wal", "-shm")
PAGES_AT_ONCE = 4096

_log = logging.getLogger(__name__)
# Files that were written anew in this process, by their path: whoever has the old one open opens the new one instead.
_written_anew: dict[Path, tuple[int, int]] = {}


class SqliteFile:
    """The file as it was when this was made. Thread-safe. Errors: sqlite3.Error, OSError if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = threading.Lock()
        self._identity = _identity(self.path)
        # Of its own, so that the data can be read however many connections a pool has open; it is never written to.
        self._connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True, check_same_thread=False)
        self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def trouble(self) -> str | None:
        """Returns why what is written now would be lost; None: it would not. Takes microseconds."""
        try:
            now = _identity(self.path)
        except FileNotFoundError:
            return f"The database's file {self.path} was removed while it was in use."
        except OSError as error:
            return f"The database's file {self.path} can't be reached: {error.strerror}."
        return None if now == self._identity else f"The database's file {self.path} was replaced while it was in use."

    def is_written_anew(self) -> bool:
        """Returns whether another has written the data to a new file under the same name."""
        try:
            return _written_anew.get(self.path) == _identity(self.path)
        except OSError:
            return False

    def require(self) -> None:
        """Errors: ServiceError STORAGE_UNAVAILABLE where there is trouble."""
        trouble = self.trouble()
        if trouble is not None:
            raise ServiceError(
                trouble,
                code="STORAGE_UNAVAILABLE",
                remedy="Wait if it was removed: it is written anew. Else stop the service, put the right file there "
                "(docs/database.md) and start it.",
            )

    def write_anew(self) -> bool:
        """Writes a file that was removed anew, from what is still open of it, and returns whether it did: not if
        another is there by now. Who uses it has to open it again. Errors: sqlite3.Error, OSError."""
        with self._lock, copied(self._connection, self.path) as aside:
            identity = _identity(aside)
            # Of the removed one; they would be taken for those of the new one.
            for suffix in SIDE_FILES:
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            try:
                # Not a rename, which would replace what somebody has put there meanwhile.
                os.link(aside, self.path)
            except FileExistsError:
                return False
            _written_anew[self.path] = identity
        _log.error("%s was removed while it was in use; it has been written anew, nothing is lost.", self.path)
        return True


@contextlib.contextmanager
def copied(source: sqlite3.Connection, to: Path) -> Iterator[Path]:
    """Yields a whole copy of a database, beside `to` and synced, for only this user to read; it goes with the block
    unless it was renamed. Errors, after which nothing is left: sqlite3.Error, OSError."""
    aside = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        with contextlib.closing(sqlite3.connect(aside)) as target:
            source.backup(target, pages=PAGES_AT_ONCE)
            # A copy is one file; whoever opens it as a database of its own decides on its journal.
            target.execute("PRAGMA journal_mode = DELETE")
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        yield aside
    finally:
        for suffix in ("", "-journal", *SIDE_FILES):
            aside.with_name(aside.name + suffix).unlink(missing_ok=True)


def copy_aside(path: Path, to: Path) -> None:
    """Copies a database that may be in use to another file, which is replaced. Errors: sqlite3.Error, OSError."""
    with contextlib.closing(sqlite3.connect(path)) as source, copied(source, to) as aside:
        aside.replace(to)


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
