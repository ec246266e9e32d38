"""What a test of several nodes reads of the calls that were made there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def calls_begun(log: Path) -> list[dict[str, Any]]:
    """Returns the scripted engine's log entries of calls that began."""
    if not log.exists():
        return []
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [entry for entry in entries if entry["event"] == "start"]
