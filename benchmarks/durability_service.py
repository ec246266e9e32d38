"""The service in a process of its own, for benchmarks: python -m benchmarks.durability_service SOCKET CONFIG.

It answers one JSON object a line on a Unix socket. An error of the service is {"error": YivideoError.as_dict()}.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from yivideo_ray.config import load_settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import Priority
from yivideo_ray.progress import event_line
from yivideo_ray.service.contract import TERMINAL, WorkflowRequest, WorkflowView
from yivideo_ray.service.service import Service, open_service

__all__ = ["main"]


class _Server:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    answer = await self._do(json.loads(line))
                except YivideoError as error:
                    answer = {"error": error.as_dict()}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _do(self, asked: dict[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "submit":
                request = WorkflowRequest(
                    Path(asked["video"]),
                    priority=Priority[asked["priority"]],
                    idempotency_key=asked["key"],
                    fingerprint=asked["key"],
                )
                return _plain((await self._service.submit(request))[0])
            case "get":
                return _plain(await self._service.get(asked["id"]))
            case "events":
                # Only of one that has ended: this doesn't wait.
                events = [numbered async for numbered in self._service.events(asked["id"])]
                return {"events": [{"number": one.number, **event_line(one.event)} for one in events]}
            case "ids":
                ids: list[str] = []
                cursor: str | None = None
                while True:
                    page = await self._service.list(limit=100, cursor=cursor)
                    ids += [view.workflow_id for view in page.workflows]
                    cursor = page.next_cursor
                    if cursor is None:
                        return {"ids": ids}
            case other:
                raise ValueError(f"nothing is known of {other!r}")


def _plain(view: WorkflowView) -> dict[str, Any]:
    return {
        "id": view.workflow_id,
        "state": view.state.value,
        "terminal": view.state in TERMINAL,
        "percent": view.percent,
        "error": view.error,
        "outputs": [str(path) for path in view.outputs],
    }


async def _serve(socket: str, config: Path) -> None:
    service = open_service(load_settings(config))
    await service.start()
    server = await asyncio.start_unix_server(_Server(service).answer, socket, limit=1 << 24)
    async with server:
        await server.serve_forever()


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    socket, config = sys.argv[1:]
    asyncio.run(_serve(socket, Path(config)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
