"""Draws the figures of the floor benchmark."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.plot import picture

__all__ = ["draw"]

_SIDES = (("decodings", "decoding alone", "tab:grey"), ("runs", "run", "tab:blue"))
_WIDTH = 0.35


def draw(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: wall and CPU time of decoding alone and of a run, medians as bars and each run as a dot, and how
    long a run may take."""
    videos = figures["videos"]
    names = [video["video"].removeprefix("speed_") for video in videos]
    title = "60 s, a cue every 2 to 3 s"
    with picture(path, figures["environment"], title, panels=(1, 2), size=(4.6, 3.6)) as axes:
        for panel, key, label in zip(axes[0], ("wall_s", "own_s"), ("wall s", "CPU s"), strict=True):
            for side, (runs, name, colour) in enumerate(_SIDES):
                places = [number + (side - 0.5) * _WIDTH for number in range(len(videos))]
                measured = [[run[key] for run in video[runs]] for video in videos]
                medians = [statistics.median(seconds) for seconds in measured]
                panel.bar(places, medians, _WIDTH, label=name, color=colour, alpha=0.7)
                for place, seconds in zip(places, measured, strict=True):
                    panel.plot([place] * len(seconds), seconds, "k.", markersize=3)
            panel.set_xticks(range(len(videos)), names)
            panel.set(title=label)
        for number, video in enumerate(videos):
            limit = figures["limit"] * video["decoding_alone"]["wall_s"]
            # A label that begins so is not in the legend.
            label = "_" * bool(number) + f"limit: {figures['limit']} x decoding alone"
            axes[0][0].plot([number, number + _WIDTH], [limit, limit], "r--", label=label)
            ratio = f"{video['median_ratio']:.2f} x"
            axes[0][0].annotate(ratio, (number + _WIDTH / 2, video["run"]["wall_s"] / 2), ha="center", color="white")
        axes[0][0].legend(fontsize="small")
