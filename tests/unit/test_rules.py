"""The rules for all tests do fail a test that breaks one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
CASES = """\
import logging, os, sys, types

def test_error_log():
    logging.getLogger("x").error("broken %s", 7)

def test_error_log_asked_for(expects_error_logs):
    logging.getLogger("x").error("broken")

def test_warning_log():
    logging.getLogger("x").warning("odd")

def test_starts_ray_that_it_imported_itself():
    sys.modules["ray"] = types.SimpleNamespace(init=None, is_initialized=lambda: True, shutdown=lambda: None)

def test_starts_ray():
    sys.modules["ray"].init(address="local")

def test_settings_from_outside():
    assert not [name for name in os.environ if name.startswith("YIVIDEO_")]
"""


def test_each_rule_fails_the_test_that_breaks_it(tmp_path: Path) -> None:
    unit = tmp_path / "unit"
    unit.mkdir()
    shutil.copy(TESTS / "conftest.py", tmp_path)
    (unit / "test_cases.py").write_text(CASES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "YIVIDEO_GPU__DEVICE": "gpu"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    verdicts = {
        line.split("::")[1].split()[0]: line.split()[0] for line in done.stdout.splitlines() if "::test_" in line
    }
    assert verdicts == {
        "test_error_log": "ERROR",
        "test_error_log_asked_for": "PASSED",
        "test_warning_log": "PASSED",
        "test_starts_ray_that_it_imported_itself": "ERROR",
        "test_starts_ray": "FAILED",
        "test_settings_from_outside": "PASSED",
    }, done.stdout
    assert "logged at ERROR, unasked: x: broken 7" in done.stdout
