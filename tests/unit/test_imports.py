"""What importing costs, and who imports whom: whoever only asks for the version or the help waits for no model and no
cluster, and nothing needs the benchmarks but they themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    *("ray", "paddle", "paddleocr", "paddlex", "onnxruntime", "cv2", "av", "pandas", "modelscope"),
    *("sqlalchemy", "psycopg", "fastapi", "stamina"),
}


def loaded_after(code: str) -> set[str]:
    """Returns the top-level modules in a fresh Python that ran code."""
    report = "import sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import yivideo_ray",
        "import yivideo_ray.types, yivideo_ray.jobs, yivideo_ray.errors, yivideo_ray.config",
        "import yivideo_ray.ocr, yivideo_ray.ocr.contract",
        "import yivideo_ray.cli",
        "import yivideo_ray.cli.doctor",
        "import yivideo_ray.service.contract, yivideo_ray.progress",
    ],
)
def test_an_import_loads_neither_ray_nor_a_model_library(code: str) -> None:
    loaded = loaded_after(code)
    assert "yivideo_ray" in loaded
    assert loaded & HEAVY == set()


def test_the_runtime_imports_ray_only_when_a_session_needs_it() -> None:
    # Ray reads its environment when it is imported, so that must be set first.
    later = {"ray", "paddle", "paddleocr", "paddlex", "sqlalchemy", "psycopg"}
    assert loaded_after("import yivideo_ray.runtime") & later == set()


def test_the_check_sees_a_heavy_import() -> None:
    assert "av" in loaded_after("import av")


def imported(path: Path) -> set[str]:
    """Returns the top-level packages that a module names in its import statements, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return found


def test_neither_the_package_nor_its_tests_import_benchmarks() -> None:
    own = ROOT / "benchmarks"
    modules = [path for name in ("yivideo_ray", "tests", "benchmarks") for path in (ROOT / name).rglob("*.py")]
    importers = [path for path in modules if "benchmarks" in imported(path)]
    assert [path for path in importers if own not in path.parents] == []
    assert any(own in path.parents for path in importers), "the check sees no import at all"
