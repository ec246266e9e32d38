"""What the calls have in common: where they find the service, and the errors they may answer with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Path, Request

from yivideo_ray.config import Settings
from yivideo_ray.errors import CODES
from yivideo_ray.http.wire import EXAMPLE_ID, ID_PATTERN
from yivideo_ray.service.contract import WorkflowService

__all__ = ["Configured", "Service", "WorkflowId", "problems"]

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _service(request: Request) -> WorkflowService:
    service: WorkflowService = request.app.state.service
    return service


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Service = Annotated[WorkflowService, Depends(_service)]
Configured = Annotated[Settings, Depends(_settings)]
WorkflowId = Annotated[str, Path(pattern=ID_PATTERN, description="The workflow's id.", examples=[EXAMPLE_ID])]


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Returns the schema's entries for the errors that a call may answer with; any call may meet others, too."""
    by_status: dict[int, list[str]] = {}
    for name in codes:
        by_status.setdefault(CODES[name].http_status, []).append(name)
    return {
        **{status: {"description": _listed(names), "content": PROBLEM} for status, names in by_status.items()},
        "default": {"description": "Any other error, such as UNAUTHORIZED.", "content": PROBLEM},
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
