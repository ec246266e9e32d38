"""How long calls of each stage take on the device, and what that makes others wait. Pure."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable

__all__ = ["History"]

# The last calls of a stage: enough for a steady median, few enough to follow a change.
REMEMBERED = 32


class History:
    """Durations in seconds by stage. A stage without any is taken for the mean of the others."""

    def __init__(self) -> None:
        self._durations: dict[str, deque[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        self._durations.setdefault(stage, deque(maxlen=REMEMBERED)).append(seconds)

    def typical_s(self, stage: str) -> float | None:
        """Returns the median of the stage's last calls; None before the first call of any stage."""
        if stage in self._durations:
            return statistics.median(self._durations[stage])
        medians = [statistics.median(known) for known in self._durations.values()]
        return statistics.fmean(medians) if medians else None

    def left_s(self, stage: str, running_s: float) -> float | None:
        """Returns how much longer a call will probably take that has run for a while; 0 for one that is overdue."""
        typical = self.typical_s(stage)
        return None if typical is None else max(0.0, typical - running_s)

    def waits(self, running: Iterable[tuple[str, float]], queue: Iterable[str]) -> list[float | None]:
        """Returns the expected wait of each call of the queue, and behind them that of one more.

        running: the stage and the seconds so far of what is on the device; queue: stages in the order of their turns.
        """
        total: float | None = 0.0
        for stage, running_s in running:
            total = _sum(total, self.left_s(stage, running_s))
        waits = [total]
        for stage in queue:
            total = _sum(total, self.typical_s(stage))
            waits.append(total)
        return waits

    def as_dict(self) -> dict[str, dict[str, float]]:
        return {
            stage: {"calls": len(known), "median_s": round(statistics.median(known), 4), "max_s": round(max(known), 4)}
            for stage, known in self._durations.items()
        }


def _sum(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
