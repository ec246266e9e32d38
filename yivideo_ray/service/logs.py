"""The service's log: one file in work_dir, as text or JSON lines, each with the id of its workflow, and rotated.

What is logged while a workflow is worked on has its id by itself: `about` sets it for the task and those that it makes.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from yivideo_ray.config import Settings
from yivideo_ray.files import private_directory

__all__ = ["about", "follow", "log_file", "log_to_file", "size_of"]

# All that this package logs.
ROOT = "yivideo_ray"
POLL_S = 0.3

_workflow_id: contextvars.ContextVar[str] = contextvars.ContextVar("workflow_id", default="")


@contextlib.contextmanager
def about(workflow_id: str) -> Iterator[None]:
    """Has all that is logged within the block, and by tasks that are begun there, be about a workflow."""
    token = _workflow_id.set(workflow_id)
    try:
        yield
    finally:
        _workflow_id.reset(token)


def log_file(work_dir: Path) -> Path:
    return work_dir.expanduser() / "logs" / "service.log"


def log_to_file(settings: Settings) -> Callable[[], None]:
    """Has this process log to the service's file, as settings.logging says; returns what ends that. Errors: OSError."""
    own = settings.logging
    path = log_file(settings.storage.work_dir)
    private_directory(settings.storage.work_dir.expanduser())
    private_directory(path.parent)
    # Names of files may hold bytes that no encoding knows.
    options: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
    handler = RotatingFileHandler(path, maxBytes=own.max_bytes, backupCount=own.files - 1, **options)
    handler.setFormatter(JsonLines() if own.format == "json" else TextLines())
    handler.addFilter(_name_workflow)
    logger = logging.getLogger(ROOT)
    before = logger.level
    logger.setLevel(own.level.upper())
    logger.addHandler(handler)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()

    return end


class TextLines(logging.Formatter):
    """TIME LEVEL WORKFLOW MESSAGE, with - for no workflow; a traceback follows, each of its lines indented."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname:7} {getattr(record, 'workflow_id', '') or '-'}"
        lines = [record.getMessage(), *([self.formatException(record.exc_info)] if record.exc_info else [])]
        return f"{head} " + "\n    ".join("\n".join(lines).splitlines())


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, workflow_id, message, and traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "workflow_id": getattr(record, "workflow_id", "") or None,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def follow(path: Path, since: int, write: Callable[[str], None], stopped: Callable[[], bool]) -> None:
    """Calls write with each whole line of a log behind a place in it (size_of), also when it is rotated, until stopped
    and told all. Blocks; a file that is not there yet is waited for."""
    while True:
        last = stopped()
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(since)
            since = 0
            while True:
                # Asked first: what comes between the two is told with the next look.
                ends, rotated = last, _is_another(path, file)
                for line in _new_lines(file):
                    write(line)
                if ends or rotated:
                    break
                time.sleep(POLL_S)
                last = stopped()
            if rotated:
                continue
        if last:
            return
        time.sleep(POLL_S)


def size_of(path: Path) -> int:
    """Returns how long a log is now; 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0


def _is_another(path: Path, file: IO[bytes]) -> bool:
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def _new_lines(file: IO[bytes]) -> list[str]:
    """Returns the whole lines behind where a file is read."""
    data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    file.seek(len(whole) - len(data), os.SEEK_CUR)
    return whole.decode("utf-8", "replace").splitlines()


def _name_workflow(record: logging.LogRecord) -> bool:
    record.workflow_id = _workflow_id.get()
    return True


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03}Z"
