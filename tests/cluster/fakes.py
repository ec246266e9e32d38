"""Services for the replica of a cluster test, made there by name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.fake_service import FakeService
from yivideo_ray.config import Settings
from yivideo_ray.errors import ServiceError
from yivideo_ray.service.contract import WorkflowView

__all__ = ["broken", "slow"]

SLOW_S = 4.0


@dataclass(slots=True)
class SlowService(FakeService):
    """Takes SLOW_S to show a workflow."""

    async def get(self, workflow_id: str) -> WorkflowView:
        await asyncio.sleep(SLOW_S)
        return await FakeService.get(self, workflow_id)


class BrokenService(FakeService):
    """Can't be started."""

    async def start(self) -> None:
        raise ServiceError("The database is elsewhere.", code="STORAGE_UNAVAILABLE")


def slow(settings: Settings) -> FakeService:
    return SlowService(settings.serve.max_queued)


def broken(settings: Settings) -> FakeService:
    return BrokenService()
