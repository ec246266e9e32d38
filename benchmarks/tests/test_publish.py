"""The pages of figures: all that they say of a measurement comes from the file that the benchmark wrote."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.instruments.environment import environment, provenance, without_paths
from benchmarks.publish import DOCS, FITS, PAGES, main, pages, stale
from benchmarks.tests.made_up_figures import FIGURES, PAGE_OF, PLACE, keep
from yivideo_ray.types import EngineFacts

ENGINE = EngineFacts("onnxruntime", "cpu", "a provider", "det", "rec")
DRAWN = {"throughput", "scaling", "memory_calls", "memory_minutes", "memory_videos", "floor"}


def test_there_are_figures_here_for_every_file_that_a_page_shows() -> None:
    assert FIGURES.keys() == PAGE_OF.keys()


@pytest.mark.parametrize("name", FIGURES)
def test_a_page_shows_the_figures_with_command_date_commit_machine_and_versions(name: str, tmp_path: Path) -> None:
    figures, told = FIGURES[name]
    keep(tmp_path, name, figures)
    assert main(["--docs", str(tmp_path)]) == 0
    page = (tmp_path / f"{PAGE_OF[name].name}.md").read_text(encoding="utf-8")
    for words in [*told, PLACE["command"], PLACE["date"], "0123456789ab", "2 cores of a CPU", "numpy 2.3.5"]:
        assert words in page
    assert page.count("Not measured yet.") == len(PAGE_OF[name].measured) - 1
    assert ((tmp_path / f"{name}.png").is_file(), f"({name}.png)" in page) == ((name in DRAWN,) * 2)


def test_a_page_without_figures_says_so_and_how_they_are_measured(tmp_path: Path) -> None:
    written = pages(tmp_path)
    assert written.keys() == {"README.md", *(f"{page.name}.md" for page in PAGES)}
    for page in PAGES:
        assert written[f"{page.name}.md"].count("Not measured yet.") == len(page.measured)
        assert all(measured.command in written[f"{page.name}.md"] for measured in page.measured)
    assert written["README.md"].count("| not yet |") == len(PAGE_OF)


def test_the_index_tells_when_each_was_measured_and_at_which_commit(tmp_path: Path) -> None:
    keep(tmp_path, "http", FIGURES["http"][0], commit="fedcba987654", date="2024-06-07 08:09+00:00")
    index = pages(tmp_path)["README.md"]
    row = "| [HTTP](http.md) | `python -m benchmarks.something --runs 7` | 2024-06-07 08:09+00:00 | `fedcba987654` |"
    assert row in index.splitlines()


def test_the_index_names_the_reports_of_fits_that_are_there(tmp_path: Path) -> None:
    assert "fits" not in pages(tmp_path)["README.md"]
    (tmp_path / "layers.md").write_text("# Which layers are subtitles\n", encoding="utf-8")
    last = pages(tmp_path)["README.md"].splitlines()[-1]
    assert last.endswith(" not seen: [Which layers are subtitles](layers.md).")
    for name, title in FITS.items():
        assert (DOCS / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {title}\n")


def test_what_a_fit_was_made_with_is_told_besides() -> None:
    told = provenance(environment(packages=["pysubs2"]), "Fitted")
    assert re.match(r"Fitted 20\d\d-.*:\n\n```text\ncommit .*; \d+ cores of ", told)
    assert re.search(r", pysubs2 \d.*\n```$", told)


def test_the_database_of_a_measurement_is_told(tmp_path: Path) -> None:
    keep(tmp_path, "durability_postgresql", FIGURES["durability"][0], database="postgresql")
    assert "\ndatabase postgresql\n" in pages(tmp_path)["durability.md"]


def test_a_page_that_was_changed_by_hand_or_is_missing_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, "http", FIGURES["http"][0])
    assert main(["--docs", str(tmp_path)]) == 0
    assert main(["--docs", str(tmp_path), "--check"]) == 0
    page = tmp_path / "http.md"
    page.write_text(page.read_text(encoding="utf-8").replace("0.811", "0.511"), encoding="utf-8")
    (tmp_path / "floor.md").unlink()
    assert main(["--docs", str(tmp_path), "--check"]) == 1
    assert stale(tmp_path) == ["floor.md", "http.md"]
    assert capsys.readouterr().out.count("Run python -m benchmarks.publish.") == 2
    assert "0.511" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), [("flor", "{}"), ("floor", "{"), ("floor", "[]"), ("floor", "{}")])
def test_figures_that_no_page_shows_or_that_are_none_are_refused(
    name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.json").write_text(text, encoding="utf-8")
    assert main(["--docs", str(tmp_path)]) == 2
    assert f"{name}.json" in capsys.readouterr().err
    assert not (tmp_path / "README.md").exists()


def test_the_pages_of_this_project_are_those_of_its_data() -> None:
    assert stale(DOCS) == [], "run python -m benchmarks.publish"


def test_a_measurement_tells_its_command_without_the_paths_that_change_no_figure() -> None:
    told = ["--runs", "3", "--json", "/home/me/a.json", "--plot=/home/me/a.png", "--out", "/data", "--quick"]
    assert without_paths(told) == ["--runs", "3", "--quick"]
    assert environment()["command"].startswith("python -m ")
    assert environment()["date"][:2] == "20"


@dataclass
class Truth:
    video: Path


def stand_ins(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """Returns a benchmark's command whose measuring is replaced by made up figures."""
    module = importlib.import_module(PAGE_OF[name].module)
    figures = {"environment": environment(), **FIGURES[name][0]}

    async def later(*_: object) -> dict[str, Any]:
        return figures

    match name:
        case "memory_minutes":
            monkeypatch.setattr(module, "measure_lengths", lambda *_: (figures["runs"], ENGINE))
        case "cold_start":
            monkeypatch.setattr(module, "ensure_corpus", lambda *_: (Truth(Path("video.mp4")),))
            monkeypatch.setattr(module, "start", lambda *_: {**figures["medians"], "load": figures["load_before"]})
        case _:
            monkeypatch.setattr(module, "measure", later if name == "throughput" else lambda *_: figures)
    command: Callable[[list[str]], int] = module.main
    return command


@pytest.mark.parametrize("name", ["cold_start", "memory_minutes", "scaling", "speed", "throughput"])
def test_what_a_benchmark_writes_is_what_it_prints_and_what_its_page_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    command = stand_ins(name, monkeypatch)
    where = ["--json", str(tmp_path / "data" / f"{name}.json"), "--out", str(tmp_path / "out")]
    plot = ["--plot", str(tmp_path / "drawn.png")] if name in DRAWN else []
    assert command([*(["--minutes", "1", "10"] if name == "memory_minutes" else []), *where, *plot]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "drawn.png").is_file() == (name in DRAWN)
    page = pages(tmp_path)[f"{PAGE_OF[name].name}.md"]
    for words in FIGURES[name][1]:
        assert words in printed
        assert words in page
