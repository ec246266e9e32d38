"""Measures how close the subtitles come to the truth, on the corpus, through the real system.

    python -m benchmarks.accuracy [--quick] [--case NAME] [--json FILE]

makes the corpus (kept for the next run), runs every video through Ray, the GPU actor and the models as `yivideo run`
does, compares the SRT files that were written with the truth, and prints a row per case and one over all, which sums
raw counts. The scoring convention is that of yivideo_ray.subtitles.scoring; errors in frames count real frames.
Exit code: 0 if the figures over all reach the thresholds, 1 if not, 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.corpus import Truth, ensure_corpus
from benchmarks.corpus_cases import CASES, case_named
from benchmarks.corpus_sources import SourceMissingError
from benchmarks.environment import environment, format_environment
from yivideo_ray.config import load_settings
from yivideo_ray.errors import YivideoError
from yivideo_ray.jobs import Event, Job
from yivideo_ray.runtime import session
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import Score, TimedText, match, score
from yivideo_ray.types import EngineFacts

__all__ = ["THRESHOLDS", "CaseResult", "differences", "failures", "main", "score_case"]

OUT = Path(__file__).with_name("out")
QUICK = ("en_white_outline_720p25", "zh_boxed_480p30", "bilingual_720p24")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure over all cases that must be at least (or, for error rates, at most) a limit."""

    name: str
    figure: Callable[[Score], float]
    limit: float
    at_most: bool = False

    def holds(self, total: Score) -> bool:
        value = self.figure(total)
        return value <= self.limit if self.at_most else value >= self.limit


THRESHOLDS = (
    Threshold("recall", lambda s: s.recall, 0.99),
    Threshold("precision", lambda s: s.precision, 0.99),
    Threshold("CER (missed and false cues included)", lambda s: s.characters.rate_all, 0.01, at_most=True),
    Threshold("starts within one frame", lambda s: s.starts.share_within_one_frame, 0.95),
    Threshold("ends within one frame", lambda s: s.ends.share_within_one_frame, 0.95),
)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its score, what was compared, the wall time of its workflow (None: results were given)."""

    truth: Truth
    score: Score
    reference: tuple[TimedText, ...]
    result: tuple[TimedText, ...]
    wall_s: float | None = None
    error: str | None = None


def score_case(truth: Truth, result: Sequence[TimedText], wall_s: float | None = None) -> CaseResult:
    """Returns how close the result comes to the case's truth."""
    times = [float((pts - truth.frame_pts[0]) * truth.time_base) for pts in truth.frame_pts]
    at = dict(zip(truth.frame_pts, times, strict=True))
    reference = tuple(TimedText(at[cue.start_pts], at[cue.end_pts], cue.lines) for cue in truth.cues)
    frame_s = truth.duration_s / (len(times) - 1)
    figures = score(reference, result, frame_s, frame_times_s=times)
    return CaseResult(truth, figures, reference, tuple(result), wall_s)


def failures(total: Score) -> list[str]:
    """Returns one sentence for every threshold that the figures over all miss."""
    return [
        f"{t.name}: {t.figure(total):.4f}, must be {'at most' if t.at_most else 'at least'} {t.limit}"
        for t in THRESHOLDS
        if not t.holds(total)
    ]


def differences(case: CaseResult) -> list[str]:
    """Returns one line for every cue that is missed, made up, not exact or more than a frame off."""
    matching = match(case.reference, case.result)
    found: list[tuple[float, str, TimedText | None, TimedText | None]] = []
    for index, (i, j) in enumerate(matching.pairs):
        reference, result = case.reference[i], case.result[j]
        start, end = case.score.starts.frames[index], case.score.ends.frames[index]
        if reference.lines != result.lines or abs(start) > 1 or abs(end) > 1:
            found.append((reference.start_s, f"start {start:+.0f}, end {end:+.0f} frames", reference, result))
    found += [(case.reference[i].start_s, "missed", case.reference[i], None) for i in matching.missed]
    for j in matching.false_positives:
        kind = "split" if j in matching.splits else "false"
        found.append((case.result[j].start_s, kind, None, case.result[j]))
    return [
        f"  {at:8.3f} s  {what}: {_quoted(reference)} -> {_quoted(result)}"
        for at, what, reference, result in sorted(found, key=lambda entry: entry[0])
    ]


def _quoted(cue: TimedText | None) -> str:
    return "nothing" if cue is None else repr(" / ".join(cue.lines))


