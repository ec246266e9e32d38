"""Measures how close the subtitles come to the truth, on the corpus, through the real system.

    python -m benchmarks.accuracy [--quick] [--case NAME] [--seed N ...] [--html FILE] [--json FILE]

makes the corpus (kept for the next run), runs every video through Ray, the GPU actor and the models as `yivideo run`
does, and compares the SRT files that were written with the truth. It prints a row per case, a row per language and one
over all, each of which sums raw counts, then every threshold with its figure. The scoring convention is that of
yivideo_ray.subtitles.scoring; errors in frames count real frames.
Exit code: 0 if the figures over all reach the thresholds, 1 if not, 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cases import CaseResult, differences, read_found, score_case
from benchmarks.accuracy.report import write_page
from benchmarks.accuracy.run import make_tasks, run_tasks
from benchmarks.accuracy.table import HEADER, Row, case_row, format_row, sum_rows
from benchmarks.accuracy.thresholds import Check, Total, checks, format_checks, verdict
from benchmarks.corpus.cases import CASES, cases_named
from benchmarks.corpus.making import drawable
from benchmarks.instruments.command_line import benchmark_parser, write_figures
from benchmarks.instruments.environment import environment, format_environment
from tests.support.fonts import SourceMissingError
from yivideo_ray.errors import YivideoError

__all__ = ["main", "report"]

CASE_HELP = "only this case, or those that fit a pattern such as 'libass_*'; may be repeated"
QUICK = ("en_white_outline_720p25", "zh_boxed_480p30", "bilingual_720p24")


def _figures(total: Total, found: Sequence[Check], facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "convention": "yivideo_ray.subtitles.scoring",
        "environment": facts,
        "rows": [[row.label, *row.cells] for row in (*map(case_row, total.cases), *sum_rows(total))],
        "thresholds": [check.as_dict() for check in found],
        "all": total.score.as_dict(),
        "groups": {name: figures.as_dict() for name, figures in total.groups.items()},
        "cases": [
            {
                "case": case.truth.case,
                "seed": case.seed,
                "language": case.truth.language,
                "duration_s": case.truth.duration_s,
                "wall_s": case.wall_s,
                "error": case.error,
                "recognised": case.found.recognised,
                **case.score.as_dict(),
                "differences": [line.strip() for line in differences(case)],
            }
            for case in total.cases
        ],
    }


def report(figures: dict[str, Any]) -> str:
    """Returns the table by case, language and over all, and the thresholds, for people."""
    rows = [format_row(Row(label, tuple(cells))) for label, *cells in figures["rows"]]
    found = [Check.from_dict(told) for told in figures["thresholds"]]
    return "\n".join([HEADER, *rows, "", format_checks(found), "", verdict(found)])


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("benchmarks.accuracy", __doc__, out="for videos and results")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--case", action="append", metavar="NAME", help=CASE_HELP)
    parser.add_argument(
        "--seed",
        type=int,
        action="append",
        metavar="N",
        help="added to each case's seed: other footage, texts and times; figures sum over all that are given",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="config.yml to run with")
    parser.add_argument(
        "--results",
        type=Path,
        action="append",
        metavar="DIR",
        help="score the CASE.srt files there, run nothing; once for every --seed, in their order",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="page with every miss and its pictures (default: accuracy.html in DIR)",
    )
    parser.add_argument("--show", action="store_true", help="list every cue that is not exactly right")
    return parser


def _print_case(case: CaseResult) -> None:
    print(format_row(case_row(case)), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    seeds = list(dict.fromkeys(options.seed or [0]))
    if options.results is not None and len(options.results) != len(seeds):
        parser.error(f"--results is needed once for every seed, so {len(seeds)} times, not {len(options.results)}")
    try:
        names = options.case or (QUICK if options.quick else ())
        specs = cases_named(names) if names else drawable(CASES)
        tasks = make_tasks(specs, seeds, options.out, options.results)
        print(HEADER, flush=True)
        engine = None
        if options.results is not None:
            results = [score_case(t.truth, read_found(t.results, t.truth.case), seed=t.seed) for t in tasks]
            for case in results:
                _print_case(case)
        else:
            results, engine = run_tasks(tasks, options.config, _print_case)
    except (KeyError, SourceMissingError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except YivideoError as error:
        print(error, file=sys.stderr)
        return 2
    total = Total(results)
    found = checks(total)
    print(*map(format_row, sum_rows(total)), sep="\n")
    facts = environment(engine)
    print(f"\n{format_environment(facts)}")
    for case in results:
        lines = differences(case) if options.show else []
        if lines or case.error:
            print(f"\n{case.label}{f': {case.error}' if case.error else ''}", *lines, sep="\n")
    if options.json is not None:
        write_figures(options.json, _figures(total, found, facts))
    page = options.html or options.out / "accuracy.html"
    write_page(page, total, found, facts)
    print(f"\n{format_checks(found)}\n\n{verdict(found)}\nEvery miss with its pictures: {page}")
    return 1 if any(check.reached is False for check in found) else 0


if __name__ == "__main__":
    sys.exit(main())
