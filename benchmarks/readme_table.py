"""The table of figures in README.md: eight lines out of what the benchmarks measured, each with its page.

publish writes it between two comments, and leaves everything else in README.md alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BEGIN", "END", "ROWS", "TableRow", "with_table"]

BEGIN = "<!-- figures: written by `python -m benchmarks.publish` -->"
END = "<!-- end of figures -->"
NOT_YET = "not measured yet"

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line of the table. measurement is that of publish.PAGES whose figures it shows, page the name of its page.
    words says them in a few words; None: the measurement left them out."""

    title: str
    measurement: str
    page: str
    words: Callable[[Figures], str | None]


def _found(figures: Figures) -> str | None:
    recall, precision = _check(figures, "recall"), _check(figures, "precision")
    if recall is None or precision is None:
        return None
    return f"{recall['value']:.1%} and {precision['value']:.1%} ({recall['detail']})"


def _on_clips(figures: Figures) -> str:
    found = figures["all"]
    return f"{found['recall']:.1%} and {found['precision']:.1%} (by {figures['decided_by']})"


def _check(figures: Figures, name: str) -> Figures | None:
    return next(
        (check for check in figures["thresholds"] if check["name"] == name and check["value"] is not None), None
    )


def _speed(figures: Figures) -> str:
    return f"{figures['median_wall_s']:.1f} s, {figures['median_ratio']:.2f} times as long as decoding alone"


def _cold_start(figures: Figures) -> str:
    medians = figures["medians"]
    return f"{medians['first_line_s']:.1f} s and {medians['end_s']:.1f} s"


def _memory(figures: Figures) -> str:
    longest = max(figures["runs"], key=lambda run: run["minutes"])
    return f"{longest['peak_bytes'] / 1e9:.2f} GB for {longest['minutes']} minutes"


def _throughput(figures: Figures) -> str | None:
    told = [row for row in figures["ratios"] if (row["engine"], row["against"]) == ("real", "serialized, ideal lock")]
    if not told:
        return None
    most = max(told, key=lambda row: row["workflows"])
    return (
        f"{most['workflows']} at once: {most['throughput']:.2f} times the throughput, "
        f"each done {most['shorter']:.0%} sooner in the mean"
    )


def _scaling(figures: Figures) -> str:
    return f"{figures['ratio']:.2f} times as fast"


def _durability(figures: Figures) -> str:
    kills, workflows = sum(figures["kills"].values()), sum(figures["workflows"].values())
    return (
        f"{len(figures['lost'])} of {workflows} workflows lost, {len(figures['differing'])} changed, by {kills} kills"
    )


ROWS = (
    TableRow(
        "Subtitles of a made corpus that are found, and found ones that are right", "accuracy", "accuracy", _found
    ),
    TableRow("The same of clips that others made", "clips", "clips", _on_clips),
    TableRow("A minute of 720p, warm", "speed", "speed", _speed),
    TableRow("From the command to the first line of progress, and to the end", "cold_start", "cold_start", _cold_start),
    TableRow("Peak memory of all processes", "memory_minutes", "memory", _memory),
    TableRow("Videos that share the models, against one lock around each", "throughput", "throughput", _throughput),
    TableRow("Two nodes, against one", "scaling", "scaling", _scaling),
    TableRow("Everything is killed at random", "durability", "durability", _durability),
)


def with_table(readme: str, found: Mapping[str, Figures]) -> str:
    """Returns README's text with the table of what was found, by the measurements' names.

    Errors: ValueError where the two comments that it goes between are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no place for its table. Put it between {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{_table(found)}\n\n{END}{after}"


def _table(found: Mapping[str, Figures]) -> str:
    lines = ["| what | measured | commit |", "| --- | --- | --- |"]
    for row in ROWS:
        figures = found.get(row.measurement)
        words = None if figures is None else row.words(figures)
        commit = "" if figures is None or words is None else f"`{figures['environment']['commit']}`"
        lines.append(f"| [{row.title}](docs/figures/{row.page}.md) | {words or NOT_YET} | {commit} |")
    return "\n".join(lines)
