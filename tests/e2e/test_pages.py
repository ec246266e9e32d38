"""The blocks of pages that need a service, and of the page on Python, by copy and paste."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.pages import (
    REFERENCE,
    ROOT,
    Kind,
    blocks,
    call,
    environment,
    made_checkout,
    of_kind,
    run_program,
    script,
)
from tests.support.serving import free_port, served

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return made_checkout(tmp_path / "checkout")


@pytest.mark.parametrize(("page", "until"), [("README.md", None), ("docs/service.md", "## The calls")])
def test_the_service_answers_what_the_page_asks(page: str, until: str | None, checkout: Path, tmp_path: Path) -> None:
    found = blocks(page, until=until)
    (start,) = of_kind(found, Kind.SERVE)
    port = free_port()
    env = environment(tmp_path / "work", YIVIDEO_SERVE__PORT=str(port))
    with served(["sh", "-c", f"exec env {start.text}"], env, checkout) as service:
        assert service.url == f"http://127.0.0.1:{port}", "".join(service.told)
        told = call(script(block.at(port) for block in of_kind(found, Kind.CALLS)), checkout, env)
        assert REFERENCE in told
        for program in of_kind(found, Kind.CLIENT):
            told = run_program(program.at(port), sys.executable, checkout, {**env, "PYTHONPATH": str(ROOT)})
            assert told == REFERENCE + "\n"
    if page == "docs/service.md":
        assert (checkout / "demo.srt").read_text(encoding="utf-8") == REFERENCE


def test_the_programs_of_the_page_on_python_run(checkout: Path, tmp_path: Path) -> None:
    env = environment(tmp_path / "work", PYTHONPATH=str(ROOT))
    found = blocks("docs/python.md")
    assert {block.kind for block in found} == {Kind.PROGRAM, Kind.CLIENT}
    told = [run_program(program, sys.executable, checkout, env) for program in of_kind(found, Kind.PROGRAM)]
    assert (checkout / "film.srt").read_text(encoding="utf-8") == REFERENCE
    assert told[1].startswith("1 True ")
    assert told[2].split() == told[5].split() == ["9"]
    assert told[3].splitlines()[0] == "INPUT_NOT_FOUND"
    assert told[4].splitlines() == ["SUCCESS 9 None", "SUCCESS 9 None", "FAILED 0 INPUT_NOT_FOUND"]
