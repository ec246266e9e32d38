"""Where a Ray that is started here keeps sockets, logs and what it spills, and the sweeping of what ended ones left:
Ray makes a directory for each start, of every `yivideo run` as well, and never removes one."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from pathlib import Path

from yivideo_ray.errors import CallError
from yivideo_ray.files import private_directory

__all__ = ["SESSIONS", "private_parent", "sessions_directory", "sweep_sessions"]

SESSIONS = "ray"
# For whoever looks for the reason of a fault: so many of the last ones, for so long.
KEPT, KEPT_S = 5, 7 * 86400.0
# One that is just being made has no socket yet.
STARTING_S = 600.0
# Where Ray's processes of a session listen as long as it lives.
RAYLET = Path("sockets", "raylet")
# What sockaddr_un has room for.
SOCKET_NAME_BYTES = 107


def private_parent() -> Path:
    """Returns the directory of this user's own under which Ray keeps its sessions."""
    # As Ray chooses where its own directory goes.
    base = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    return Path(base) / f"yivideo-{os.geteuid()}"


def sessions_directory() -> Path:
    """Returns where Ray is to keep its sessions: in a directory that nobody else may enter. Ray itself opens all its
    directories to everybody.

    Errors: CallError CLUSTER_UNAVAILABLE if somebody else has made that directory.
    """
    parent = private_parent()
    try:
        private_directory(parent)
        facts = parent.lstat()
    except OSError as error:
        raise _no_sessions(parent, error.strerror or str(error)) from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise _no_sessions(parent, "other users may enter it")
    return parent / SESSIONS


def sweep_sessions(directory: Path, now: float | None = None) -> None:
    """Removes the sessions that have ended, but the last KEPT of them, and of these what is older than KEPT_S. What is
    not there, or can't be removed, is no error."""
    now = time.time() if now is None else now
    ended = []
    for session in directory.glob("session_[0-9]*"):
        try:
            changed = session.lstat().st_mtime
        except OSError:
            continue
        if now - changed > STARTING_S and not session.is_symlink() and not _lives(session):
            ended.append((changed, session))
    for number, (changed, session) in enumerate(sorted(ended, reverse=True)):
        if number >= KEPT or now - changed > KEPT_S:
            shutil.rmtree(session, ignore_errors=True)


def _lives(session: Path) -> bool:
    """Returns whether processes of a session are there, of whatever container: somebody listens. In doubt they are."""
    name = str(session / RAYLET)
    if len(os.fsencode(name)) > SOCKET_NAME_BYTES:
        return (session / RAYLET).exists()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(name)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _no_sessions(parent: Path, reason: str) -> CallError:
    return CallError(
        f"Ray can't keep its sockets and logs in {parent}: {reason}.",
        code="CLUSTER_UNAVAILABLE",
        remedy="Set RAY_TMPDIR to a directory of yours with a short path.",
    )
