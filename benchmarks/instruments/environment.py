"""How, when and where a measurement was made: command, date, commit, machine, device, versions."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from yivideo_ray.subtitles.result import installed_versions
from yivideo_ray.types import EngineFacts

__all__ = ["environment", "format_environment", "provenance"]

PATHS = ("--against", "--config", "--html", "--json", "--out", "--plot", "--results", "--summary")
"""Options of benchmarks that say where something lies, which changes no figure."""


def environment(engine: EngineFacts | None = None, packages: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the facts that a figure is worth nothing without; engine is what really ran the models, packages are
    installed ones whose versions are told besides."""
    facts = engine.as_dict() if engine is not None else {}
    return {
        "command": _command(),
        "date": datetime.now().astimezone().isoformat(" ", "minutes"),
        "commit": _commit(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "engine": facts.get("engine"),
        "device": facts.get("device"),
        "provider": facts.get("provider"),
        "models": [facts[key] for key in ("detection_model", "recognition_model") if key in facts],
        "versions": {
            **installed_versions(),
            **{name: version(name) for name in packages},
            **facts.get("versions", {}),
        },
    }


def format_environment(facts: dict[str, Any]) -> str:
    """Returns the facts as two or three lines for people."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    device = (
        f"{facts['engine']} on {facts['device']} ({facts['provider']}), models {', '.join(facts['models'])}"
        if facts["engine"]
        else "engine unknown (results were given)"
    )
    machine = f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gib']} GiB, {facts['system']}"
    return f"commit {facts['commit']}; {machine}\n{device}\n{versions}"


def provenance(facts: dict[str, Any], what: str = "Measured") -> str:
    """Returns the end of a page of figures, in Markdown: when and where this was done (what: measured or fitted)."""
    database = f"\ndatabase {facts['database']}" if "database" in facts else ""
    return f"{what} {facts['date']}:\n\n```text\n{format_environment(facts)}{database}\n```"


def _command() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    module = "" if spec is None else spec.name.removesuffix(".__main__")
    return shlex.join(["python", "-m", module, *without_paths(sys.argv[1:])])


def without_paths(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments but for the options PATHS and the paths that follow them."""
    kept = []
    left = iter(arguments)
    for argument in left:
        if argument in PATHS:
            next(left, None)
        elif argument.partition("=")[0] not in PATHS:
            kept.append(argument)
    return kept


def _commit() -> str:
    here = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return f"{commit} with changes" if git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
