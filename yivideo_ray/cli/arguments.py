"""What the subcommands have in common: settings, what goes to standard output and what is reported to people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from yivideo_ray.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from yivideo_ray.config import Settings
    from yivideo_ray.jobs import Outcome
    from yivideo_ray.types import Stage

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = [
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_USAGE",
    "load",
    "names",
    "report",
    "report_outcomes",
    "stage",
    "take_stdout",
    "write_json",
]

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def load(given: Path | None) -> Settings:
    """Returns the settings of the file that --config names (None: that of YIVIDEO_CONFIG, or the defaults), with the
    environment's on top. Errors: ConfigError CONFIG_INVALID."""
    from yivideo_ray.config import load_settings, settings_file

    return load_settings(settings_file(given))


def names(listed: str) -> list[str]:
    """Returns the names of a list such as "srt,vtt", in its order; blanks around them and empty ones don't count."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def stage(name: str) -> Stage:
    """Returns the stage of a public name. Errors: ConfigError CHAIN_INVALID, with the nearest name that there is."""
    import difflib

    from yivideo_ray.types import STAGES, Stage

    try:
        return Stage(name)
    except ValueError:
        near = difflib.get_close_matches(name, [known.value for known in STAGES], n=1, cutoff=0.0)
        raise ConfigError(
            f"{name!r} is no stage; did you mean {near[0]}?",
            code="CHAIN_INVALID",
            remedy=f"The stages are {', '.join(STAGES)}.",
        ) from None


def report_outcomes(outcomes: Sequence[Outcome]) -> int:
    """Reports how workflows ended, and returns the exit code."""
    from yivideo_ray.cli.display import summary

    for line in summary(outcomes):
        report(line)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        error = outcome.error or {}
        prefix = f"{outcome.video}: " if len(outcomes) > 1 else ""
        report(f"{prefix}{error['code']}: {error['message']} {error['remedy']}")
    return EXIT_FAILED if failed else 0


def take_stdout() -> IO[str]:
    """Returns standard output for this program alone, and points file descriptor 1 at standard error: Ray prints
    messages about lost workers to it whatever it is told, and machine output must stay clean."""
    sys.stdout.flush()
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return kept


def report(sentence: str) -> None:
    """Prints one line for people, whatever is in it."""
    line = " ".join(sentence.split("\n"))
    sys.stderr.write(line.encode("utf-8", "surrogateescape").decode("utf-8", "replace") + "\n")
    sys.stderr.flush()


def write_json(stream: IO[str], value: Any, indent: int | None = 2) -> None:
    """Writes a value as JSON with a line break behind it, and flushes. indent: None for one line."""
    stream.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
    stream.flush()
