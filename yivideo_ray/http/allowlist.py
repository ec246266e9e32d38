"""The allowlist of videos that a request may name: regular files of this machine under storage.allowed_roots, however
it writes them, and addresses that storage.allowed_urls allow."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from yivideo_ray.config import StorageSettings
from yivideo_ray.errors import InputError
from yivideo_ray.locations import Url, VideoLocation, is_address
from yivideo_ray.media import admitted

__all__ = ["allowed_path", "allowed_video"]

# "data:", "concat:", "file:" have no slashes; a name with a colon in it may stand behind a directory only.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def allowed_video(given: str, settings: StorageSettings) -> VideoLocation:
    """Returns the video that a request names: an address, of which nothing is looked up here, or what allowed_path
    gives.

    Errors: InputError INPUT_SCHEME_FORBIDDEN, and those of allowed_path.
    """
    if is_address(given):
        return admitted(Url(given), settings.allowed_urls)
    return allowed_path(given, settings.allowed_roots)


def allowed_path(given: str, roots: Sequence[Path]) -> Path:
    """Returns the absolute path, without links and "..", of the file that a request names.

    Touches nothing outside the roots, and tells nothing about what is there: a path that leads out is
    PATH_OUTSIDE_ROOT whether or not there is a file. Errors: InputError PATH_OUTSIDE_ROOT, INPUT_SCHEME_FORBIDDEN,
    INPUT_NOT_FOUND, INPUT_NOT_REGULAR_FILE, INPUT_UNREADABLE, INPUT_EMPTY.
    """
    if _SCHEME.match(given):
        raise InputError(f"{given!r} is an address, not a file.", code="INPUT_SCHEME_FORBIDDEN")
    try:
        os.fsencode(given)
    except UnicodeEncodeError as error:
        raise InputError("The path holds characters that no file's name can have.", code="INPUT_NOT_FOUND") from error
    if "\0" in given:
        raise InputError("The path holds characters that no file's name can have.", code="INPUT_NOT_FOUND")
    # A root may be named as it is in the settings, or as its links lead; both stay what they are.
    real = [_real(root) for root in roots]
    if not any(_stays_under(given, root) for root in (*roots, *real)):
        raise _outside(given)
    resolved = _real(Path(given))
    if not any(resolved.is_relative_to(root) for root in real):
        raise _outside(given)
    return _regular(resolved, given)


def _stays_under(given: str, root: Path) -> bool:
    """Returns whether the path goes into the root and never above it, as it is written."""
    parts, begin = PurePosixPath(given).parts, root.parts
    if parts[: len(begin)] != begin:
        return False
    depth = 0
    for part in parts[len(begin) :]:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


def _real(path: Path) -> Path:
    # Not Path.resolve, which raises where links go round in circles; this leaves them for stat to refuse.
    return Path(os.path.realpath(path))


def _outside(given: str) -> InputError:
    return InputError(f"{given!r} is not in a directory whose videos the service may read.", code="PATH_OUTSIDE_ROOT")


def _regular(path: Path, given: str) -> Path:
    try:
        facts = path.stat()
    except PermissionError as error:
        raise InputError(f"{given!r} may not be read.", code="INPUT_UNREADABLE") from error
    except OSError as error:
        raise InputError(f"There is no file {given!r}.", code="INPUT_NOT_FOUND") from error
    if not stat.S_ISREG(facts.st_mode):
        raise InputError(f"{given!r} is not a regular file.", code="INPUT_NOT_REGULAR_FILE")
    if not os.access(path, os.R_OK):
        raise InputError(f"{given!r} may not be read.", code="INPUT_UNREADABLE")
    if facts.st_size == 0:
        raise InputError(f"{given!r} is empty.", code="INPUT_EMPTY")
    return path
