"""Answers what only a machine with a GPU can: does the engine run there, are its answers right, what does it cost.

    python -m benchmarks.gpu [--only PHASE ...] [--seconds N] [--device cpu] [--quick] [--out DIR] [--json FILE]

makes lines and sheets, has the CPU answer them, and runs the phases in their order, each in a process of its own with a
limit of its own: facts, load, correct, shapes, edges, batch, nvdec, ray. Rows go to DIR/gpu/rows.jsonl as they come;
one table stands at the end. This process loads nothing of CUDA: what crashes or hangs costs one phase. --device cpu
runs the same code on the CPU, to see that it works; what needs a GPU says so. --quick: as little as shows that. Exit
code: 0 if all answers are right, 1 if one is wrong, or the phases load or correct did not end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gpu.phases import PHASES, Phase
from benchmarks.gpu.rows import Row, Setup, append, read, table
from benchmarks.instruments.command_line import benchmark_parser, hand_out, progress_teller
from benchmarks.instruments.environment import environment

__all__ = ["main", "report", "run_phase"]

SECONDS = 560.0
LINES, SHEETS = 512, 64
QUICK_LINES, QUICK_SHEETS = 10, 2
MAKE = "import sys; from pathlib import Path; from benchmarks.gpu.fixtures import make; "
MAKE += "make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"


def report(figures: dict[str, Any]) -> str:
    """Returns the table of all rows."""
    return table(Row(**row) for row in figures["rows"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser("benchmarks.gpu", __doc__, out="for pictures and rows")
    names = [phase.name for phase in PHASES]
    parser.add_argument("--only", action="append", choices=names, metavar="PHASE", help=", ".join(names))
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="N", help="for all phases (%(default)g)")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--quick", action="store_true", help="few pictures, few runs")
    options = parser.parse_args(argv)
    directory = options.out / "gpu"
    directory.mkdir(parents=True, exist_ok=True)
    told, end = progress_teller(), time.monotonic() + options.seconds
    rows = directory / "rows.jsonl"
    rows.unlink(missing_ok=True)
    fixtures = _fixtures(directory, options.quick, told)
    for phase in PHASES:
        if options.only and phase.name not in options.only:
            continue
        left_s = min(phase.seconds, end - time.monotonic())
        if left_s <= 0:
            append(Row(phase.name, "did it run?", "no time was left", failed=phase.must_end), rows)
            continue
        told(f"{phase.name}, at most {left_s:.0f} s")
        run_phase(phase, Setup(options.device, left_s, options.quick, fixtures), rows)
    found = read(rows)
    figures = {"environment": environment(), "device": options.device, "rows": [asdict(row) for row in found]}
    hand_out(figures, options, report)
    return 1 if any(row.failed for row in found) else 0


def run_phase(phase: Phase, setup: Setup, rows: Path) -> None:
    """Runs a phase in a process of its own, and adds a row if it did not end by itself, and well."""
    log = rows.with_name(f"{phase.name}.log")
    command = [sys.executable, "-P", "-m", "benchmarks.gpu.phases", phase.name, "--device", setup.device]
    command += ["--seconds", str(setup.seconds), "--fixtures", str(setup.fixtures), "--rows", str(rows)]
    command += ["--quick"] if setup.quick else []
    with log.open("wb") as output:
        # With children of its own, all of which end with it.
        child = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, env=_with_checkout())
        try:
            code: int | None = child.wait(setup.seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if code != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        why = f"stopped after {setup.seconds:.0f} s" if code is None else f"exit code {code}"
        last = said[-1][:300] if said and code is not None else ""
        append(Row(phase.name, "did it end?", f"no: {why}", last, f"see {log}", failed=phase.must_end), rows)


def _fixtures(directory: Path, quick: bool, told: Any) -> Path:
    """Returns the file of pictures, which a process makes that is over before the first phase."""
    lines, sheets = (QUICK_LINES, QUICK_SHEETS) if quick else (LINES, SHEETS)
    path = directory / f"pictures-{lines}-{sheets}.pickle"
    if not path.exists():
        told(f"makes {lines} lines and {sheets} sheets, and has the CPU answer them")
        command = [sys.executable, "-P", "-c", MAKE, str(path), str(lines), str(sheets)]
        subprocess.run(command, check=True, env=_with_checkout())
    return path


def _with_checkout() -> dict[str, str]:
    """Returns the environment in which a child finds benchmarks, which is not installed, and this package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


if __name__ == "__main__":
    sys.exit(main())
