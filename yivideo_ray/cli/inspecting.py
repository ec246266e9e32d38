"""`yivideo area`, `doctor` and `eval`: what was found in a video, what is installed, how good a result is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yivideo_ray.cli.shared import load, take_stdout, tell, video, write_json
from yivideo_ray.errors import ConfigError

if TYPE_CHECKING:
    from yivideo_ray.cli.shared import Commands

__all__ = ["add"]

AREA_NOTES = """\
Green: the bands in which subtitles were found. Blue: those that area_detector.regions sets. Orange: other text, with
the reason why it is no subtitle. Violet: what area_detector.exclude leaves out. Standard error tells all boxes.

example: look only at the lower half, and not at a logo
  YIVIDEO_AREA_DETECTOR__REGIONS='[{"y0": 0.5}]' yivideo area film.mp4
  YIVIDEO_AREA_DETECTOR__EXCLUDE='[{"x0": 0.8, "y1": 0.2}]' yivideo area film.mp4 -o preview.png
"""


def add(commands: Commands) -> None:
    """Adds the subcommands."""
    area = commands.add_parser(
        "area",
        help="show where the subtitles of a video are",
        description="Draws where VIDEO's subtitles were found, and what was rejected and why, on one of its frames.",
        epilog=AREA_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    area.add_argument("video", type=video, metavar="VIDEO", help="a video file or address")
    area.add_argument("-o", "--output", type=Path, metavar="PNG", help="the picture (else VIDEO.area.png beside it)")
    area.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    area.add_argument("--json", action="store_true", help="the area as one JSON object on standard output")
    area.set_defaults(command=_area)

    doctor = commands.add_parser(
        "doctor",
        help="what is installed, which device works",
        description="Tells what is installed, runs a real inference, and names what is missing; exit code 1 if so.",
    )
    doctor.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    doctor.add_argument("--json", action="store_true", help="one JSON object on standard output")
    doctor.set_defaults(command=_doctor)

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


def _area(options: argparse.Namespace) -> int:
    machine = take_stdout()
    settings = load(options.config)
    from yivideo_ray.area import area

    area(options.video, options.output, settings, tell, machine if options.json else None)
    machine.flush()
    return 0


def _doctor(options: argparse.Namespace) -> int:
    machine = take_stdout()
    from yivideo_ray.doctor import doctor

    return doctor(load(options.config), json=options.json, stream=machine)


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
