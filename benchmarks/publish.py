"""Writes docs/figures/: a page for each benchmark, of the figures that it measured last, and the table in README.md.

No figure there is typed in.

    python -m benchmarks.publish [--docs DIR] [--check]

A benchmark's figures are what its --json wrote to docs/figures/data/NAME.json; a page without such a file says that
nothing was measured yet. What a page says of how the figures came about is the benchmark's own docstring, the table is
what the benchmark printed, and a picture is drawn anew. The table in README.md (two folders above DIR, where there is
one) is a few of them. The index names the reports of fits (training/), too, where there are some. --check writes
nothing. Exit code: 0, or 1 if with --check the pages are not those of the data.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.instruments.environment import provenance
from benchmarks.readme_table import with_table

__all__ = ["PAGES", "Measurement", "Page", "main", "pages", "write"]

DOCS = Path(__file__).parents[1] / "docs" / "figures"
NOT_YET = "Not measured yet."
FITS = {"layers": "Which layers are subtitles", "scripts": "Which script a line is in"}
"""The reports that training/ writes beside the pages, by the names of their files, with their titles."""
NOTE = "<!-- Written by `python -m benchmarks.publish`: change the benchmark or measure again, not this file. -->"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One file of figures, data/NAME.json, and the command that measures them; json and plot options are added."""

    name: str
    command: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page docs/figures/NAME.md on one benchmark. module has a docstring and report(figures), which returns the
    figures for people; it may have draw(figures, path), which writes them as a PNG."""

    name: str
    title: str
    module: str
    measured: tuple[Measurement, ...]


PAGES = (
    Page(
        "accuracy",
        "Accuracy",
        "benchmarks.accuracy.__main__",
        (Measurement("accuracy", "python -m benchmarks.accuracy --seed N"),),
    ),
    Page(
        "clips",
        "Clips that others made",
        "benchmarks.clips.__main__",
        (
            Measurement("clips", "python -m benchmarks.clips CLIPS --results CROSS_VALIDATED"),
            Measurement("clips_shipped", "python -m benchmarks.clips CLIPS"),
            Measurement("reports", "python -m benchmarks.clips REPORTS --results CROSS_VALIDATED"),
            Measurement("reports_shipped", "python -m benchmarks.clips REPORTS"),
        ),
    ),
    Page(
        "throughput",
        "Throughput",
        "benchmarks.throughput.__main__",
        (Measurement("throughput", "python -m benchmarks.throughput"),),
    ),
    Page(
        "scaling", "Scaling", "benchmarks.scaling.__main__", (Measurement("scaling", "python -m benchmarks.scaling"),)
    ),
    Page(
        "memory",
        "Memory",
        "benchmarks.memory.__main__",
        (
            Measurement("memory_calls", "python -m benchmarks.memory"),
            Measurement("memory_minutes", "python -m benchmarks.memory --minutes 1 10 60"),
            Measurement("memory_videos", "python -m benchmarks.memory --videos 1 8 24"),
        ),
    ),
    Page("floor", "Floor", "benchmarks.floor.__main__", (Measurement("floor", "python -m benchmarks.floor"),)),
    Page(
        "cold_start",
        "Cold start",
        "benchmarks.cold_start",
        (Measurement("cold_start", "python -m benchmarks.cold_start"),),
    ),
    Page("speed", "Speed", "benchmarks.speed", (Measurement("speed", "python -m benchmarks.speed"),)),
    Page(
        "durability",
        "Durability",
        "benchmarks.durability.__main__",
        (
            Measurement("durability", "python -m benchmarks.durability"),
            Measurement("durability_postgresql", "python -m benchmarks.durability --database postgresql"),
        ),
    ),
    Page("faults", "Faults", "benchmarks.faults.__main__", (Measurement("faults", "python -m benchmarks.faults"),)),
    Page(
        "outages",
        "Outages",
        "benchmarks.outages.__main__",
        (
            Measurement("outages", "python -m benchmarks.outages --only locked removed"),
            Measurement("outages_disk", "python -m benchmarks.outages --only full clock"),
            Measurement("outages_postgresql", "python -m benchmarks.outages --only postgresql"),
        ),
    ),
    Page("http", "HTTP", "benchmarks.http", (Measurement("http", "python -m benchmarks.http"),)),
    Page(
        "hostile",
        "Attacks",
        "benchmarks.hostile.__main__",
        (
            Measurement("hostile_videos", "python -m benchmarks.hostile --parts videos"),
            Measurement("hostile_http", "python -m benchmarks.hostile --parts dialogues senders"),
        ),
    ),
    Page(
        "borders", "Borders", "benchmarks.borders.__main__", (Measurement("borders", "python -m benchmarks.borders"),)
    ),
)


def pages(docs: Path) -> dict[str, str]:
    """Returns the text of every page by the name of its file, the index README.md among them, from docs/data.

    Errors: ValueError naming a file that no page shows, or that holds no figures.
    """
    found = _figures(docs / "data")
    texts = {f"{page.name}.md": _page(page, found) for page in PAGES}
    return {**texts, "README.md": _index(docs, found)}


def write(docs: Path) -> None:
    """Writes the pages, the pictures of what was measured, and README's table. Errors: of pages and with_table."""
    texts, found = _texts(docs), _figures(docs / "data")
    (docs / "data").mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    for page in PAGES:
        draw = _draw_of(page)
        for measured in page.measured:
            if draw is not None and measured.name in found:
                draw(found[measured.name], docs / f"{measured.name}.png")


