"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from yivideo_ray.errors import OutputError

__all__ = ["write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Puts data at path, whole or not at all: written aside in the same directory, synced, then renamed.

    Errors, after which path is as it was and nothing is left aside: OutputError STORAGE_FULL (a retry helps once there
    is room), OUTPUT_NOT_WRITABLE.
    """
    aside = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        try:
            # Not tempfile, whose files only their owner may read.
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(
            f"{path} can't be written: {error.strerror or error}.",
            code="STORAGE_FULL" if full else "OUTPUT_NOT_WRITABLE",
            path=str(path),
        ) from error
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # Makes the rename survive a power cut. Some network file systems refuse; the file is whole all the same.
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
