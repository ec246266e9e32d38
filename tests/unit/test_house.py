"""The sizes that keep the house one in which a stranger finds the room for a line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("yivideo_ray", "benchmarks")
LONGEST, SHORTEST = 400, 60
MODULES_OF_A_FOLDER = 16
SHORT_MODULES = 5
# Alembic has a module for each change of the database.
REVISIONS = "yivideo_ray/storage/migrations/versions/"
# What is short because somebody else says what it holds: Python, Alembic, or a contract of ours.
BY_CONTRACT = {
    "yivideo_ray/__main__.py",
    "yivideo_ray/ocr/contract.py",
    "yivideo_ray/storage/migrations/__main__.py",
    "yivideo_ray/storage/migrations/env.py",
}


def modules(tree: str) -> dict[str, int]:
    """Returns the number of lines of each module by its path, tests left out."""
    found = (path for path in (ROOT / tree).rglob("*.py") if "tests" not in path.relative_to(ROOT).parts)
    return {str(path.relative_to(ROOT)): lines_of(path) for path in found}


def lines_of(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


@pytest.mark.parametrize("tree", TREES)
def test_no_module_is_longer_than_a_concept(tree: str) -> None:
    assert {path: lines for path, lines in modules(tree).items() if lines > LONGEST} == {}


@pytest.mark.parametrize("tree", TREES)
def test_no_folder_holds_two_concepts(tree: str) -> None:
    counts = Counter(str(Path(path).parent) for path in modules(tree) if Path(path).name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MODULES_OF_A_FOLDER} == {}


def test_hardly_any_module_is_less_than_a_concept() -> None:
    short = {
        path: lines
        for tree in TREES
        for path, lines in modules(tree).items()
        if lines < SHORTEST and Path(path).name != "__init__.py" and not path.startswith(REVISIONS)
    }
    assert set(short) >= BY_CONTRACT, "one of them is short no longer"
    assert len(short.keys() - BY_CONTRACT) <= SHORT_MODULES, {key: short[key] for key in short.keys() - BY_CONTRACT}
