"""The accuracy benchmark's table: a row per case, per language and over all, for terminals and for pages."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.accuracy.cases import CaseResult
from benchmarks.accuracy.groups import GROUPS
from benchmarks.accuracy.thresholds import Total
from yivideo_ray.subtitles.scoring import Score

__all__ = ["COLUMNS", "HEADER", "Row", "case_row", "format_row", "sum_rows"]

LABEL_WIDTH = 30
COLUMNS = {
    "cues": 5,
    "recall": 8,
    "prec.": 8,
    "CER": 8,
    "WER": 8,
    "exact": 8,
    "start±1": 9,
    "end±1": 8,
    "split": 6,
    "crops": 7,
    "wall s": 8,
    "x real": 8,
}
"""What the cells of a row are, with their widths on a terminal. crops are line pictures given to the recognition model,
x real is how many seconds of video were worked through in one second."""

HEADER = f"{'case':<{LABEL_WIDTH}}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items())


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its label, and a cell for each of COLUMNS."""

    label: str
    cells: tuple[str, ...]


def case_row(case: CaseResult) -> Row:
    """Returns the row of one case."""
    return _row(case.label, case.score, case.found.recognised, case.wall_s, case.truth.duration_s)


def sum_rows(total: Total) -> list[Row]:
    """Returns a row per language that has cues, then one over all. Crops and speed can't be told apart by language."""
    known = [case.found.recognised for case in total.cases if case.found.recognised is not None]
    wall_s = sum(case.wall_s or 0.0 for case in total.cases)
    duration_s = sum(case.truth.duration_s for case in total.cases)
    return [
        *(_row(GROUPS[name], figures, None, None, 0.0) for name, figures in total.groups.items()),
        _row("all", total.score, sum(known) if known else None, wall_s or None, duration_s),
    ]


def format_row(row: Row) -> str:
    """Returns the row as a line under HEADER."""
    cells = "".join(f"{cell:>{width}}" for cell, width in zip(row.cells, COLUMNS.values(), strict=True))
    return f"{row.label:<{LABEL_WIDTH}}{cells}"


def _row(label: str, figures: Score, recognised: int | None, wall_s: float | None, duration_s: float) -> Row:
    rates = (
        figures.recall,
        figures.precision,
        figures.characters.rate_all,
        figures.words.rate_all,
        figures.exact_share,
        figures.starts.share_within_one_frame,
        figures.ends.share_within_one_frame,
    )
    return Row(
        label,
        (
            str(figures.reference_cues),
            *(f"{rate:.4f}" for rate in rates),
            str(figures.splits),
            "-" if recognised is None else str(recognised),
            f"{wall_s:.1f}" if wall_s else "-",
            f"{duration_s / wall_s:.1f}" if wall_s else "-",
        ),
    )
