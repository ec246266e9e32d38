"""Draws the figures of the throughput benchmark."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

__all__ = ["draw"]

PANELS = (
    ("videos_per_minute", "videos per minute", 1),
    ("mean_completion_s", "mean completion, s", 1),
    ("device_busy", "device busy, %", 100),
)
TITLES = {"real": "real engine", "modelled": "modelled device"}


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: a row of panels per engine, over the number of workflows at once, a line per mode."""
    # Any: its types change with every version.
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    rows = figures["rows"]
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    picture, axes = pyplot.subplots(
        len(engines), len(PANELS), figsize=(4.2 * len(PANELS), 3.2 * len(engines)), squeeze=False, layout="constrained"
    )
    for engine, line in zip(engines, axes, strict=True):
        for (key, label, unit), panel in zip(PANELS, line, strict=True):
            for mode in dict.fromkeys(row["mode"] for row in rows):
                points = [row for row in rows if (row["engine"], row["mode"]) == (engine, mode)]
                counts = [row["workflows"] for row in points]
                panel.plot(counts, [unit * row[key] for row in points], marker="o", label=mode)
                panel.set_xticks(sorted({row["workflows"] for row in rows}))
            panel.set(title=f"{TITLES[engine]}: {label}", xlabel="workflows at once")
            panel.set_ylim(0, 1.1 * unit * max(row[key] for row in rows if row["engine"] == engine))
            panel.grid(alpha=0.3)
    axes[0][0].legend(fontsize="small")
    place = figures["environment"]
    picture.suptitle(
        f"{figures['video']}; {place['cores']} cores of {place['cpu']}, {place['provider']}, commit {place['commit']}",
        fontsize="small",
    )
    picture.savefig(path, dpi=120)
    pyplot.close(picture)