def _texts(docs: Path) -> dict[Path, str]:
    """Returns all that is written as text."""
    texts = {docs / name: text for name, text in pages(docs).items()}
    readme = docs.resolve().parents[1] / "README.md"
    if readme.is_file():
        texts[readme] = with_table(readme.read_text(encoding="utf-8"), _figures(docs / "data"))
    return texts


def _figures(data: Path) -> dict[str, dict[str, Any]]:
    names = {measured.name for page in PAGES for measured in page.measured}
    found = {}
    for path in sorted(data.glob("*.json")):
        if path.stem not in names:
            raise ValueError(f"{path}: no page shows it. Names are {', '.join(sorted(names))}.")
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is no JSON: {error}. Measure it again.") from error
        if not isinstance(told, dict) or not told.get("environment", {}).keys() >= {"command", "date", "commit"}:
            raise ValueError(f"{path} doesn't tell how, when and at which commit it was measured. Measure it again.")
        found[path.stem] = told
    return found


def _page(page: Page, found: dict[str, dict[str, Any]]) -> str:
    module = importlib.import_module(page.module)
    parts = [f"# {page.title}", NOTE, inspect.getdoc(module) or ""]
    for measured in page.measured:
        figures = found.get(measured.name)
        if len(page.measured) > 1:
            parts.append(f"## `{measured.command}`")
        if figures is None:
            parts.append(NOT_YET if len(page.measured) > 1 else f"{NOT_YET} `{measured.command}` would do so.")
            continue
        parts += [
            f"```sh\n{figures['environment']['command']}\n```",
            f"```text\n{module.report(figures)}\n```",
        ]
        if _draw_of(page) is not None:
            parts.append(f"![{page.title}: the figures above, drawn]({measured.name}.png)")
        parts.append(provenance(figures["environment"]))
    return "\n\n".join(parts) + "\n"


def _index(docs: Path, found: dict[str, dict[str, Any]]) -> str:
    lines = ["| Figures | Command | Measured | Commit |", "| --- | --- | --- | --- |"]
    for page in PAGES:
        for measured in page.measured:
            facts = found.get(measured.name, {}).get("environment")
            when, commit = ("not yet", "") if facts is None else (facts["date"], f"`{facts['commit']}`")
            command = measured.command if facts is None else facts["command"]
            lines.append(f"| [{page.title}]({page.name}.md) | `{command}` | {when} | {commit} |")
    about = (
        "What the benchmarks measured last, where and when; each page tells how, and names its limits. "
        "[Earlier figures](earlier.md) are of the commits that they name."
    )
    parts = ["# Figures", NOTE, about, "\n".join(lines)]
    if fits := [f"[{title}]({name}.md)" for name, title in FITS.items() if (docs / f"{name}.md").is_file()]:
        parts.append(f"Reports of fits (training/), on sources or fonts that a fit has not seen: {', '.join(fits)}.")
    return "\n\n".join(parts) + "\n"


def _draw_of(page: Page) -> Callable[[dict[str, Any], Path], None] | None:
    draw: Callable[[dict[str, Any], Path], None] | None = getattr(importlib.import_module(page.module), "draw", None)
    return draw


def stale(docs: Path) -> list[str]:
    """Returns the names of the pages, and README's, that are not what the data gives. Errors: as write."""
    return [
        os.path.relpath(path, docs)
        for path, text in _texts(docs).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", type=Path, default=DOCS, metavar="DIR", help="with the folder data (%(default)s)")
    parser.add_argument("--check", action="store_true", help="only tell which pages are not up to date")
    options = parser.parse_args(argv)
    try:
        if not options.check:
            write(options.docs)
            return 0
        found = stale(options.docs)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for name in found:
        print(f"{options.docs / name} is not what the data gives. Run python -m benchmarks.publish.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
