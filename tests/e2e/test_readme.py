"""README.md by copy and paste: each block is run as a user would run it. test_pages.py has what serves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.pages import (
    REFERENCE,
    ROOT,
    Block,
    Kind,
    blocks,
    call,
    environment,
    made_checkout,
    of_kind,
    run_program,
    script,
)
from yivideo_ray import __version__
from yivideo_ray.subtitles.formats import parse_srt

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

README = blocks("README.md")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return made_checkout(tmp_path / "checkout")


def test_every_block_of_readme_is_of_a_kind_that_is_run() -> None:
    assert [block.text for block in README if block.kind is None] == []
    assert {block.kind for block in README} == set(Kind)
    assert Block("", "./yivideo run film.mp4\n").kind is None
    assert Block("sh", "rm -r build\n").kind is None


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
@pytest.mark.timeout(1800)
def test_pip_installs_what_the_programs_need(checkout: Path, tmp_path: Path) -> None:
    told = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout.decode()
    for name in filter(None, told.split("\0")):
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    # Python compiles what is imported; to have pip compile all the rest as well takes longer than the programs.
    env = environment(
        tmp_path / "work", PATH=f"{fresh / 'bin'}:{os.environ['PATH']}", VIRTUAL_ENV=str(fresh), PIP_NO_COMPILE="1"
    )
    call(script(of_kind(README, Kind.INSTALL)), tmp_path / "clone", env, limit_s=1500)
    assert call([fresh / "bin" / "yivideo", "--version"], checkout, env).strip() == __version__
    for program in of_kind(README, Kind.PROGRAM):
        check_program(program, fresh / "bin" / "python", checkout, env)
