"""What a phase finds: rows of a question, an answer, a figure and what to set, as JSON lines and as one table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Row", "Setup", "append", "read", "table"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a phase works with. device: gpu or cpu; seconds: its limit; quick: as little as shows that it works."""

    device: str
    seconds: float
    quick: bool
    fixtures: Path


@dataclass(frozen=True, slots=True)
class Row:
    """One answer. setting: what to set because of it, in words. failed: something is wrong, not only slow."""

    phase: str
    question: str
    answer: str
    figure: str = ""
    setting: str = ""
    failed: bool = False


def append(row: Row, path: Path) -> None:
    """Adds a row to a file of JSON lines, at once."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def read(path: Path) -> list[Row]:
    """Returns the rows of a file; a last line that was cut off is left out."""
    rows = []
    names = {field.name for field in fields(Row)}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        rows.append(Row(**{name: value for name, value in told.items() if name in names}))
    return rows


def table(rows: Iterable[Row]) -> str:
    """Returns the rows as one table for people."""
    drawn = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("phase", "question", "answer", "figure", "setting"):
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        answer = Text(f"WRONG: {row.answer}" if row.failed else row.answer)
        drawn.add_row(row.phase, Text(row.question), answer, Text(row.figure), Text(row.setting))
    console = Console(width=160, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def ms(seconds: Sequence[float] | float) -> str:
    """Returns the median of durations in milliseconds."""
    return f"{float(np.median(seconds)) * 1e3:.2f} ms"
