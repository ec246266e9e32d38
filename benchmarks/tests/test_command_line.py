"""What the benchmarks' command lines share: where figures go, and what is told on the way."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.instruments import command_line
from benchmarks.instruments.command_line import benchmark_parser, hand_out, progress_teller
from benchmarks.instruments.environment import environment, format_environment

FIGURES: dict[str, Any] = {"environment": environment(), "seconds": 1.5, "video": "电影"}


def report(figures: dict[str, Any]) -> str:
    return f"{figures['video']}: {figures['seconds']} s"


def draw(figures: dict[str, Any], path: Path) -> None:
    path.write_text(report(figures), encoding="utf-8")


def test_figures_are_printed_with_how_they_were_measured_and_go_where_the_options_say(tmp_path: Path) -> None:
    parser = benchmark_parser("benchmarks.speed", "What it does.", plot=True)
    options = parser.parse_args(["--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.png")])
    printed = io.StringIO()
    hand_out(FIGURES, options, report, draw, file=printed)
    assert printed.getvalue() == f"电影: 1.5 s\n\n{format_environment(FIGURES['environment'])}\n"
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == FIGURES
    assert "电影" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert (tmp_path / "a.png").read_text(encoding="utf-8") == "电影: 1.5 s"


def test_without_options_figures_are_printed_only(capsys: pytest.CaptureFixture[str]) -> None:
    options = benchmark_parser("benchmarks.speed", "What it does.", out=None).parse_args([])
    assert vars(options) == {"json": None}
    hand_out(FIGURES, options, report)
    assert capsys.readouterr().out.startswith("电影: 1.5 s\n")


def test_progress_is_told_behind_the_seconds_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([100.0, 112.4])
    monkeypatch.setattr(command_line, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    tell = progress_teller()
    tell("half of it")
    assert capsys.readouterr() == ("", "    12 s  half of it\n")
