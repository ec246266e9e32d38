"""Draws the figures of the throughput benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.plot import picture

__all__ = ["draw"]

PANELS = (
    ("videos_per_minute", "videos per minute", 1),
    ("mean_completion_s", "mean completion, s", 1),
    ("device_busy", "device busy, %", 100),
)
TITLES = {"real": "real engine", "modelled": "modelled device"}


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: a row of panels per engine, over the number of workflows at once, a line per mode."""
    rows = figures["rows"]
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    panels = len(engines), len(PANELS)
    with picture(path, figures["environment"], figures["video"], panels=panels, size=(4.2, 3.2)) as axes:
        for engine, line in zip(engines, axes, strict=True):
            for (key, label, unit), panel in zip(PANELS, line, strict=True):
                for mode in dict.fromkeys(row["mode"] for row in rows):
                    points = [row for row in rows if (row["engine"], row["mode"]) == (engine, mode)]
                    counts = [row["workflows"] for row in points]
                    panel.plot(counts, [unit * row[key] for row in points], marker="o", label=mode)
                    panel.set_xticks(sorted({row["workflows"] for row in rows}))
                panel.set(title=f"{TITLES[engine]}: {label}", xlabel="workflows at once")
                panel.set_ylim(0, 1.1 * unit * max(row[key] for row in rows if row["engine"] == engine))
        axes[0][0].legend(fontsize="small")
