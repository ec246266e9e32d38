"""Makes videos with burned-in subtitles from real footage, with their exact truth.

    python -m benchmarks.corpus --out DIR [--case NAME] [--seed N]

writes for every case CASE.mp4, CASE.reference.srt and CASE.truth.json. A case that is there already and was made
from the same specification by the same code is left alone. Truth is in pts: a cue is shown in the frames with
start_pts <= pts < end_pts.

    python -m benchmarks.corpus --demo [--out DIR]

makes samples/demo.mp4 and its reference again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.corpus.cases import ALL_CASES, DEMO, cases_named
from benchmarks.corpus.making import drawable, ensure_corpus, make_case
from tests.support.fonts import SourceMissingError

__all__ = ["main"]

SAMPLES = Path(__file__).parents[2] / "samples"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="directory for the videos and their truth")
    parser.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        help="only this case, or those that fit a pattern such as 'libass_*'; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0, help="added to each case's seed: other footage, texts and times")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one per core, at most four)")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    parser.add_argument("--demo", action="store_true", help="make the video in samples/ instead")
    options = parser.parse_args(argv)
    if options.demo:
        return _make_demo(options.out or SAMPLES)
    if options.out is None and not options.list:
        parser.error("the following arguments are required: --out")
    if options.list:
        print("\n".join(case.name for case in ALL_CASES))
        return 0
    try:
        cases = cases_named(options.case) if options.case else drawable(ALL_CASES)
        specs = [replace(case, seed=case.seed + options.seed) for case in cases]
        for truth in ensure_corpus(specs, options.out, options.jobs):
            print(f"{truth.video}: {truth.duration_s:.1f} s, {len(truth.cues)} cues")
    except (KeyError, SourceMissingError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    return 0


def _make_demo(out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    make_case(DEMO, out)
    # The demo's truth is its reference; pts are for benchmarks.
    (out / "demo.truth.json").unlink()
    print(out / "demo.mp4", (out / "demo.mp4").stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
