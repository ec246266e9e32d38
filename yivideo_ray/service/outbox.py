"""The message that tells a workflow's end to its callback_url, kept until it is delivered or given up. Calls block.

The body follows Standard Webhooks: type, timestamp and data. Signing and sending are left to serve.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from yivideo_ray.codec import text
from yivideo_ray.errors import ServiceError, warning_of
from yivideo_ray.progress import plain_warning
from yivideo_ray.service.contract import DueCallback
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership

__all__ = ["Callbacks", "callback_values"]

AT_ONCE = 100
_COLUMN = tables.workflows.c


def callback_values(row: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Returns the columns that make the end of a workflow known to its callback_url, if it has one."""
    if row["callback_url"] is None:
        return {}
    body = {
        "type": f"workflow.{row['state'].lower()}",
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "workflow_id": row["workflow_id"],
            "state": str(row["state"]),
            "video_path": text(json.loads(row["video"])),
            "partial": row["partial"],
            "outputs": [text(path) for path in json.loads(row["outputs"])],
            "warnings": [plain_warning(warning_of(told)) for told in json.loads(row["warnings"])],
            "error": None if row["error"] is None else json.loads(row["error"]),
        },
    }
    return {
        "callback_id": f"msg_{secrets.token_hex(16)}",
        "callback_body": json.dumps(body, ensure_ascii=False).encode(),
        "callback_attempts": 0,
        "callback_next": now,
    }


class Callbacks:
    """Which messages are due, and what became of their attempts. Errors: as WorkflowStore."""

    def __init__(self, database: Database, ownership: Ownership) -> None:
        self._database = database
        self._ownership = ownership

    def due(self, now: float) -> list[DueCallback]:
        """Returns messages whose next attempt is due, the longest due first."""
        wanted = (
            sa.select(
                _COLUMN.workflow_id,
                _COLUMN.callback_url,
                _COLUMN.callback_attempts,
                _COLUMN.callback_body,
                _COLUMN.callback_id,
            )
            .where(_COLUMN.callback_next <= now)
            .order_by(_COLUMN.callback_next)
            .limit(AT_ONCE)
        )
        with self._database.begin() as connection:
            rows = connection.execute(wanted).all()
        return [DueCallback(name, url, attempts + 1, body, message) for name, url, attempts, body, message in rows]

    def record(self, workflow_id: str, *, delivered: bool, next_attempt: float | None) -> None:
        """Errors: WORKFLOW_NOT_FOUND for one that was deleted meanwhile."""
        with self._database.begin() as connection:
            self._ownership.require(connection)
            done = connection.execute(
                tables.workflows.update()
                .where(_COLUMN.workflow_id == workflow_id)
                .values(
                    callback_attempts=_COLUMN.callback_attempts + 1,
                    callback_next=None if delivered else next_attempt,
                )
            )
            if not done.rowcount:
                raise ServiceError(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