def run_cases(truths: Sequence[Truth], config: Path | None, out: Path) -> tuple[list[CaseResult], EngineFacts]:
    """Returns the result of every case, run one after the other on a warm engine so that wall times compare."""
    results = []
    out.mkdir(parents=True, exist_ok=True)
    with session(load_settings(config)) as running:
        engine = running.engine_facts()
        for truth in truths:
            before = time.perf_counter()
            (outcome,) = running.run([Job(truth.video, output_dir=out)], _ignore)
            wall_s = time.perf_counter() - before
            if outcome.error is None:
                result = score_case(truth, read_srt(out / f"{truth.case}.srt"), wall_s)
            else:
                reason = f"{outcome.error['code']}: {outcome.error['message']}"
                result = replace(score_case(truth, (), wall_s), error=reason)
            results.append(result)
            print(_row(truth.case, result.score, wall_s, truth.duration_s), flush=True)
    return results, engine


def _ignore(_: Event) -> None:
    """Progress is of no interest here: the table is the progress."""


HEADER = (
    f"{'case':<26}{'cues':>5}{'recall':>8}{'prec.':>8}{'CER':>8}{'WER':>8}{'exact':>8}"
    f"{'start±1':>9}{'end±1':>8}{'split':>6}{'wall s':>8}{'x real':>8}"
)


def _row(name: str, figures: Score, wall_s: float | None, duration_s: float) -> str:
    speed = f"{wall_s:>8.1f}{duration_s / wall_s:>8.1f}" if wall_s else f"{'-':>8}{'-':>8}"
    return (
        f"{name:<26}{figures.reference_cues:>5}{figures.recall:>8.4f}{figures.precision:>8.4f}"
        f"{figures.characters.rate_all:>8.4f}{figures.words.rate_all:>8.4f}{figures.exact_share:>8.4f}"
        f"{figures.starts.share_within_one_frame:>9.4f}{figures.ends.share_within_one_frame:>8.4f}"
        f"{figures.splits:>6}{speed}"
    )


def _report(results: Sequence[CaseResult], total: Score, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "convention": "yivideo_ray.subtitles.scoring",
        "environment": facts,
        "thresholds_missed": failures(total),
        "all": total.as_dict(),
        "cases": [
            {
                "case": result.truth.case,
                "duration_s": result.truth.duration_s,
                "wall_s": result.wall_s,
                "error": result.error,
                **result.score.as_dict(),
                "differences": [line.strip() for line in differences(result)],
            }
            for result in results
        ],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="added to each case's seed: other footage, texts and times")
    parser.add_argument("--config", type=Path, metavar="FILE", help="config.yml to run with")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="for videos and results (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="score the CASE.srt files there, run nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and every difference to FILE")
    parser.add_argument("--show", action="store_true", help="list every cue that is not exactly right")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    try:
        specs = [case_named(name) for name in options.case or (QUICK if options.quick else [c.name for c in CASES])]
        specs = [replace(spec, seed=spec.seed + options.seed) for spec in specs]
        truths = ensure_corpus(specs, options.out / (f"corpus-{options.seed}" if options.seed else "corpus"))
        print(HEADER)
        engine = None
        if options.results is not None:
            results = [score_case(truth, read_srt(options.results / f"{truth.case}.srt")) for truth in truths]
            for result in results:
                print(_row(result.truth.case, result.score, None, result.truth.duration_s))
        else:
            results, engine = run_cases(truths, options.config, options.out / "results")
    except (KeyError, SourceMissingError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except YivideoError as error:
        print(error, file=sys.stderr)
        return 2
    total = reduce(lambda a, b: a + b, (result.score for result in results))
    wall_s = sum(result.wall_s or 0.0 for result in results)
    print(_row("all", total, wall_s or None, sum(truth.duration_s for truth in truths)))
    facts = environment(engine)
    print(f"\n{format_environment(facts)}")
    for result in results:
        lines = differences(result) if options.show else []
        if lines or result.error:
            print(f"\n{result.truth.case}{f': {result.error}' if result.error else ''}", *lines, sep="\n")
    if options.json is not None:
        report = json.dumps(_report(results, total, facts), ensure_ascii=False, indent=1)
        options.json.write_text(report, encoding="utf-8")
    missed = failures(total)
    print("\n" + ("\n".join(f"MISSED {line}" for line in missed) or "All thresholds are reached."))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
