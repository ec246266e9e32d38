"""The switches that keep dependencies from sending: set by importing the package, over any other value, and obeyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from yivideo_ray.privacy import SWITCHES, worker_variables

ROOT = Path(__file__).parents[2]


def printed(code: str, home: Path) -> str:
    """Returns what a fresh Python prints whose environment says the opposite of every switch."""
    opposite = {name: "1" if value == "0" else "0" for name, value in SWITCHES.items()}
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **opposite}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=True
    )
    return done.stdout


@pytest.mark.parametrize("module", ["yivideo_ray", "yivideo_ray.cli", "yivideo_ray.runtime.workflow.tasks"])
def test_importing_any_part_of_the_package_sets_every_switch(module: str, tmp_path: Path) -> None:
    code = f"import json, os, {module}; print(json.dumps(dict(os.environ)))"
    environment = json.loads(printed(code, tmp_path).splitlines()[-1])
    assert {name: environment[name] for name in SWITCHES} == SWITCHES


OBEYED = """\
import yivideo_ray
from huggingface_hub import constants
from paddlex.utils import flags
from ray._common.usage.usage_lib import usage_stats_enabled
print([constants.HF_HUB_DISABLE_TELEMETRY, constants.HF_HUB_DISABLE_UPDATE_CHECK,
       bool(flags.DISABLE_MODEL_SOURCE_CHECK), usage_stats_enabled()])
"""


def test_the_dependencies_that_are_installed_obey_their_switches(tmp_path: Path) -> None:
    assert printed(OBEYED, tmp_path).splitlines()[-1] == "[True, True, True, False]"


def test_the_models_runtime_leaves_no_identifier_of_the_machine(tmp_path: Path) -> None:
    printed("import yivideo_ray.ocr.onnx", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_workers_of_somebody_elses_ray_get_the_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    assert worker_variables() == SWITCHES


@pytest.mark.parametrize("config", ["{}", '{"runtime_env": {}}', '{"runtime_env": null}', "no JSON"])
def test_a_job_that_names_no_variables_changes_nothing(monkeypatch: pytest.MonkeyPatch, config: str) -> None:
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", config)
    assert worker_variables() == SWITCHES


def test_what_a_ray_job_names_itself_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"runtime_env": {"env_vars": {"ORT_DISABLE_TELEMETRY": "1", "MINE": "x"}}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(config))
    assert worker_variables() == {name: value for name, value in SWITCHES.items() if name != "ORT_DISABLE_TELEMETRY"}
