"""The service against its own OpenAPI schema: whatever is sent, only answers that the schema knows, and no fault."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service_clients import KEY, Listening, listening
from tests.unit.http.test_results import finished
from yivideo_ray.errors import InputError
from yivideo_ray.service.contract import WorkflowRequest, WorkflowState


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Listening]:
    """Yields a service with keys, and a workflow in each state."""
    with listening(tmp_path, keys=(KEY,)) as found:
        fake = found.service
        for state in WorkflowState:
            view, _ = found.do(fake.submit(WorkflowRequest(found.videos / "film.mp4")))
            if state is WorkflowState.SUCCESS:
                found.do(fake.succeed(view.workflow_id, finished(), tmp_path))
            elif state is WorkflowState.FAILED:
                found.do(fake.fail(view.workflow_id, InputError("It is empty.")))
            else:
                found.do(fake.become(view.workflow_id, state=state))
        yield found


def test_whatever_is_sent_the_answer_fits_the_schema_and_is_no_fault(there: Listening, tmp_path: Path) -> None:
    """Schemathesis sends what fits the schema and what doesn't, with and without the key, call by call and in
    sequences: what one call answers goes into the next."""
    arguments = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{there.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--seed", "1", "--max-examples", "5", "--no-color"),
        # It has no words for the body of the one, and takes any header that it makes up for a wrong one of the other.
        *("--exclude-operation-id", "continue_upload", "--exclude-operation-id", "create_upload"),
        # A stream of a workflow that waits has no end.
        *("--request-timeout", "3", "--exclude-checks"),
        # What fits the schema may be refused all the same: a cursor that nobody was given, a mode without its workflow.
        "positive_data_acceptance",
    ]
    result = subprocess.run(
        list(map(str, arguments)), capture_output=True, text=True, timeout=250, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout[-8000:]
    tested = re.search(r"Tested: (\d+)", result.stdout)
    assert tested is not None
    assert int(tested[1]) >= 15
