"""Pictures of what the benchmarks measured."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["picture"]


@contextmanager
def picture(
    path: Path, place: dict[str, Any], title: str = "", *, panels: tuple[int, int] = (1, 1), size: tuple[float, float]
) -> Iterator[Any]:
    """Yields panels (rows, columns) to draw on, as matplotlib's axes, and writes them as a PNG, headed by title and the
    place where the figures were measured (benchmarks.environment). size is that of a panel, in inches."""
    # Any: its types change with every version.
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    rows, columns = panels
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False, layout="constrained"
    )
    try:
        yield axes
        for panel in axes.flat:
            panel.grid(alpha=0.3)
        machine = f"{place['cores']} cores of {place['cpu']}"
        told = [title, machine, place["provider"], f"commit {place['commit']}"]
        figure.suptitle("; ".join(part for part in told if part), fontsize="small")
        figure.savefig(path, dpi=120)
    finally:
        pyplot.close(figure)
