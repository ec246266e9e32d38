"""The benchmarks' pictures: a PNG of the figures given, with all of them on it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.instruments import plots

PLACE = {"cores": 2, "cpu": "a CPU", "provider": "a provider", "commit": "0123456789ab"}


def floor(path: Path, factor: float) -> None:
    decodings = [{"wall_s": 2.0, "own_s": 4.0}, {"wall_s": 2.2, "own_s": 4.1}]
    runs = [{"wall_s": factor * one["wall_s"], "own_s": factor * one["own_s"]} for one in decodings]
    video = {
        "decodings": decodings,
        "runs": runs,
        "run": runs[0],
        "decoding_alone": decodings[0],
        "median_ratio": factor,
    }
    videos = [{"video": f"speed_{height}p25", **video} for height in (720, 1080)]
    plots.draw_floor({"environment": PLACE, "limit": 1.5, "videos": videos}, path)


def calls(path: Path, factor: float) -> None:
    samples = [(10, 100 * 2**20), (20, int(factor * 100 * 2**20))]
    figures = {"environment": PLACE, "sizes": 10, "after_first_bytes": 100 * 2**20, "samples": samples}
    plots.draw_calls(figures, 1.05, path)


def runs(path: Path, factor: float) -> None:
    found = [
        {
            "minutes": minutes,
            "peak_bytes": size * 2**20,
            "memory_samples": [(0.0, size * 2**19), (minutes * 6.0, int(factor * size * 2**20))],
            "scratch_samples": [(0.0, 0), (minutes * 6.0, 10_000_000)],
        }
        for minutes, size in ((1, 1000), (10, 1200), (60, 1250))
    ]
    plots.draw_runs({"environment": PLACE, "runs": found}, "minutes", 1.1, path)


def scaling(path: Path, factor: float) -> None:
    rows = [{"nodes": n, "cpu_stages_ratio": n, "workflow_ratio": min(n, 1 + factor)} for n in (1, 2, 4)]
    simulated = {"film_minutes": 120, "rows": rows}
    plots.draw_scaling({"environment": PLACE, "ratio": factor, "simulated": simulated}, path)


def throughput(path: Path, factor: float) -> None:
    rows = [
        {
            "engine": engine,
            "mode": mode,
            "workflows": workflows,
            "videos_per_minute": 5 * times,
            "mean_completion_s": 20.0 * workflows,
            "device_busy": 0.5,
        }
        for engine in ("real", "modelled")
        for mode, times in (("concurrent", factor), ("serialized, ideal lock", 1))
        for workflows in (1, 5)
    ]
    plots.draw_throughput({"environment": PLACE, "video": "60 s of 720p25", "rows": rows}, path)


DRAW = [floor, calls, runs, scaling, throughput]


@pytest.mark.parametrize("draw", DRAW)
def test_other_figures_give_another_picture(draw: Callable[[Path, float], None], tmp_path: Path) -> None:
    pictures = []
    for number, factor in enumerate((1.2, 1.9)):
        path = tmp_path / f"{number}.png"
        draw(path, factor)
        with Image.open(path) as image:
            assert image.format == "PNG"
            pictures.append(image.convert("RGB").tobytes())
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    ("draw", "legend"),
    [
        (floor, ["decoding alone", "limit: 1.5 x decoding alone", "run"]),
        (calls, ["GPU actor", "limit: 1.05 x that after every size"]),
        (runs, ["1 minute", "10 minutes", "60 minutes", "limit: 1.1 x the peak of 10"]),
        (
            scaling,
            [
                "SIMULATED: CPU stages",
                "SIMULATED: with one device",
                "as many times as nodes",
                "measured: CPU stages",
            ],
        ),
        (throughput, ["concurrent", "serialized, ideal lock"]),
    ],
)
def test_all_that_is_drawn_is_named(
    draw: Callable[[Path, float], None], legend: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    figures: list[Any] = []
    monkeypatch.setattr(pyplot, "close", figures.append)
    draw(tmp_path / "picture.png", 1.2)
    monkeypatch.undo()
    (figure,) = figures
    first = figure.axes[0]
    assert sorted(text.get_text() for text in first.get_legend().get_texts()) == legend
    assert figure.get_suptitle().endswith("2 cores of a CPU; a provider; commit 0123456789ab")
    if draw is throughput:
        titles = [panel.get_title().split(":")[0] for panel in figure.axes]
        assert titles == ["real engine"] * 3 + ["modelled device"] * 3
    pyplot.close(figure)
