"""Retries whose waits take no time."""

from __future__ import annotations

from contextlib import AbstractContextManager

import stamina

__all__ = ["without_waits"]

MORE_THAN_ANY_POLICY = 1000


def without_waits() -> AbstractContextManager[None]:
    """Lets policies make their attempts at once, as many as they have."""
    return stamina.set_testing(True, attempts=MORE_THAN_ANY_POLICY, cap=True)
