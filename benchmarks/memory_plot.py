"""Draws the figures of the memory benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.plot import picture

__all__ = ["draw_calls", "draw_runs"]

_MIB = 2**20


def draw_calls(figures: dict[str, Any], limit: float, path: Path) -> None:
    """Writes a PNG: the actor's resident memory over the calls, and the limit from the one on by which every size has
    come once."""
    sizes, first = figures["sizes"], figures["after_first_bytes"] / _MIB
    with picture(path, figures["environment"], f"{sizes} sizes of pictures", size=(6.4, 3.8)) as axes:
        panel = axes[0][0]
        calls, resident = zip(*figures["samples"], strict=True)
        panel.plot(calls, [rss / _MIB for rss in resident], marker=".", label="GPU actor")
        panel.plot([sizes, calls[-1]], [limit * first] * 2, "r--", label=f"limit: {limit} x that after every size")
        panel.set(xlabel="calls", ylabel="MiB resident")
        panel.set_ylim(0)
        panel.legend(fontsize="small")


def draw_runs(figures: dict[str, Any], unit: str, limit_ratio: float, path: Path) -> None:
    """Writes a PNG: memory and scratch files over the time of each run, as a share of it, and the limit."""
    runs = figures["runs"]
    with picture(path, figures["environment"], "720p25, a cue every 2 to 3 s", panels=(1, 2), size=(5.2, 3.6)) as axes:
        for panel, key, scale, label in zip(
            axes[0], ("memory", "scratch"), (_MIB, 1e6), ("memory, MiB", "scratch files, MB"), strict=True
        ):
            for run in runs:
                count = run[unit]
                _line(panel, run[f"{key}_samples"], scale, f"{count} {unit if count > 1 else unit[:-1]}")
            panel.set(title=label, xlabel="share of the run, %")
        if len(runs) > 1:
            fewer = sorted(runs, key=lambda run: run[unit])[-2]
            limit = limit_ratio * fewer["peak_bytes"] / _MIB
            name = f"limit: {limit_ratio} x the peak of {fewer[unit]}"
            axes[0][0].axhline(limit, color="red", linestyle="--", label=name)
        axes[0][0].legend(fontsize="small")
        for panel in axes[0]:
            # Only now: it keeps the upper end where it is.
            panel.set_ylim(0)


def _line(panel: Any, samples: Sequence[tuple[float, int]], scale: float, label: str) -> None:
    end_s = samples[-1][0] or 1.0
    panel.plot([100 * at / end_s for at, _ in samples], [size / scale for _, size in samples], label=label)
