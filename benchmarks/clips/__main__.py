"""Measures how close the subtitles of a directory of videos come to the truth, and what they cost.

    python -m benchmarks.clips DIR [--results DIR] [--against DIR] [--html FILE] [--json FILE] [--summary FILE]

runs every clip of DIR (NAME.mp4 with NAME.srt or NAME.truth.srt; INDEX.tsv groups them: yivideo_ray.evaluation.corpus
explains) through one session, several at a time as `yivideo run` does, and compares the SRT files that were written
with the truth, as `yivideo eval DIR RESULTS` does. Clips are decided by the weights that are shipped, which were fitted
to some of them; how well others are decided shows in results that `training.layers --srt` wrote, each source decided
by weights that never saw it (--results, --decided-by). The CPU time is that of all processes, from before Ray starts to
the last result. --summary writes the sums alone, without a name or a text of the clips.
Exit code: 0, 1 if a clip has no truth or no result, 2 if nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips.run import Cost, run_clips
from benchmarks.clips.summary import SHIPPED, report, summary
from benchmarks.instruments.environment import environment, format_environment
from yivideo_ray.cli.evaluate import add_scoring, evaluations, figures, show
from yivideo_ray.errors import YivideoError
from yivideo_ray.evaluation.corpus import read_corpus
from yivideo_ray.types import EngineFacts

__all__ = ["main", "report"]

OUT = Path(__file__).parents[1] / "out" / "clips"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.clips", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the videos and their true subtitles")
    parser.add_argument("--config", type=Path, metavar="FILE", help="config.yml to run with")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"for results (default: {OUT}/NAME)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="score the NAME.srt files there, run nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and every difference to FILE")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the sums to FILE, without names and texts")
    parser.add_argument("--decided-by", default=SHIPPED, metavar="WORDS", help="for the summary (default: %(default)s)")
    add_scoring(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    results: Path | None = options.results
    cost: Cost | None = None
    engine: EngineFacts | None = None
    try:
        if results is None:
            corpus = read_corpus(options.directory)
            results = options.out or OUT / options.directory.resolve().name
            cost, engine = run_clips(corpus, results, options.config)
        found, other = evaluations(options.directory, results, options)
        facts = environment(engine)
        document = {"environment": facts, "cost": _cost(cost), **figures(found, other)}
        if options.json is not None:
            _write(options.json, document)
        if options.summary is not None:
            _write(options.summary, summary(document, options.decided_by))
        code = show(found, other, options.html)
    except YivideoError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"\n{_told(cost)}\n{format_environment(facts)}")
    return code


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    return None if cost is None else cost.as_dict()


def _told(cost: Cost | None) -> str:
    if cost is None:
        return "CPU time: not measured, results were given"
    return (
        f"CPU time: {cost.cpu_s:.1f} s for {cost.video_s:.1f} s of video, in {cost.wall_s:.1f} s; others had "
        f"{cost.others:.0%} of the cores"
    )


if __name__ == "__main__":
    sys.exit(main())
