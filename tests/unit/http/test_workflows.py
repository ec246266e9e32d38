"""The calls that make, show and change workflows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_service import FakeService
from tests.support.http_files import http_files
from tests.support.service_clients import KEY, World, world
from yivideo_ray.errors import CODES, InputError, InternalError
from yivideo_ray.jobs import Priority
from yivideo_ray.locations import Url
from yivideo_ray.service.contract import ExecutionMode, WorkflowState
from yivideo_ray.types import STAGES, Stage

CHAIN = [stage.value for stage in STAGES]
AREA = Stage.DETECT_SUBTITLE_AREA.value


def nested(depth: int) -> Any:
    """Returns lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


def problem(answer: Any, code: str) -> dict[str, Any]:
    """Returns the problem that an answer tells, after checking its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert (found["code"], found["status"], answer.status_code) == (code, *2 * (CODES[code].http_status,))
    assert found["type"] == f"/docs#{code}"
    assert found["title"]
    assert found["detail"]
    assert found["remedy"]
    return found


def test_the_call_that_clients_of_yivideo_know_makes_a_workflow(there: World) -> None:
    film = str(there.videos / "film.mp4")
    answer = there.client.post("/v1/workflows", json={"video_path": film, "workflow_config": {"workflow_chain": CHAIN}})
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/v1/workflows/{body['workflow_id']}"
    assert (body["state"], body["video"], body["workflow_chain"]) == ("PENDING", film, CHAIN)
    assert {name: stage["status"] for name, stage in body["stages"].items()} == dict.fromkeys(CHAIN, "PENDING")
    (request,) = there.service.requests
    assert (request.video, request.chain, request.mode) == (Path(film), STAGES, ExecutionMode.FULL)
    assert (request.priority, request.owned_video, request.parameters) == (Priority.BATCH, False, {})
    for address in (answer.headers["location"], f"/v1/workflows/status/{body['workflow_id']}"):
        assert there.client.get(address).json() == body


def test_stages_priority_parameters_and_callback_reach_the_service(there: World) -> None:
    there.submit(
        workflow_config={
            "workflow_chain": ["ffmpeg.extract_keyframes"],
            "parameters": {"ffmpeg.extract_keyframes": {"samples": 3}},
        },
        priority="interactive",
        callback_url="https://client.example/done",
    )
    (request,) = there.service.requests
    assert request.chain == (Stage.EXTRACT_KEYFRAMES,)
    assert request.priority is Priority.INTERACTIVE
    assert request.parameters == {"ffmpeg.extract_keyframes": {"samples": 3}}
    assert request.callback_url == "https://client.example/done"


def test_without_a_chain_all_six_stages_run(there: World) -> None:
    there.submit()
    assert there.service.requests[0].chain == STAGES


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.video_path"),
        ([], "body"),
        ({"video_path": 3}, "body.video_path"),
        ({"video_path": ""}, "body.video_path"),
        ({"video": "/videos/film.mp4"}, "body.video"),
        ({"video_path": "x", "workflow_config": {"workflow_chain": []}}, "body.workflow_config.workflow_chain"),
        ({"video_path": "x", "workflow_config": {"workflow_chain": ["ocr"]}}, "body.workflow_config.workflow_chain.0"),
        ({"video_path": "x", "workflow_config": {"parameters": {AREA: {"regions": nested(900)}}}}, "body"),
        ({"video_path": "x", "workflow_config": {"parameters": {AREA: {"regions": nested(20)}}}}, "body"),
        ({"video_path": "x", "priority": "high"}, "body.priority"),
        ({"video_path": "x", "callback_url": "file:///etc/passwd"}, "body.callback_url"),
        ({"video_path": "x", "callback_url": "callback"}, "body.callback_url"),
        ({"video_path": "x", "workflow_id": "w1"}, "body"),
        ({"execution_mode": "retry"}, "body"),
        ({"execution_mode": "retry", "workflow_id": "../w1"}, "body.workflow_id"),
        ({"execution_mode": "incremental", "workflow_id": "w1", "video_path": "x"}, "body"),
    ],
)
def test_a_request_that_says_something_else_is_told_where(there: World, body: Any, where: str) -> None:
    found = problem(there.client.post("/v1/workflows", json=body), "REQUEST_INVALID")
    assert where in [item["where"] for item in found["errors"]]
    assert there.service.requests == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"video_path": NaN}', b"[" * 100_000, b'{"limit": ' + b"9" * 5000 + b"}"],
)
def test_a_body_that_is_no_json_is_malformed(there: World, body: bytes) -> None:
    answer = there.client.post("/v1/workflows", content=body, headers={"Content-Type": "application/json"})
    problem(answer, "REQUEST_MALFORMED")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_other_types_of_body_are_refused(there: World, media_type: str) -> None:
    answer = there.client.post("/v1/workflows", content=b"{}", headers={"Content-Type": media_type})
    problem(answer, "MEDIA_TYPE_UNSUPPORTED")


def test_a_body_without_end_is_refused_while_it_comes_in(there: World) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 64 * 1024

    answer = there.client.post("/v1/workflows", content=endless(), headers={"Content-Type": "application/json"})
    problem(answer, "REQUEST_TOO_LARGE")


def test_paths_are_checked_before_the_service_is_asked(there: World) -> None:
    for given, code in (
        ("/etc/passwd", "PATH_OUTSIDE_ROOT"),
        (f"{there.videos}/none.mp4", "INPUT_NOT_FOUND"),
        ("http://localhost/film.mp4", "INPUT_SCHEME_FORBIDDEN"),
        (f"{there.videos}/\ud800.mp4", "REQUEST_INVALID"),
        (str(there.videos), "INPUT_NOT_REGULAR_FILE"),
    ):
        problem(
            there.client.post(
                "/v1/workflows",
                content=json.dumps({"video_path": given}),
                headers={"Content-Type": "application/json"},
            ),
            code,
        )
    assert there.service.requests == []


def test_an_address_is_taken_where_the_settings_allow_it_and_nothing_is_asked_for_it_yet(tmp_path: Path) -> None:
    with http_files() as server, world(tmp_path, allowed_urls=(f"{server.url}/films",)) as there:
        address = f"{server.url}/films/a/film.mp4"
        answer = there.client.post("/v1/workflows", json={"video_path": address})
        assert (answer.status_code, answer.json()["video"]) == (202, address)
        assert [request.video for request in there.service.requests] == [Url(address)]
        for other in (
            f"{server.url}/films-private/film.mp4",
            f"{server.url}/films/../film.mp4",
            f"{server.url}/films/film.mp4?x",
            f"simplecache::{address}",
            "s3://films/film.mp4",
            f"file://{there.videos}/film.mp4",
        ):
            found = problem(there.client.post("/v1/workflows", json={"video_path": other}), "INPUT_SCHEME_FORBIDDEN")
            assert "storage.allowed_urls" in found["remedy"]
        assert len(there.service.requests) == 1
        assert server.asked == []


def test_the_same_key_and_request_give_the_same_workflow_however_it_is_written(there: World) -> None:
    film = str(there.videos / "film.mp4")
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    bodies = (
        json.dumps({"video_path": film, "priority": "batch"}),
        json.dumps({"priority": "batch", "video_path": film}, indent=4),
        json.dumps({"video_path": film}),
    )
    answers = [there.client.post("/v1/workflows", content=body, headers=headers) for body in bodies]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert {answer.json()["workflow_id"] for answer in answers} == {"w1"}
    other = there.client.post("/v1/workflows", json={"video_path": film, "priority": "interactive"}, headers=headers)
    problem(other, "IDEMPOTENCY_KEY_REUSED")
    problem(
        there.client.post("/v1/workflows", json={"video_path": film}, headers={"Idempotency-Key": "a b"}),
        "REQUEST_INVALID",
    )


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    with world(tmp_path, service=FakeService(max_queued=1)) as there:
        there.submit()
        answer = there.client.post("/v1/workflows", json={"video_path": str(there.videos / "film.mp4")})
        found = problem(answer, "QUEUE_FULL")
        assert answer.headers["retry-after"] == "3"
        assert found["retryable"]


def test_modes_that_go_on_name_their_workflow(there: World) -> None:
    workflow_id = there.submit()
    there.do(there.service.become(workflow_id, state=WorkflowState.FAILED))
    answer = there.client.post("/v1/workflows", json={"execution_mode": "retry", "workflow_id": workflow_id})
    assert answer.status_code == 202
    assert answer.json()["workflow_id"] == workflow_id
    unknown = there.client.post("/v1/workflows", json={"execution_mode": "retry", "workflow_id": "w99"})
    problem(unknown, "WORKFLOW_NOT_FOUND")


def test_workflows_are_listed_by_state_page_by_page(there: World) -> None:
    ids = [there.submit() for _ in range(5)]
    there.do(there.service.become(ids[0], state=WorkflowState.FAILED))
    first = there.client.get("/v1/workflows", params={"limit": 3}).json()
    assert [found["workflow_id"] for found in first["workflows"]] == ids[:1:-1]
    second = there.client.get("/v1/workflows", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [found["workflow_id"] for found in second["workflows"]] == [ids[1], ids[0]]
    assert second["next_cursor"] is None
    failed = there.client.get("/v1/workflows?state=FAILED&state=SUCCESS").json()
    assert [found["workflow_id"] for found in failed["workflows"]] == [ids[0]]
    for wrong in ("state=BROKEN", "limit=0", "limit=201", "limit=x", "cursor=none", "cursor="):
        problem(there.client.get(f"/v1/workflows?{wrong}"), "REQUEST_INVALID")


def test_cancel_retry_and_delete_follow_the_state(there: World) -> None:
    here = f"/v1/workflows/{there.submit()}"
    problem(there.client.delete(here), "WORKFLOW_STATE_CONFLICT")
    problem(there.client.post(f"{here}/retry"), "WORKFLOW_STATE_CONFLICT")
    assert there.client.post(f"{here}/cancel").json()["state"] == "CANCELLED"
    problem(there.client.post(f"{here}/cancel"), "WORKFLOW_STATE_CONFLICT")
    assert there.client.post(f"{here}/retry").json()["state"] == "PENDING"
    assert there.client.post(f"{here}/cancel").status_code == 202
    gone = there.client.delete(here)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(there.client.get(here), "WORKFLOW_NOT_FOUND")


def test_a_workflow_that_failed_says_why(there: World) -> None:
    workflow_id = there.submit()
    there.do(there.service.fail(workflow_id, InputError("It has no bytes.", code="INPUT_EMPTY", size=0)))
    body = there.client.get(f"/v1/workflows/{workflow_id}").json()
    assert body["state"] == "FAILED"
    assert (body["error"]["code"], body["error"]["facts"]) == ("INPUT_EMPTY", {"size": 0})


def test_what_is_not_there_and_methods_that_are_not_are_problems(there: World) -> None:
    for path in ("/", "/v1", "/v1/workflows/", "/v1/workflows/w1/x", "/docs/", "/v1/workflows/w1/subtitles"):
        problem(there.client.get(path), "NOT_FOUND")
    for path, methods in (("/v1/workflows", "GET, POST"), ("/v1/workflows/w1", "DELETE, GET"), ("/docs", "GET")):
        answer = there.client.put(path, json={})
        problem(answer, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == methods
    problem(there.client.get("/v1/workflows/w1"), "WORKFLOW_NOT_FOUND")
    problem(there.client.get("/v1/workflows/w%20x"), "REQUEST_INVALID")
    problem(there.client.get("/v1/workflows/" + "x" * 101), "REQUEST_INVALID")


@pytest.mark.usefixtures("expects_error_logs")
@pytest.mark.parametrize("broken", [ValueError("a secret of the inside"), InternalError("a secret of the inside")])
def test_a_fault_is_told_without_its_details_and_kept_in_a_file(there: World, broken: Exception) -> None:
    there.service.broken = broken
    found = problem(there.client.get("/v1/workflows/w1"), "INTERNAL")
    assert "secret" not in json.dumps(found)
    (log,) = (there.work / "logs").iterdir()
    assert "a secret of the inside" in log.read_text()
    assert log.name in found["remedy"]
    assert str(there.work) not in json.dumps(found)


def test_with_keys_every_call_but_two_needs_one(tmp_path: Path) -> None:
    with world(tmp_path, keys=(KEY,)) as there:
        schema = there.client.get("/openapi.json", headers={"Authorization": f"Bearer {KEY}"}).json()
        calls = [(method, path) for path, methods in schema["paths"].items() for method in methods]
        assert len(calls) >= 16
        for method, path in [*calls, ("get", "/"), ("post", "/nothing"), ("options", "/v1/workflows")]:
            answer = there.client.request(method, path.replace("{workflow_id}", "w1").replace("{format}", "srt"))
            if path in ("/livez", "/docs"):
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401
                if method != "head":
                    problem(answer, "UNAUTHORIZED")
                assert answer.headers["www-authenticate"].startswith("Bearer")
        assert there.client.get("/v1/queue", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
