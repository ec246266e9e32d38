"""Writing files so that nobody ever sees half of one, and directories that nobody else sees into."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from yivideo_ray.errors import OutputError

__all__ = ["private_directory", "write_atomically", "write_together"]


def private_directory(directory: Path) -> None:
    """Makes a directory that nobody else may enter, and those above it as usual. One that is there and this user's is
    closed to others; somebody else's stays as it is, and so does one that is open to all on purpose (sticky, as /tmp).

    Raises OSError if it can't be made. A file system that keeps no modes is no error.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    facts = directory.stat()
    if facts.st_uid == os.geteuid() and facts.st_mode & 0o077 and not facts.st_mode & stat.S_ISVTX:
        with contextlib.suppress(OSError):
            directory.chmod(stat.S_IMODE(facts.st_mode) & ~0o077)


def write_atomically(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Puts data, or its parts one after the other, at path, whole or not at all. Errors: as write_together."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes | Iterable[bytes]]) -> None:
    """Puts each file's data at its path, whole or not at all: all are written aside in the same directory and synced
    before the first is renamed, so that a full disk leaves every path as it was.

    Errors, after which nothing is left aside: OutputError STORAGE_FULL (a retry helps once there is room),
    OUTPUT_NOT_WRITABLE.
    """
    aside = {path: path.parent / f".{secrets.token_hex(8)}.part" for path in files}
    path = Path()
    try:
        try:
            for path, data in files.items():
                _write_aside(path, aside[path], data)
            for path in files:
                aside[path].replace(path)
        except BaseException:
            for left in aside.values():
                with contextlib.suppress(OSError):
                    left.unlink()
            raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(
            f"{path} can't be written: {error.strerror or error}.",
            code="STORAGE_FULL" if full else "OUTPUT_NOT_WRITABLE",
            path=str(path),
        ) from error
    for directory in {path.parent for path in files}:
        _sync_directory(directory)


def _write_aside(path: Path, aside: Path, data: bytes | Iterable[bytes]) -> None:
    if path.is_dir():
        # Renaming would find out too late: when others of the files have been replaced.
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # Not tempfile, whose files only their owner may read.
    with aside.open("xb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    # Makes the rename survive a power cut. Some network file systems refuse; the file is whole all the same.
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
