"""The OpenAPI schema beyond what FastAPI finds by itself: per call the command that makes it, an example answer and its
errors; the bodies of requests; the key. /docs is drawn from it."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from yivideo_ray.errors import CODES
from yivideo_ray.http.problems import Problem
from yivideo_ray.http.wire import EXAMPLE_ID, SIX_STAGES, NewUpload, NewWorkflow

__all__ = ["WORKFLOW", "answer", "problems", "schema"]

BASE = "http://localhost:8788"
HERE = f"{BASE}/v1/workflows/{EXAMPLE_ID}"
UPLOAD_ID = "up-3f8e1c6e2b9a4f037d5f1c6e2b9a4f03"
UPLOAD = f"{BASE}/v1/uploads/{UPLOAD_ID}"

_REQUEST = json.dumps({"video_path": "/videos/film.mp4", "workflow_config": {"workflow_chain": SIX_STAGES}}, indent=2)

COMMANDS: dict[str, str] = {
    "create_workflow": f"""\
curl {BASE}/v1/workflows -H 'Content-Type: application/json' -d '{_REQUEST}'

# or with the video in the request:
curl {BASE}/v1/workflows -F video=@film.mp4 -F priority=interactive""",
    "list_workflows": f"curl '{BASE}/v1/workflows?state=FAILED&state=CANCELLED&limit=20'",
    "get_workflow": f"curl {HERE}",
    "get_workflow_status": f"curl {BASE}/v1/workflows/status/{EXAMPLE_ID}",
    "watch_workflow": f"curl --no-buffer {HERE}/events -H 'Last-Event-ID: 12'",
    "get_subtitles": f"curl {HERE}/subtitles.srt\ncurl '{HERE}/subtitles.vtt?language=en'",
    "get_preview": f"curl {HERE}/preview.png --output preview.png",
    "cancel_workflow": f"curl -X POST {HERE}/cancel",
    "retry_workflow": f"curl -X POST {HERE}/retry",
    "delete_workflow": f"curl -X DELETE {HERE}",
    "create_upload": f"""\
curl -i -X POST {BASE}/v1/uploads -H 'Upload-Length: 1048576' \\
  -H "Upload-Metadata: filename $(printf film.mp4 | base64)"
""",
    "get_upload": f"curl -I {UPLOAD}",
    "continue_upload": f"""\
curl -X PATCH {UPLOAD} -T film.mp4 \\
  -H 'Upload-Offset: 0' -H 'Content-Type: application/offset+octet-stream'

# or, if it broke off when 524288 bytes had come, what is behind them:
tail -c +524289 film.mp4 | curl -X PATCH {UPLOAD} -T - \\
  -H 'Upload-Offset: 524288' -H 'Content-Type: application/offset+octet-stream'

# Whole, it becomes a workflow:
curl {BASE}/v1/workflows -H 'Content-Type: application/json' -d '{{"upload_id": "{UPLOAD_ID}"}}'""",
    "delete_upload": f"curl -X DELETE {UPLOAD}",
    "get_queue": f"curl {BASE}/v1/queue",
    "is_alive": f"curl {BASE}/livez",
    "is_ready": f"curl {BASE}/readyz",
    "get_metrics": f"curl {BASE}/metrics",
    "get_docs": f"curl {BASE}/docs",
    "get_schema": f"curl {BASE}/openapi.json",
}
"""The command of each call, by its operationId."""

WORKFLOW: dict[str, Any] = {
    "workflow_id": EXAMPLE_ID,
    "state": "IN_PROGRESS",
    "cancelling": False,
    "video": "/videos/film.mp4",
    "workflow_chain": list(SIX_STAGES[:2]),
    "priority": "batch",
    "percent": 4.5,
    "eta_s": 31.2,
    "queue_position": None,
    "created": "2026-11-25T10:00:00Z",
    "started": "2026-11-25T10:00:01Z",
    "ended": None,
    "stages": {
        SIX_STAGES[0]: {
            "status": "SUCCESS",
            "input_params": {"samples": 24, "frame_side_px": 640},
            "output": {"frames": 3, "full": True, "pts": [0, 12800, 25600]},
            "error": None,
            "duration": 0.412,
        },
        SIX_STAGES[1]: {"status": "IN_PROGRESS", "input_params": {}, "output": {}, "error": None, "duration": None},
    },
    "outputs": [],
    "error": None,
    "warnings": [],
    "partial": False,
    "callback_url": None,
    "links": {
        "self": f"/v1/workflows/{EXAMPLE_ID}",
        "events": f"/v1/workflows/{EXAMPLE_ID}/events",
        "preview": f"/v1/workflows/{EXAMPLE_ID}/preview.png",
        "subtitles": {"srt": f"/v1/workflows/{EXAMPLE_ID}/subtitles.srt"},
    },
}


PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def answer(description: str, example: Any) -> dict[str, Any]:
    """Returns the entry of an answer in JSON with an example."""
    # As text until schema is made: FastAPI drops every null from it, which an answer has.
    return {"description": description, "content": {"application/json": {"example": json.dumps(example)}}}


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Returns the entries of the errors that a call may answer with, by their status; any call may meet others, too."""
    by_status: dict[int, list[str]] = {}
    # What was there once may have been removed.
    gone = ("WORKFLOW_SWEPT",) if "WORKFLOW_NOT_FOUND" in codes else ()
    for name in (*codes, *gone):
        by_status.setdefault(CODES[name].http_status, []).append(name)
    return {
        **{status: {"description": ", ".join(names), "content": PROBLEM} for status, names in by_status.items()},
        "default": {"description": "Any other error, such as UNAUTHORIZED.", "content": PROBLEM},
    }


def schema(app: FastAPI, *, has_keys: bool) -> dict[str, Any]:
    """Returns the app's schema, made at the first call. has_keys: the service asks for a key."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        # The routes name these without FastAPI knowing it.
        named: list[type[BaseModel]] = [NewWorkflow, NewUpload, Problem]
        _, definitions = models_json_schema(
            [(model, "validation") for model in named], ref_template="#/components/schemas/{model}"
        )
        components = made.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **definitions["$defs"]}
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        _complete_entries(made)
        if has_keys:
            made["security"] = [{"key": []}]
        app.openapi_schema = made
    return app.openapi_schema


def _complete_entries(made: dict[str, Any]) -> None:
    """Gives each call its command, and makes the examples of answers in JSON what they stand for."""
    for methods in made["paths"].values():
        for entry in methods.values():
            entry["x-command"] = COMMANDS[entry["operationId"]]
            for response in entry["responses"].values():
                content = response.get("content", {}).get("application/json", {})
                if "example" in content:
                    content["example"] = json.loads(content["example"])
