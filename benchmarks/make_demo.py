"""Makes samples/demo.mp4 and its reference: Big Buck Bunny with subtitles in Chinese and English, one line and two.

python -m benchmarks.make_demo [DIR]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.corpus.cases import CaseSpec, TextStyle
from benchmarks.corpus.making import make_case

__all__ = ["DEMO", "main"]

DEMO = CaseSpec(
    name="demo",
    width=960,
    height=540,
    rate="25",
    language="zh_en",
    style=TextStyle("cjk_sans", 0.064, outline=0.06),
    seed=20,
    second_style=TextStyle("sans", 0.050, outline=0.07),
    duration_s=24.0,
    crf=27,
    preset="slow",
    margin=0.06,
    clips=("bunny",),
    script=(
        (0.8, 2.6, ("天亮了",)),
        (2.6, 5.0, ("早上好！", "Good morning!")),
        (5.6, 8.2, ("Mr. O'Brien is still asleep.",)),
        (8.28, 10.6, ("他昨晚9:45才回家",)),
        (11.4, 14.0, ("那只大兔子是谁？", "Who is that big rabbit?")),
        (14.0, 16.0, ("- Is he friendly?", "- I hope so...")),
        (16.8, 18.4, ("别怕。",)),
        (18.92, 20.2, ("别怕。",)),
        (20.2, 23.2, ("他只想晒晒太阳，吃点胡萝卜", "He just wants some sun and a few carrots.")),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    out = Path(arguments[0]) if arguments else Path(__file__).parents[1] / "samples"
    out.mkdir(parents=True, exist_ok=True)
    make_case(DEMO, out)
    # The demo's truth is its reference; pts are for benchmarks.
    (out / "demo.truth.json").unlink()
    print(out / "demo.mp4", (out / "demo.mp4").stat().st_size, "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
