"""The phases in their order, and one of them in a process of its own.

    python -m benchmarks.gpu.phases NAME --device gpu --seconds 30 --fixtures FILE --rows FILE

writes each row as soon as it is known: what crashes or hangs costs the phase that it is in, and nothing that was found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.rows import Row, Setup, append

__all__ = ["PHASES", "Phase", "main"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase: how long it may take, and where its code is. must_end: without its answer nothing is known to be
    right."""

    name: str
    seconds: float
    module: str
    function: str
    must_end: bool = False

    @property
    def run(self) -> Callable[[Setup], Iterator[Row]]:
        # Imported by the child only: the parent loads nothing of CUDA.
        found: Callable[[Setup], Iterator[Row]] = getattr(import_module(f"benchmarks.gpu.{self.module}"), self.function)
        return found


PHASES = (
    Phase("facts", 15, "machine", "facts"),
    Phase("load", 75, "machine", "load", must_end=True),
    Phase("correct", 60, "answers", "correct", must_end=True),
    Phase("shapes", 90, "speed", "shapes_phase"),
    Phase("edges", 45, "speed", "edges"),
    Phase("batch", 60, "speed", "batch"),
    Phase("nvdec", 90, "decoding", "nvdec"),
    Phase("ray", 120, "on_ray", "on_ray"),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.phases", description=__doc__)
    parser.add_argument("name", choices=[phase.name for phase in PHASES])
    parser.add_argument("--device", choices=("gpu", "cpu"), required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--fixtures", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(argv)
    phase = next(phase for phase in PHASES if phase.name == options.name)
    setup = Setup(options.device, options.seconds, options.quick, options.fixtures)
    for row in phase.run(setup):
        # What a CPU is slow at says nothing of what to set for a GPU.
        append(row if setup.device == "gpu" else replace(row, setting=""), options.rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
