"""The service in a process of its own, which may be killed and is started again.

    python -m tests.support.service_process SOCKET CONFIG

is that process. It answers one JSON object a line on a Unix socket. An error of the service is
{"error": YivideoError.as_dict()}.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yivideo_ray.config import load_settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import Priority
from yivideo_ray.progress import event_line
from yivideo_ray.service.contract import TERMINAL, WorkflowRequest, WorkflowView
from yivideo_ray.service.service import Service, open_service

__all__ = ["KilledProcess", "ServiceProcess", "main"]


class KilledProcess:
    """At most one process at a time. What it writes goes to the end of log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it in the project's root, with these variables beside those of this process."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **environment}, cwd=Path(__file__).parents[2]
            )

    def kill(self) -> int | None:
        """Ends it with SIGKILL, and returns its pid; None: it was not there."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.kill()
        process.wait()
        return process.pid

    def is_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None


class ServiceProcess(KilledProcess):
    """This module in a process of its own, asked over its socket."""

    def __init__(self, config: Path, directory: Path) -> None:
        super().__init__(directory / "service.log")
        self._config = config
        self._socket = directory / "socket"

    def start(self, environment: Mapping[str, str]) -> None:
        self._socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.support.service_process", str(self._socket), str(self._config)]
        self.launch(command, environment)

    async def ask(self, **asked: Any) -> dict[str, Any]:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=1 << 24)
        except OSError as error:
            raise ConnectionError(str(error)) from error
        try:
            writer.write(json.dumps(asked).encode() + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionError("the service went away")
        answer: dict[str, Any] = json.loads(line)
        return answer


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
