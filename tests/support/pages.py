"""The fenced blocks of README and of the pages, and how each kind of them is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = [
    "REFERENCE",
    "ROOT",
    "SAMPLES",
    "Block",
    "Kind",
    "blocks",
    "call",
    "environment",
    "made_checkout",
    "of_kind",
    "run_program",
    "script",
]

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


def of_kind(found: Iterable[Block], *kinds: Kind) -> list[Block]:
    return [block for block in found if block.kind in kinds]


def environment(work: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a user who has set nothing."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "YIVIDEO_", "PYTHONPATH"))
    }
    return {**kept, "YIVIDEO_STORAGE__WORK_DIR": str(work), **more}


def made_checkout(root: Path) -> Path:
    """Makes the checkout as a user has it, with videos of the names that the pages use, but for the installation, and
    returns root."""
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
