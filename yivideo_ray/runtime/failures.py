"""Foreign errors become ours here, and nowhere else in the runtime: Ray's, the system's, and faults of our own."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import time
import traceback
from pathlib import Path

from yivideo_ray.errors import CallError, DeviceError, InputError, InternalError, OutputError, YivideoError

__all__ = ["log_fault", "translate"]

# Of those in one directory.
LOGS = 100


def translate(error: BaseException) -> YivideoError:
    """Returns error as one of ours, with the original as __cause__; ours come back unchanged.

    An exception that a remote function raised is judged by what it was there, not by Ray's wrapping of it.
    """
    import ray.exceptions as rex

    if isinstance(error, rex.RayTaskError):
        cause = error.cause
        if isinstance(cause, YivideoError):
            return cause
        if isinstance(cause, rex.RayError | OSError) and not isinstance(cause, rex.RayTaskError):
            return translate(cause)
        return _with_cause(InternalError(f"A stage failed: {_one_line(cause)}.", remote_traceback=str(error)), error)
    if isinstance(error, YivideoError):
        return error
    return _with_cause(_named(error), error)


def _named(error: BaseException) -> YivideoError:  # noqa: PLR0911, PLR0912 - a table, one line per failure
    import ray.exceptions as rex

    match error:
        case rex.ActorUnschedulableError():
            return DeviceError("The cluster has no place for the GPU actor.")
        case rex.ActorDiedError():
            return CallError("The GPU actor has ended.", code="ACTOR_LOST", gone=True)
        case rex.RayActorError():
            return CallError("The GPU actor's process was lost and is restarting.", code="ACTOR_LOST")
        case rex.GetTimeoutError():
            return CallError("A call to the GPU actor was not answered in time.", code="CALL_TIMED_OUT")
        case rex.TaskCancelledError():
            return CallError("The work was cancelled.", code="CANCELLED")
        case rex.PendingCallsLimitExceeded():
            return CallError("Too many calls wait for the GPU already.", code="MAILBOX_FULL")
        case rex.WorkerCrashedError():
            return InputError(
                "Worker processes ended again and again while they worked on this video.",
                code="INPUT_SET_ASIDE",
                remedy="Check the file, or convert it; if every video fails so, look at Ray's logs.",
            )
        case rex.ObjectStoreFullError() | rex.OutOfDiskError():
            return OutputError("Ray's object store has no room left.", code="STORAGE_FULL")
        case rex.OutOfMemoryError():
            return CallError("A worker process was ended because memory ran out.", code="WORKER_LOST")
        case rex.NodeDiedError() | rex.ObjectLostError():
            return CallError("A node with work of this video was lost.", code="WORKER_LOST")
        case rex.RayError():
            return CallError(f"The Ray cluster failed: {_one_line(error)}.", code="CLUSTER_UNAVAILABLE")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return OutputError(f"The disk is full: {_one_line(error)}.", code="STORAGE_FULL")
        case _:
            return InternalError(f"{_one_line(error)}.")


def log_fault(error: BaseException, work_dir: Path) -> InternalError:
    """Writes the traceback to a new file that only this user may read, and returns an InternalError that names it.
    The last LOGS of them are kept."""
    text = "".join(traceback.format_exception(error))
    if isinstance(error, InternalError) and "remote_traceback" in error.facts:
        text += "\n" + str(error.facts["remote_traceback"])
    name = f"fault-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 1_000_000_000:09d}.log"
    message = error.message if isinstance(error, YivideoError) else f"{_one_line(error)}."
    for directory in (work_dir / "logs", Path(tempfile.gettempdir())):
        path = directory / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _make_room(directory)
            with open(path, "x", encoding="utf-8", opener=_private_opener) as file:
                file.write(text)
        except OSError:
            continue
        return InternalError(message, remedy=f"This is a fault of yivideo: report it with {path}.", log=str(path))
    logging.getLogger(__name__).error("%s", text)
    return InternalError(message)


def _make_room(directory: Path) -> None:
    """Leaves room for one more of the LOGS logs of faults that are kept: their names sort by time."""
    own = [path for path in directory.glob("fault-*T*-*.log") if path.lstat().st_uid == os.geteuid()]
    for path in sorted(own)[: max(0, len(own) - LOGS + 1)]:
        path.unlink(missing_ok=True)


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _with_cause(error: YivideoError, cause: BaseException) -> YivideoError:
    error.__cause__ = cause
    return error


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
