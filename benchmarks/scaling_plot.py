"""Draws the figures of the scaling benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.plot import picture

__all__ = ["draw"]


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: how many times as fast as one node, measured on two, simulated on more."""
    rows = figures["simulated"]["rows"]
    nodes = [row["nodes"] for row in rows]
    minutes = figures["simulated"]["film_minutes"]
    with picture(path, figures["environment"], size=(6.4, 4.4)) as axes:
        panel = axes[0][0]
        panel.plot(nodes, nodes, color="grey", linestyle=":", label="as many times as nodes")
        for key, name in (("cpu_stages_ratio", "CPU stages"), ("workflow_ratio", "with one device")):
            panel.plot(nodes, [row[key] for row in rows], marker="o", linestyle="--", label=f"SIMULATED: {name}")
        panel.plot([1, 2], [1, figures["ratio"]], marker="s", linestyle="none", label="measured: CPU stages")
        panel.set_xscale("log", base=2)
        panel.set_yscale("log", base=2)
        panel.set_xticks(nodes, [str(count) for count in nodes])
        panel.set_yticks(nodes, [str(count) for count in nodes])
        panel.set(xlabel="nodes of one core each", ylabel="times as fast as one node", title=f"{minutes} min of 720p25")
        panel.legend(fontsize="small")
