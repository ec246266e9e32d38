"""The calls about the service itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.fake_service import FakeService
from tests.support.service_clients import World, world
from tests.unit.http.test_workflows import problem
from yivideo_ray.errors import CODES, InputError


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


def test_it_lives_whether_or_not_it_is_ready(tmp_path: Path) -> None:
    with world(tmp_path, service=FakeService(ready=False)) as there:
        assert there.client.get("/livez").json() == {"status": "alive"}
        assert problem(there.client.get("/readyz"), "SERVICE_UNAVAILABLE")["retryable"]
        there.service.ready = True
        assert there.client.get("/readyz").json() == {"status": "ready"}


def test_the_queue_is_shown_as_it_is(there: World) -> None:
    workflow_id = there.submit()
    found = there.client.get("/v1/queue").json()
    assert found["workflows"] == {"waiting": 1, "max_queued": 1000, "next": [workflow_id], "running": []}
    assert found["gpu_actors"][0]["waiting"] == 2


def test_metrics_count_by_route_and_never_by_workflow(there: World) -> None:
    workflow_id = there.submit()
    for _ in range(3):
        there.client.get(f"/v1/workflows/{workflow_id}")
    there.client.request("ANYTHING", "/nowhere")
    answer = there.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert f"/{workflow_id}" not in answer.text
    assert "ANYTHING" not in answer.text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["yivideo_http_requests_total", "/v1/workflows/{workflow_id}", "200", "GET"] == 3
    assert samples["yivideo_http_requests_total", "404", "none", "none"] == 1
    assert samples["yivideo_workflows", "PENDING"] == 1
    assert samples["yivideo_gpu_calls", "0", "waiting"] == 2
    assert samples["yivideo_gpu_calls", "0", "running"] == 1
    assert samples["yivideo_gpu_ready", "0"] == 1


def test_metrics_say_what_failed_and_how_the_database_and_the_disk_are(there: World) -> None:
    there.do(there.service.fail(there.submit(), InputError("It is broken.", code="INPUT_CORRUPT")))
    page = there.client.get("/metrics").text
    for line in (
        'yivideo_workflow_failures_total{code="INPUT_CORRUPT"} 1.0',
        'yivideo_workflows_ended_total{state="FAILED"} 1.0',
        'yivideo_workflows{state="FAILED"} 1.0',
        'yivideo_workflows{state="PENDING"} 0.0',
        "yivideo_database_ok 1.0",
        "yivideo_database_bytes 4096.0",
        "yivideo_callbacks_waiting 0.0",
        "yivideo_swept_total 0.0",
    ):
        assert f"\n{line}\n" in page
    assert "yivideo_disk_free_bytes 1.07" in page


def test_the_documentation_shows_every_call_with_an_example_and_every_code(there: World) -> None:
    schema = there.client.get("/openapi.json").json()
    answer = there.client.get("/docs")
    page = answer.text
    operations = [entry for methods in schema["paths"].values() for entry in methods.values()]
    assert len({entry["operationId"] for entry in operations}) == len(operations)
    for entry in operations:
        section = page.partition(f'id="{entry["operationId"]}"')[2].partition("<h2")[0]
        assert "<pre>curl " in section
    for code in CODES:
        assert f'id="{code}"' in page


def test_the_documentation_loads_nothing_from_anywhere(there: World) -> None:
    answer = there.client.get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r"<script|<link|<img|@import|\bsrc=|\bhref=", answer.text)


def test_examples_of_requests_and_answers_fit_the_schema(there: World) -> None:
    import jsonschema_rs

    schema = there.client.get("/openapi.json").json()
    checked = 0
    for methods in schema["paths"].values():
        for entry in methods.values():
            for answer in entry["responses"].values():
                for content in answer.get("content", {}).values():
                    if "example" in content and "$ref" in content.get("schema", {}):
                        whole = {**content["schema"], "components": schema["components"]}
                        jsonschema_rs.validator_for(whole).validate(content["example"])
                        checked += 1
    assert checked >= 6
