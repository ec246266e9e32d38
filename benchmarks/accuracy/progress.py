"""How far a long step is, on stderr: one line that is rewritten on a terminal, now and then a new line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["Progress"]

TERMINAL_EVERY_S, LOG_EVERY_S = 0.2, 10.0
# The first moments say nothing about the pace.
PACE_AFTER_S = 2.0


class Progress:
    """Shows how much of total is done and how long the rest will take at the pace so far. clock returns seconds."""

    def __init__(
        self, step: str, total: float, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step, self._total = step, total
        self._stream = stream or sys.stderr
        self._clock = clock
        self._began = clock()
        self._terminal = self._stream.isatty()
        self._next = self._began
        self._width = 0

    def show(self, done: float, now: str) -> None:
        """Says that done of total is done and what is being worked on. May be called often."""
        at = self._clock()
        if at < self._next:
            return
        self._next = at + (TERMINAL_EVERY_S if self._terminal else LOG_EVERY_S)
        share = done / self._total if self._total else 1.0
        left = ""
        if 0 < share < 1 and at - self._began >= PACE_AFTER_S:
            left = f", {_duration((at - self._began) * (1 - share) / share)} left"
        line = f"{self._step}: {share:4.0%}{left} ({now})"
        if self._terminal:
            self._stream.write(f"\r{line:<{self._width}}")
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Makes room for a line of the result on a terminal; the next call of show says where things are again."""
        if self._terminal and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0
            self._next = self._clock()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
