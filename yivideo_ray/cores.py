"""How many cores there are to work with."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_cores"]


def available_cores() -> int:
    """Returns how many cores this process may use: its affinity, and no more than its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)
