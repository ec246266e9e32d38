"""What /docs and the OpenAPI schema show beside each call: the command that makes it, and an answer."""

from __future__ import annotations

import json
from typing import Any

from yivideo_ray.http.wire import EXAMPLE_ID, SIX_STAGES

__all__ = ["CALLS", "EXAMPLE_ID", "WORKFLOW", "call", "described", "put_in"]

BASE = "http://localhost:8788"
HERE = f"{BASE}/v1/workflows/{EXAMPLE_ID}"

_REQUEST = json.dumps({"video_path": "/videos/film.mp4", "workflow_config": {"workflow_chain": SIX_STAGES}}, indent=2)

CALLS: dict[str, str] = {
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


def call(operation: str) -> dict[str, Any]:
    """Returns what a route adds to its entry in the schema."""
    return {"x-command": CALLS[operation]}


def described(description: str, example: Any) -> dict[str, Any]:
    """Returns the entry of an answer in JSON with an example."""
    # As text until put_in: FastAPI drops every null from the schema, which an answer has.
    return {"description": description, "content": {"application/json": {"example": json.dumps(example)}}}


def put_in(schema: dict[str, Any]) -> None:
    """Makes the examples of answers in JSON what they stand for."""
    for methods in schema["paths"].values():
        for entry in methods.values():
            for answer in entry["responses"].values():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    content["example"] = json.loads(content["example"])
