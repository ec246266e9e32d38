"""`yivideo eval`: how close a result comes to the truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yivideo_ray.cli.arguments import write_json
from yivideo_ray.errors import ConfigError

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    compare = commands.add_parser(
        "eval",
        help="compare a result with the truth",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("-h", "--help", action=_EvalHelp, nargs=0, help="show this help and the scoring convention")
    compare.add_argument("reference", type=Path, metavar="REFERENCE", help="the true subtitles")
    compare.add_argument("result", type=Path, metavar="RESULT", help="the subtitles to judge")
    compare.add_argument("--fps", type=float, default=25.0, help="frames per second, for errors in frames (25)")
    compare.add_argument("--json", action="store_true", help="one JSON object on standard output")
    compare.set_defaults(command=_eval)


def _eval(options: argparse.Namespace) -> int:
    from yivideo_ray.subtitles.formats import read_srt
    from yivideo_ray.subtitles.scoring import format_score, score

    if options.fps <= 0:
        raise ConfigError(f"--fps must be more than 0, got {options.fps:g}.", remedy="Pass the video's frame rate.")
    total = score(read_srt(options.reference), read_srt(options.result), 1 / options.fps)
    if options.json:
        write_json(sys.stdout, total.as_dict())
    else:
        print(format_score(total))
    return 0


class _EvalHelp(argparse.Action):
    """Shows the scoring convention where it is written down: in the scorer's own docstring."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from yivideo_ray.subtitles import scoring

        parser.description = scoring.__doc__
        parser.print_help()
        parser.exit()
