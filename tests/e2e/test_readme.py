"""README.md, and the pages that take it further, by copy and paste: each block is run as a user would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from tests.support.serving import free_port, served
from yivideo_ray import __version__
from yivideo_ray.subtitles.formats import parse_srt

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
REFERENCE = (SAMPLES / "demo.reference.srt").read_text(encoding="utf-8")
SERVICE = "localhost:8788"
LIMIT_S = 200


class Kind(StrEnum):
    """How a block is run."""

    COMMANDS = "commands in a checkout"
    INSTALL = "pip in a fresh environment"
    PROGRAM = "a Python program"
    SERVE = "a command that serves until it is ended"
    CALLS = "commands while it serves"
    CLIENT = "a Python program while it serves"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def kind(self) -> Kind | None:
        """How it is run; None: nobody knows."""
        if self.language == "python":
            return Kind.CLIENT if "import Client" in self.text else Kind.PROGRAM
        lines = [line for line in self.text.splitlines() if line and not line.startswith((" ", "#"))]
        if self.language != "sh" or not lines:
            return None
        if lines == ["pip install ."]:
            return Kind.INSTALL
        if len(lines) == 1 and re.fullmatch(r"(YIVIDEO_\w+=\S+ )*\./yivideo serve", lines[0]):
            return Kind.SERVE
        if all(re.match(r"\./yivideo (run|eval|area|doctor) ?", line) for line in lines):
            return Kind.COMMANDS
        return Kind.CALLS if SERVICE in self.text else None

    def at(self, port: int) -> Block:
        """Returns the block for a service at another port."""
        return Block(self.language, self.text.replace(SERVICE, f"localhost:{port}"))


def blocks(page: str, *, until: str | None = None) -> list[Block]:
    """Returns the fenced blocks of a page in their order; until: those before this line only."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if until is not None:
        text, found, _ = text.partition(f"\n{until}\n")
        assert found, f"{page} has no line {until}"
    return [
        Block(language, body) for language, body in re.findall(r"^```(.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


README = blocks("README.md")


def of_kind(found: Iterable[Block], *kinds: Kind) -> list[Block]:
    return [block for block in found if block.kind in kinds]


def test_every_block_of_readme_is_of_a_kind_that_is_run() -> None:
    assert [block.text for block in README if block.kind is None] == []
    assert {block.kind for block in README} == set(Kind)
    assert Block("", "./yivideo run film.mp4\n").kind is None
    assert Block("sh", "rm -r build\n").kind is None


def environment(work: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a user who has set nothing."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "YIVIDEO_", "PYTHONPATH"))
    }
    return {**kept, "YIVIDEO_STORAGE__WORK_DIR": str(work), **more}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Returns the checkout as a user has it, with videos of the names that the pages use, but for the installation."""
    root = tmp_path / "checkout"
    shutil.copytree(SAMPLES, root / "samples", ignore=shutil.ignore_patterns("demo.srt", "demo.json"))
    for name in ("film.mp4", "a.mp4", "b.mp4"):
        shutil.copy(SAMPLES / "demo.mp4", root / name)
    (root / "yivideo").write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m yivideo_ray "$@"\n')
    (root / "yivideo").chmod(0o755)
    return root


def call(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], limit_s: float = LIMIT_S) -> str:
    """Returns what a command that succeeds prints."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=limit_s, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def script(found: Iterable[Block]) -> list[str]:
    return ["bash", "-c", "\n".join(["set -e", *(block.text for block in found)])]


def run_program(program: Block, python: str | Path, cwd: Path, env: Mapping[str, str]) -> str:
    (cwd / "program.py").write_text(program.text, encoding="utf-8")
    return call([python, "program.py"], cwd, env)


def test_the_commands_give_the_demo_its_subtitles(checkout: Path, tmp_path: Path) -> None:
    told = call(script(of_kind(README, Kind.COMMANDS)), checkout, environment(tmp_path / "work"))
    assert (checkout / "samples" / "demo.srt").read_text(encoding="utf-8") == REFERENCE
    assert re.search(r"recall +1\.0000", told)


def check_program(program: Block, python: str | Path, cwd: Path, env: Mapping[str, str]) -> None:
    """Runs a program of README, and looks at what it gives."""
    told = run_program(program, python, cwd, env)
    cues = parse_srt(REFERENCE.encode())
    if "output_dir" in program.text:
        ends = [f"/{name}.mp4 {len(cues)} cues None" for name in ("a", "b")]
        assert [line.endswith(end) for line, end in zip(told.splitlines(), ends, strict=True)] == [True, True], told
        assert (cwd / "results" / "a.srt").read_text(encoding="utf-8") == REFERENCE
    else:
        assert told.endswith(REFERENCE + "\n")
        assert all(line in told.removesuffix(REFERENCE + "\n") for cue in cues for line in cue.lines)


@pytest.mark.parametrize("program", of_kind(README, Kind.PROGRAM), ids=lambda block: block.text.split("\n")[0])
def test_a_program_gives_the_demo_its_subtitles(program: Block, checkout: Path, tmp_path: Path) -> None:
    check_program(program, sys.executable, checkout, environment(tmp_path / "work", PYTHONPATH=str(ROOT)))


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pip_installs_what_the_programs_need(checkout: Path, tmp_path: Path) -> None:
    told = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout.decode()
    for name in filter(None, told.split("\0")):
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    env = environment(tmp_path / "work", PATH=f"{fresh / 'bin'}:{os.environ['PATH']}", VIRTUAL_ENV=str(fresh))
    call(script(of_kind(README, Kind.INSTALL)), tmp_path / "clone", env, limit_s=1500)
    assert call([fresh / "bin" / "yivideo", "--version"], checkout, env).strip() == __version__
    for program in of_kind(README, Kind.PROGRAM):
        check_program(program, fresh / "bin" / "python", checkout, env)
