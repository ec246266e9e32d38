"""What the benchmarks' command lines have in common: the options that say where things go, and how a run ends."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from benchmarks.instruments.environment import format_environment

__all__ = ["benchmark_parser", "hand_out", "progress_teller", "write_figures"]

OUT = Path(__file__).parents[1] / "out"


def benchmark_parser(
    module: str, description: str | None, *, out: str | None = "for videos", plot: bool = False
) -> argparse.ArgumentParser:
    """Returns the parser of `python -m MODULE`, which has --json, and may have --out and --plot.

    description is the module's docstring. out says what goes into the directory (None: there is none); plot: the
    figures can be drawn.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if out is not None:
        parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"{out} (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    if plot:
        parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures to FILE (PNG)")
    return parser


def hand_out(
    figures: dict[str, Any],
    options: argparse.Namespace,
    report: Callable[[dict[str, Any]], str],
    draw: Callable[[dict[str, Any], Path], None] | None = None,
    file: IO[str] | None = None,
) -> None:
    """Prints the figures for people, and how they were measured, and writes what --json and --plot ask for.

    figures["environment"] is environment()'s. file is printed to (None: standard output).
    """
    print(report(figures), format_environment(figures["environment"]), sep="\n\n", file=file or sys.stdout, flush=True)
    if options.json is not None:
        write_figures(options.json, figures)
    if draw is not None and options.plot is not None:
        draw(figures, options.plot)


def progress_teller() -> Callable[[str], None]:
    """Returns a function that prints a sentence to standard error, behind the seconds since now."""
    began = time.monotonic()

    def tell(sentence: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {sentence}", file=sys.stderr, flush=True)

    return tell


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """Writes every figure, as benchmarks.publish reads them."""
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
