"""Draws the figures of the scaling benchmark."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

__all__ = ["draw"]


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: how many times as fast as one node, measured on two, simulated on more."""
    # Any: its types change with every version.
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    rows = figures["simulated"]["rows"]
    nodes = [row["nodes"] for row in rows]
    picture, panel = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")
    panel.plot(nodes, nodes, color="grey", linestyle=":", label="as many times as nodes")
    minutes = figures["simulated"]["film_minutes"]
    for key, name in (("cpu_stages_ratio", "CPU stages"), ("workflow_ratio", "with one device")):
        panel.plot(nodes, [row[key] for row in rows], marker="o", linestyle="--", label=f"SIMULATED: {name}")
    panel.plot([1, 2], [1, figures["ratio"]], marker="s", linestyle="none", label="measured: CPU stages")
    panel.set_xscale("log", base=2)
    panel.set_yscale("log", base=2)
    panel.set_xticks(nodes, [str(count) for count in nodes])
    panel.set_yticks(nodes, [str(count) for count in nodes])
    panel.set(xlabel="nodes of one core each", ylabel="times as fast as one node", title=f"{minutes} min of 720p25")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    place = figures["environment"]
    picture.suptitle(f"{place['cores']} cores of {place['cpu']}, commit {place['commit']}", fontsize="small")
    picture.savefig(path, dpi=120)
    pyplot.close(picture)
