"""Pictures of what the benchmarks measured."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["draw_calls", "draw_floor", "draw_runs", "draw_scaling", "draw_throughput"]


@contextmanager
def _picture(
    path: Path, place: dict[str, Any], title: str = "", *, panels: tuple[int, int] = (1, 1), size: tuple[float, float]
) -> Iterator[Any]:
    """Yields panels (rows, columns) to draw on, as matplotlib's axes, and writes them as a PNG, headed by title and the
    place where the figures were measured (instruments.environment). size is that of a panel, in inches."""
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


_FLOOR_SIDES = (("decodings", "decoding alone", "tab:grey"), ("runs", "run", "tab:blue"))
_BAR_WIDTH = 0.35


def draw_floor(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: wall and CPU time of decoding alone and of a run, medians as bars and each run as a dot, and how
    long a run may take."""
    videos = figures["videos"]
    names = [video["video"].removeprefix("speed_") for video in videos]
    title = "60 s, a cue every 2 to 3 s"
    with _picture(path, figures["environment"], title, panels=(1, 2), size=(4.6, 3.6)) as axes:
        for panel, key, label in zip(axes[0], ("wall_s", "own_s"), ("wall s", "CPU s"), strict=True):
            for side, (runs, name, colour) in enumerate(_FLOOR_SIDES):
                places = [number + (side - 0.5) * _BAR_WIDTH for number in range(len(videos))]
                measured = [[run[key] for run in video[runs]] for video in videos]
                medians = [statistics.median(seconds) for seconds in measured]
                panel.bar(places, medians, _BAR_WIDTH, label=name, color=colour, alpha=0.7)
                for place, seconds in zip(places, measured, strict=True):
                    panel.plot([place] * len(seconds), seconds, "k.", markersize=3)
            panel.set_xticks(range(len(videos)), names)
            panel.set(title=label)
        for number, video in enumerate(videos):
            limit = figures["limit"] * video["decoding_alone"]["wall_s"]
            # A label that begins so is not in the legend.
            label = "_" * bool(number) + f"limit: {figures['limit']} x decoding alone"
            axes[0][0].plot([number, number + _BAR_WIDTH], [limit, limit], "r--", label=label)
            ratio = f"{video['median_ratio']:.2f} x"
            axes[0][0].annotate(
                ratio, (number + _BAR_WIDTH / 2, video["run"]["wall_s"] / 2), ha="center", color="white"
            )
        axes[0][0].legend(fontsize="small")


_MIB = 2**20


def draw_calls(figures: dict[str, Any], limit: float, path: Path) -> None:
    """Writes a PNG: the actor's resident memory over the calls, and the limit from the one on by which every size has
    come once."""
    sizes, first = figures["sizes"], figures["after_first_bytes"] / _MIB
    with _picture(path, figures["environment"], f"{sizes} sizes of pictures", size=(6.4, 3.8)) as axes:
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
    with _picture(path, figures["environment"], "720p25, a cue every 2 to 3 s", panels=(1, 2), size=(5.2, 3.6)) as axes:
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


def draw_scaling(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: how many times as fast as one node, measured on two, simulated on more."""
    rows = figures["simulated"]["rows"]
    nodes = [row["nodes"] for row in rows]
    minutes = figures["simulated"]["film_minutes"]
    with _picture(path, figures["environment"], size=(6.4, 4.4)) as axes:
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


_THROUGHPUT_PANELS = (
    ("videos_per_minute", "videos per minute", 1),
    ("mean_completion_s", "mean completion, s", 1),
    ("device_busy", "device busy, %", 100),
)
_ENGINES = {"real": "real engine", "modelled": "modelled device"}


def draw_throughput(figures: dict[str, Any], path: Path) -> None:
    """Writes a PNG: a row of panels per engine, over the number of workflows at once, a line per mode."""
    rows = figures["rows"]
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    panels = len(engines), len(_THROUGHPUT_PANELS)
    with _picture(path, figures["environment"], figures["video"], panels=panels, size=(4.2, 3.2)) as axes:
        for engine, line in zip(engines, axes, strict=True):
            for (key, label, unit), panel in zip(_THROUGHPUT_PANELS, line, strict=True):
                for mode in dict.fromkeys(row["mode"] for row in rows):
                    points = [row for row in rows if (row["engine"], row["mode"]) == (engine, mode)]
                    counts = [row["workflows"] for row in points]
                    panel.plot(counts, [unit * row[key] for row in points], marker="o", label=mode)
                    panel.set_xticks(sorted({row["workflows"] for row in rows}))
                panel.set(title=f"{_ENGINES[engine]}: {label}", xlabel="workflows at once")
                panel.set_ylim(0, 1.1 * unit * max(row[key] for row in rows if row["engine"] == engine))
        axes[0][0].legend(fontsize="small")
