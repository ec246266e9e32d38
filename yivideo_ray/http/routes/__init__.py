"""The calls, by what they are about, and the dependencies that FastAPI resolves for them. app.py puts them together."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from yivideo_ray.config import Settings
from yivideo_ray.http.wire import EXAMPLE_ID, ID_PATTERN
from yivideo_ray.service.contract import WorkflowService

__all__ = ["ServiceDep", "SettingsDep", "WorkflowId"]


# Coroutines, though they wait for nothing: FastAPI calls plain functions in a pool of threads that all requests share.
async def _service(request: Request) -> WorkflowService:
    service: WorkflowService = request.app.state.service
    return service


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


ServiceDep = Annotated[WorkflowService, Depends(_service)]
SettingsDep = Annotated[Settings, Depends(_settings)]
WorkflowId = Annotated[str, Path(pattern=ID_PATTERN, description="The workflow's id.", examples=[EXAMPLE_ID])]
