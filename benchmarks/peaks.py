"""The highest that a figure gets while something runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Peak"]


class Peak:
    """The highest that measure gave, in bytes, looked at every interval_s seconds and at the end.

    samples: what each look gave, after so many seconds from the start of watch.
    """

    def __init__(self, measure: Callable[[], int], interval_s: float) -> None:
        self.peak_bytes = 0
        self.samples: list[tuple[float, int]] = []
        self._began = time.monotonic()
        self._measure = measure
        self._interval_s = interval_s

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keeps the peak of what runs inside. Looking costs time: keep it out of what is timed."""
        ended = threading.Event()
        self._began = time.monotonic()

        def sample() -> None:
            while not ended.wait(self._interval_s):
                self._look()

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._look()

    def _look(self) -> None:
        found = self._measure()
        self.samples.append((round(time.monotonic() - self._began, 1), found))
        self.peak_bytes = max(self.peak_bytes, found)
