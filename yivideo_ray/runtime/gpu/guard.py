"""Ends a process whose native code keeps Python's lock: what needs Python to run can't end it then. No Ray."""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["HangGuard"]


class HangGuard:
    """After `limit_s` in one block of `watch`, tracebacks go to standard error and the process exits with code 1.

    A C thread does that, which needs no GIL. Blocks of several threads may overlap.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._ends: dict[int, float] = {}

    @contextmanager
    def watch(self) -> Iterator[None]:
        me = threading.get_ident()
        with self._lock:
            self._ends[me] = time.monotonic() + self._limit_s
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                del self._ends[me]
                self._arm()

    def _arm(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        if self._ends:
            left_s = max(0.01, min(self._ends.values()) - time.monotonic())
            faulthandler.dump_traceback_later(left_s, exit=True, file=sys.__stderr__ or 2)
