"""Measures how close the subtitles come to the truth, on the corpus, through the real system.

    python -m benchmarks.accuracy [--quick] [--case NAME] [--seed N ...] [--json FILE]

makes the corpus (kept for the next run), runs every video through Ray, the GPU actor and the models as `yivideo run`
does, and compares the SRT files that were written with the truth. It prints a row per case, a row per language and one
over all, each of which sums raw counts, then every threshold with its figure. The scoring convention is that of
yivideo_ray.subtitles.scoring; errors in frames count real frames.
Exit code: 0 if the figures over all reach the thresholds, 1 if not, 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy_cases import CaseResult, differences, read_found, score_case
from benchmarks.accuracy_groups import GROUPS
from benchmarks.accuracy_run import make_tasks, run_tasks
from benchmarks.accuracy_thresholds import Check, Total, checks, format_checks, verdict
from benchmarks.corpus_cases import CASES, case_named
from benchmarks.corpus_sources import SourceMissingError
from benchmarks.environment import environment, format_environment
from yivideo_ray.errors import YivideoError
from yivideo_ray.subtitles.scoring import Score

__all__ = ["main"]

OUT = Path(__file__).with_name("out")
QUICK = ("en_white_outline_720p25", "zh_boxed_480p30", "bilingual_720p24")


HEADER = (
    f"{'case':<30}{'cues':>5}{'recall':>8}{'prec.':>8}{'CER':>8}{'WER':>8}{'exact':>8}"
    f"{'start±1':>9}{'end±1':>8}{'split':>6}{'crops':>7}{'wall s':>8}{'x real':>8}"
)


def _row(name: str, figures: Score, recognised: int | None, wall_s: float | None, duration_s: float) -> str:
    speed = f"{wall_s:>8.1f}{duration_s / wall_s:>8.1f}" if wall_s else f"{'-':>8}{'-':>8}"
    return (
        f"{name:<30}{figures.reference_cues:>5}{figures.recall:>8.4f}{figures.precision:>8.4f}"
        f"{figures.characters.rate_all:>8.4f}{figures.words.rate_all:>8.4f}{figures.exact_share:>8.4f}"
        f"{figures.starts.share_within_one_frame:>9.4f}{figures.ends.share_within_one_frame:>8.4f}"
        f"{figures.splits:>6}{'-' if recognised is None else recognised:>7}{speed}"
    )


def _case_row(case: CaseResult) -> str:
    return _row(case.label, case.score, case.found.recognised, case.wall_s, case.truth.duration_s)


def _sum_rows(total: Total) -> list[str]:
    known = [case.found.recognised for case in total.cases if case.found.recognised is not None]
    wall_s = sum(case.wall_s or 0.0 for case in total.cases)
    duration_s = sum(case.truth.duration_s for case in total.cases)
    return [
        *(_row(f"  {GROUPS[name]}", figures, None, None, 0.0) for name, figures in total.groups.items()),
        _row("all", total.score, sum(known) if known else None, wall_s or None, duration_s),
    ]


def _report(total: Total, found: Sequence[Check], facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "convention": "yivideo_ray.subtitles.scoring",
        "environment": facts,
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case; may be repeated")
    parser.add_argument(
        "--seed",
        type=int,
        action="append",
        metavar="N",
        help="added to each case's seed: other footage, texts and times; figures sum over all that are given",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="config.yml to run with")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="for videos and results (default: %(default)s)"
    )
    parser.add_argument(
        "--results",
        type=Path,
        action="append",
        metavar="DIR",
        help="score the CASE.srt files there, run nothing; once for every --seed, in their order",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and every difference to FILE")
    parser.add_argument("--show", action="store_true", help="list every cue that is not exactly right")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    seeds = list(dict.fromkeys(options.seed or [0]))
    if options.results is not None and len(options.results) != len(seeds):
        parser.error(f"--results is needed once for every seed, so {len(seeds)} times, not {len(options.results)}")
    try:
        names = options.case or (QUICK if options.quick else [case.name for case in CASES])
        tasks = make_tasks([case_named(name) for name in names], seeds, options.out, options.results)
        print(HEADER, flush=True)
        engine = None
        if options.results is not None:
            results = [score_case(t.truth, read_found(t.results, t.truth.case), seed=t.seed) for t in tasks]
            print(*map(_case_row, results), sep="\n")
        else:
            results, engine = run_tasks(tasks, options.config, lambda case: print(_case_row(case), flush=True))
    except (KeyError, SourceMissingError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except YivideoError as error:
        print(error, file=sys.stderr)
        return 2
    total = Total(results)
    found = checks(total)
    print(*_sum_rows(total), sep="\n")
    facts = environment(engine)
    print(f"\n{format_environment(facts)}")
    for case in results:
        lines = differences(case) if options.show else []
        if lines or case.error:
            print(f"\n{case.label}{f': {case.error}' if case.error else ''}", *lines, sep="\n")
    if options.json is not None:
        report = json.dumps(_report(total, found, facts), ensure_ascii=False, indent=1)
        options.json.write_text(report, encoding="utf-8")
    print(f"\n{format_checks(found)}\n\n{verdict(found)}")
    return 1 if any(check.reached is False for check in found) else 0


if __name__ == "__main__":
    sys.exit(main())
