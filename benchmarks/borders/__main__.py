"""Counts borders, by file: the numbers that decide what is read or shown, and were chosen by looking at examples.

    python -m benchmarks.borders [--names] [--limit N] [--root DIR] [--json FILE]

It reads the source of stages/, pixels/ and text/, and of ocr/ and subtitles/ but for modules that decide nothing about
what a video says. A border there is

- a number in a constant of a module or of a class: each one of a list or table; a kernel's width and height are one;
- the default of a parameter or of a field, if it is a number other than 0, 1 and -1;
- a number in a function. One that a function writes twice is one.

In functions, and in constants that are formulas, these are none: 0, 1 and -1; 2, as a half, a double or a pair, unless
it multiplies a whole side of a comparison, where `2 * a > b` says that half of b is enough; 0.5 that is added (half a
pixel) or is an exponent (a root); places in a list, and stretches of which both ends are written; the digits of
round(); 255, the brightest pixel; 60, 1000 and 3600 as factors (units). A fraction such as 1 / 3 is one number.

Settings (config/) are none: they are the user's. Nor are the numbers that rooms.py lists with a reason each: sizes of
batches and sheets, what others laid down, and what only sets the cost.

Special cases of letters are counted apart, as lexical: a constant that is a pattern, or a set, list or table of
characters or words; in functions a pattern, a comparison with a character or with a list of words, and text that is
looked for or taken off. So are weights that were fitted, the numbers in the package's JSON files, and the numbers of
modules that describe something for them (rooms.FEATURES): how finely they do.

--names lists each. --root counts another checkout by the same rule. Exit code: 0, or 1 where there are more than N.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.borders.rooms import count_fitted, read_modules
from benchmarks.instruments.environment import environment

__all__ = ["count", "main", "report"]

ROOT = Path(__file__).parents[2]


def count(root: Path) -> dict[str, Any]:
    """Returns the figures of a checkout: its files, those with the most borders first, and sums. Errors: those of
    read_modules and count_fitted."""
    modules = [module for module in read_modules(root) if module.borders or module.lexical or module.features]
    modules.sort(key=lambda module: (-len(module.borders), -len(module.lexical), module.file))
    return {
        "borders": sum(len(module.borders) for module in modules),
        "lexical": sum(len(module.lexical) for module in modules),
        "features": sum(len(module.features) for module in modules),
        "fitted": count_fitted(root),
        "files": [asdict(module) for module in modules],
    }


def report(figures: dict[str, Any], *, names: bool = False) -> str:
    """Returns the figures for people; names: with each border and each special case."""
    width = max([len(module["file"]) for module in figures["files"]], default=0)
    lines = [f"{'file':{width}}  borders  lexical  features"]
    for module in figures["files"]:
        lines.append(_row(module["file"], *(len(module[kind]) for kind in _KINDS), width=width))
        if names:
            lines += [_named(one, kind) for kind in _KINDS for one in module[kind]]
    lines.append(_row("together", *(figures[kind] for kind in _KINDS), width=width))
    fitted = ", ".join(f"{number} in {file}" for file, number in figures["fitted"].items())
    return "\n".join([*lines, f"fitted weights: {fitted or 'none'}"])


_KINDS = ("borders", "lexical", "features")


def _named(found: Mapping[str, Any], kind: str) -> str:
    line = f"{found['line']:6}  {found['name']} {found['text']}"
    return line if kind == "borders" else f"{line}  ({kind})"


def _row(name: str, borders: int, lexical: int, features: int, *, width: int) -> str:
    return f"{name:{width}}  {borders:7}  {lexical:7}  {features:8}"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.borders", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", action="store_true", help="list each border, with its line")
    parser.add_argument("--limit", type=int, metavar="N", help="how many borders there may be")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="a checkout (default: this one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    options = parser.parse_args(argv)
    try:
        figures = {"environment": environment(), **count(options.root)}
    except (OSError, SyntaxError, ValueError) as error:
        parser.error(str(error))
    print(report(figures, names=options.names), f"by the rule of commit {figures['environment']['commit']}", sep="\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if options.limit is not None and figures["borders"] > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
