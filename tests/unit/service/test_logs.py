"""The service's log and its figures: what somebody who runs it learns of workflows that fail."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import ended, play, serving, submitted
from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError
from yivideo_ray.service.logs import about, follow, log_file, log_to_file, size_of

Begin = Callable[..., Path]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    ends = []

    def start(**settings: Any) -> Path:
        ends.append(log_to_file(Settings(storage={"work_dir": tmp_path}, logging=settings)))
        return log_file(tmp_path)

    yield start
    for end in ends:
        end()


def fail_one(tmp_path: Path) -> str:
    found = ""

    async def scenario() -> None:
        nonlocal found
        async with serving(tmp_path) as (service, runner):
            runner.errors["bad"] = InputError("It is\nbroken.", code="INPUT_CORRUPT")
            for name in ("bad", "good"):
                runner.open(name)
                workflow_id = await submitted(service, name)
                await ended(service, workflow_id)
                found = found or workflow_id
            figures = await service.figures()
            assert figures.failures == {"INPUT_CORRUPT": 1}
            assert figures.ended == {"FAILED": 1, "SUCCESS": 1}
            assert figures.workflows == {"PENDING": 0, "IN_PROGRESS": 0, "SUCCESS": 1, "FAILED": 1, "CANCELLED": 0}
            assert figures.database_ok
            assert figures.database_bytes
            assert figures.disk_free_bytes
        figures = await service.figures()
        assert (figures.database_ok, figures.workflows, figures.failures) == (False, None, {"INPUT_CORRUPT": 1})

    play(scenario())
    return found


def test_a_workflow_that_fails_is_a_line_with_its_id(tmp_path: Path, begin: Begin) -> None:
    log = begin()
    failed = fail_one(tmp_path)
    lines = log.read_text().splitlines()
    (line,) = [line for line in lines if " WARNING " in line]
    assert f" {failed} FAILED: INPUT_CORRUPT: It is" in line
    assert lines[lines.index(line) + 1].startswith("    broken.")
    assert sum(f" {failed} " in line for line in lines) == 2
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_as_json_each_line_is_an_object_that_has_the_id(tmp_path: Path, begin: Begin) -> None:
    log = begin(format="json", level="warning")
    failed = fail_one(tmp_path)
    (told,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert (told["level"], told["workflow_id"]) == ("warning", failed)
    assert told["message"].startswith("FAILED: INPUT_CORRUPT: It is\nbroken.")
    assert told["time"].endswith("Z")


def test_the_log_is_rotated_and_names_of_any_bytes_are_no_fault(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    log = begin(max_bytes=10_000, files=3)
    # Pytest can't hand such names on.
    monkeypatch.setattr(logging.getLogger("yivideo_ray"), "propagate", False)
    logger = logging.getLogger("yivideo_ray.tests")
    for number in range(1000):
        logger.info("%d \udcff电影", number)
    files = sorted(log.parent.iterdir())
    assert [path.name for path in files] == ["service.log", "service.log.1", "service.log.2"]
    assert all(path.stat().st_size <= 10_000 for path in files)
    assert "999 \\udcff电影" in log.read_text()


def test_a_traceback_goes_with_its_line_and_its_workflow(begin: Begin) -> None:
    log = begin(format="json")
    with about("wf-1"):
        try:
            raise KeyError("body")
        except KeyError:
            logging.getLogger("yivideo_ray.tests").warning("That went wrong.", exc_info=True)
    told = json.loads(log.read_text())
    assert told["workflow_id"] == "wf-1"
    assert "KeyError: 'body'" in told["traceback"]


def test_whoever_follows_a_log_gets_each_new_line_once_also_when_it_is_rotated(begin: Begin) -> None:
    log = begin(max_bytes=10_000, files=10)
    logger = logging.getLogger("yivideo_ray.tests")
    logger.info("before")
    found: list[str] = []
    stop = threading.Event()
    reader = threading.Thread(target=follow, args=(log, size_of(log), found.append, stop.is_set))
    reader.start()
    wait = threading.Event()
    for number in range(300):
        logger.info("line %d", number)
        wait.wait(0.002)
    stop.set()
    reader.join()
    assert [line.rpartition(" - ")[2] for line in found] == [f"line {number}" for number in range(300)]
