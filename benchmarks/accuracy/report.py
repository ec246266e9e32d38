"""The accuracy benchmark's page for people: one HTML file that needs nothing else.

It says what was measured where, holds every threshold beside its figure, has the table by case, and shows every miss
with its frame, its text, truth and result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cases import CaseResult, misses
from benchmarks.accuracy.exhibits import Exhibit, exhibit
from benchmarks.accuracy.miss import Pictures, miss_html
from benchmarks.accuracy.pictures import take
from benchmarks.accuracy.progress import Progress
from benchmarks.accuracy.table import COLUMNS, Row, case_row, sum_rows
from benchmarks.accuracy.thresholds import Check, Total, verdict
from yivideo_ray.evaluation.misses import quotas
from yivideo_ray.evaluation.page import STYLE

__all__ = ["MOST_PICTURED", "render", "write_page"]

MOST_PICTURED = 150
"""So many misses get pictures, at roughly 100 kB each; what a broken run misses beyond them is listed as text."""

TITLE = "Accuracy of yivideo_ray"

TABLE_HELP = """<p class="quiet">A miss is a cue that is missed, made up, not exact, or off by more than a frame; crops
are the line pictures that the recognition model was given; x real is how many seconds of video one second worked
through. A bilingual cue counts in both its languages, with the lines of each.</p>"""
PICTURE_HELP = """<p class="quiet">Boxes: <span class="key"></span>truth, <span class="key result"></span>result. In
texts, <del>so</del> is what the result lacks and <ins>so</ins> what the truth lacks; ␣ is a space and ↵ a line break.
Frames are counted from 0. A cue is shown from its start up to, not including, its end.</p>"""

TakePictures = Callable[[CaseResult, Sequence[Exhibit]], Pictures]


def write_page(path: Path, total: Total, found: Sequence[Check], facts: dict[str, Any]) -> None:
    """Writes the page, with pictures decoded from the corpus videos. Errors: OSError where path can't be written."""
    wrong = [case for case in total.cases if misses(case)]
    progress = Progress("taking pictures for the page", len(wrong))

    def pictures(case: CaseResult, exhibits: Sequence[Exhibit]) -> Pictures:
        progress.show(wrong.index(case), case.label)
        return take(case.truth, (shot for shown in exhibits for shot in shown.shots))

    page = render(total, found, facts, pictures)
    progress.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8", newline="\n")


def render(total: Total, found: Sequence[Check], facts: dict[str, Any], pictures: TakePictures) -> str:
    """Returns the page. pictures gets a case and those of its misses that are to be pictured; where it raises OSError
    the case is shown without pictures and the page says why."""
    missed = any(check.reached is False for check in found)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{TITLE}</title>",
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style></head><body>",
            f"<h1>{TITLE}</h1>",
            f'<p class="verdict {"bad" if missed else "good"}">{escape(verdict(found))}</p>',
            _facts(total, facts),
            _thresholds(found),
            _cases(total),
            _misses(total, pictures),
            "</body></html>\n",
        ]
    )


def _facts(total: Total, facts: dict[str, Any]) -> str:
    engine = (
        f"{facts['engine']} on {facts['device']} ({facts['provider']})"
        if facts["engine"]
        else "unknown, results were given"
    )
    seconds = sum(case.truth.duration_s for case in total.cases)
    entries = {
        "date": facts["date"],
        "commit": facts["commit"],
        "machine": f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gib']} GiB, {facts['system']}",
        "engine": engine,
        "models": ", ".join(facts["models"]) or "unknown",
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        "measured": f"{len(total.cases)} videos, {seconds / 60:.1f} minutes, {total.score.reference_cues} cues",
        "seeds": ", ".join(str(seed) for seed in sorted({case.seed for case in total.cases})),
    }
    rows = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items())
    return f'<dl class="facts">\n{rows}\n</dl>'


def _thresholds(found: Sequence[Check]) -> str:
    colours = {True: "good-word", False: "bad-word", None: "quiet"}
    rows = "\n".join(
        f'<tr><th scope="row">{escape(check.threshold.name)}</th>'
        f'<td class="left {colours[check.reached]}">{check.word}</td><td>{check.figure}</td>'
        f'<td>{escape(check.limit)}</td><td class="left">{escape(check.detail)}</td></tr>'
        for check in found
    )
    return (
        '<h2>Thresholds</h2>\n<div class="wide"><table class="thresholds">\n<thead><tr><th>threshold</th>'
        '<th class="left">verdict</th><th>figure</th><th>limit</th><th class="left">counts</th></tr></thead>\n<tbody>\n'
        f"{rows}\n</tbody></table></div>"
    )


def _cases(total: Total) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    lines = []
    for index, case in enumerate(total.cases):
        count = len(misses(case))
        label = escape(case.label)
        if count or case.error:
            label = f'<a href="#case-{index}">{label}</a>'
        lines.append(_table_row(label, case_row(case), "failed" if case.error else str(count), ""))
    *groups, over_all = sum_rows(total)
    lines += [_table_row(escape(row.label), row, "", "group") for row in groups]
    lines.append(_table_row("all", over_all, str(sum(len(misses(case)) for case in total.cases)), "sum"))
    body = "\n".join(lines)
    return (
        '<h2>By case, by language, over all</h2>\n<div class="wide"><table>\n'
        f"<thead><tr><th>case</th><th>misses</th>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
        f"{TABLE_HELP}"
    )


def _table_row(label: str, row: Row, count: str, kind: str) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
    return f'<tr class="{kind}"><th scope="row">{label}</th><td>{count}</td>{cells}</tr>'


def _misses(total: Total, pictures: TakePictures) -> str:
    found = [misses(case) for case in total.cases]
    given = quotas([len(of_case) for of_case in found], MOST_PICTURED)
    count = sum(len(of_case) for of_case in found)
    parts = [f"<h2>{count} misses</h2>" if count != 1 else "<h2>1 miss</h2>"]
    if count:
        parts.append(PICTURE_HELP)
    if sum(given) < count:
        parts.append(f"<p>Pictures are shown for {sum(given)} of them, so that this page stays small.</p>")
    for index, case in enumerate(total.cases):
        if found[index] or case.error:
            exhibits = [exhibit(case, miss) for miss in found[index]]
            parts.append(_case_misses(case, index, exhibits, given[index], pictures))
    clean = [case.label for case, of_case in zip(total.cases, found, strict=True) if not of_case and not case.error]
    if clean:
        parts.append(f"<h3>Without a miss</h3>\n<p>{escape(', '.join(clean))}</p>")
    return "\n".join(parts)


def _case_misses(
    case: CaseResult, index: int, exhibits: Sequence[Exhibit], pictured: int, pictures: TakePictures
) -> str:
    taken: Pictures = {}
    misses_of = f"{len(exhibits)} {'miss' if len(exhibits) == 1 else 'misses'}"
    notes = [f"{misses_of}, {len(case.reference)} cues; {case.truth.video.name}, seed {case.seed}"]
    if case.error is not None:
        notes.append(f"No result: {case.error}")
    try:
        if exhibits:
            taken = pictures(case, exhibits[:pictured])
    except OSError as error:
        notes.append(f"No pictures: {error}")
    lines = "".join(f'<p class="quiet">{escape(note)}</p>\n' for note in notes)
    articles = "".join(miss_html(case, shown, number, taken) for number, shown in enumerate(exhibits, 1))
    return f'<h3 id="case-{index}">{escape(case.label)}</h3>\n{lines}{articles}'
