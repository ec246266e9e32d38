"""`yivideo serve` in a process of its own, asked over HTTP, and the processes of Ray Serve in which it lives."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from tests.support.service_process import KilledProcess

__all__ = ["SERVE", "ServeCommand"]

SERVE = {"kill orchestrator": ("ServeReplica:yivideo",), "kill Serve": ("ServeController", "ProxyActor")}
"""Kinds of kills, and how the titles of the processes begin that each may hit."""

TIMEOUT_S = 30.0


class ServeCommand(KilledProcess):
    """Fulfils Endpoint. The command's own process only starts the service and waits; Ray keeps it alive without."""

    def __init__(self, config: Path, directory: Path, port: int) -> None:
        super().__init__(directory / "service.log")
        self._config = config
        self._port = port
        self._http = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S, trust_env=False)

    def start(self, environment: Mapping[str, str]) -> None:
        command = [
            sys.executable,
            "-m",
            "yivideo_ray",
            "serve",
            "--port",
            str(self._port),
            "--config",
            str(self._config),
        ]
        self.launch(command, environment)

    async def ask(self, **asked: Any) -> dict[str, Any]:
        try:
            return await self._ask(asked)
        except httpx2.TransportError as error:
            raise ConnectionError(str(error)) from error

    async def _ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        match asked["do"]:
            case "submit":
                body = {"video_path": asked["video"], "priority": asked["priority"].lower()}
                headers = {"Idempotency-Key": asked["key"]}
                return await self._plain(await self._http.post("/v1/workflows", json=body, headers=headers))
            case "get":
                return await self._plain(await self._http.get(f"/v1/workflows/{asked['id']}"))
            case "events":
                answer = await self._http.get(f"/v1/workflows/{asked['id']}/events")
                return _problem(answer) or {"events": _sent(answer.text)}
            case "ids":
                ids: list[str] = []
                query: dict[str, Any] = {"limit": 200}
                while True:
                    answer = await self._http.get("/v1/workflows", params=query)
                    if problem := _problem(answer):
                        return problem
                    page = answer.json()
                    ids += [found["workflow_id"] for found in page["workflows"]]
                    if page["next_cursor"] is None:
                        return {"ids": ids}
                    query["cursor"] = page["next_cursor"]
            case other:
                raise ValueError(f"nothing is known of {other!r}")

    async def _plain(self, answer: httpx2.Response) -> dict[str, Any]:
        if problem := _problem(answer):
            return problem
        found = answer.json()
        return {
            "id": found["workflow_id"],
            "state": found["state"],
            "terminal": found["state"] in ("SUCCESS", "FAILED", "CANCELLED"),
            "percent": found["percent"],
            "error": found["error"],
            "outputs": found["outputs"],
        }


def _problem(answer: httpx2.Response) -> dict[str, Any] | None:
    """Returns the error of an answer that is none. Errors: ConnectionError for one that is not the service's own."""
    if answer.is_success:
        return None
    try:
        problem = answer.json()
        return {"error": {"code": problem["code"], "message": problem["detail"], "retryable": problem["retryable"]}}
    except (ValueError, KeyError) as error:
        # Serve's proxy answers for a replica that is gone.
        raise ConnectionError(f"{answer.status_code}: {answer.text[:200]}") from error


def _sent(text: str) -> list[dict[str, Any]]:
    """Returns the events of a stream that has ended."""
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append({"number": int(fields["id"]), **json.loads(fields["data"])})
    return events
