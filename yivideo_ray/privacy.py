"""Keeps dependencies from sending anything: the switches that each of them has for that, as environment variables.

Importing yivideo_ray sets them, so that they are there before anything else is loaded, in every process: the command,
Ray's workers, the service's replica, a program that uses the package. docs/privacy.md is about the same for users.
"""

from __future__ import annotations

import json
import os

__all__ = ["SWITCHES", "switch_telemetry_off", "worker_variables"]

SWITCHES = {
    # Official builds send from 1.29 on, and give the machine an identifier where onnxruntime is only imported.
    "ORT_DISABLE_TELEMETRY": "1",
    # A Ray that is started here would report on itself, each hour.
    "RAY_USAGE_STATS_ENABLED": "0",
    # PaddleX asks all four of its hubs whether they are there before it fetches a model from one.
    "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    # For what else respects it (https://donottrack.sh).
    "DO_NOT_TRACK": "1",
}
"""Each in its strictest value: no other one keeps back more."""

# Where Ray tells a job's driver what the job was submitted with.
_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def switch_telemetry_off() -> None:
    """Sets the switches for this process and all that it starts, over any other value."""
    os.environ.update(SWITCHES)


def worker_variables() -> dict[str, str]:
    """Returns the switches for workers of somebody else's Ray, which don't inherit this process's environment.

    Those that the Ray job itself names are left out: Ray takes no variable from both. In such workers, importing
    yivideo_ray sets them.
    """
    try:
        named = json.loads(os.environ.get(_JOB_CONFIG, "{}"))["runtime_env"]["env_vars"]
    except (KeyError, TypeError, ValueError):
        named = {}
    return {name: value for name, value in SWITCHES.items() if name not in named}
