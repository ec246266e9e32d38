"""How many cores there are to work with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_cores"]

CONTROL_GROUPS = Path("/sys/fs/cgroup")


def available_cores(control_groups: Path = CONTROL_GROUPS) -> int:
    """Returns how many cores this process may use: its affinity, and no more than its control group's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *_quotas(control_groups)]))


def _quotas(root: Path) -> Iterator[int]:
    """Yields the cores, rounded up, that a quota amounts to; nothing where there is none."""
    # Version 2. Without a limit, the quota is "max".
    with contextlib.suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text(encoding="ascii").split()
        yield -(-int(quota) // int(period))
    # Version 1. Without a limit, the quota is -1.
    with contextlib.suppress(OSError, ValueError):
        limit, per = (
            int((root / f"cpu/cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period")
        )
        if limit > 0:
            yield -(-limit // per)
