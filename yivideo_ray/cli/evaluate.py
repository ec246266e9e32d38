"""`yivideo eval`: how close a result comes to the truth, one file or a directory of videos."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yivideo_ray.cli.arguments import EXIT_FAILED, report, write_json
from yivideo_ray.errors import ConfigError

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.evaluation.judging import Evaluation

__all__ = ["add", "add_scoring", "evaluations", "figures", "show"]

EXAMPLES = """\
two files, or two directories:
  yivideo eval truth.srt film.srt
  yivideo eval clips results                 clips/NAME.mp4 and clips/NAME.srt, results/NAME.srt
  yivideo eval clips results --html page.html --against results-of-another-tool
  yivideo eval clips results --scripts latin han --soft slow_fades old_tape

"""


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    compare = commands.add_parser(
        "eval",
        help="compare a result with the truth",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("-h", "--help", action=_EvalHelp, nargs=0, help="show this help and the scoring convention")
    compare.add_argument(
        "reference", type=Path, metavar="REFERENCE", help="the true subtitles, or a directory of videos with them"
    )
    compare.add_argument("result", type=Path, metavar="RESULT", help="the subtitles to judge, or their directory")
    compare.add_argument("--fps", type=float, help="of two files: frames per second, for errors in frames (25)")
    compare.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_scoring(compare.add_argument_group("of two directories"))
    compare.set_defaults(command=_eval)


def add_scoring(parser: argparse._ActionsContainer) -> None:
    """Adds the options of scoring a directory of videos."""
    parser.add_argument(
        "--scripts", nargs="+", default=[], metavar="SCRIPT", help="only clips in these are in the main figures"
    )
    parser.add_argument("--soft", nargs="+", default=[], metavar="NAME", help="clips whose times don't count")
    parser.add_argument("--against", type=Path, metavar="DIR", help="results of another tool, to be shown beside these")
    parser.add_argument("--html", type=Path, metavar="FILE", help="page of all misses with their pictures")


def _eval(options: argparse.Namespace) -> int:
    directories = [path.is_dir() for path in (options.reference, options.result)]
    if any(directories):
        return _eval_directories(options, both=all(directories))
    for name in ("scripts", "soft", "against", "html"):
        if getattr(options, name):
            raise ConfigError(f"--{name} is for two directories.", remedy="Leave it out, or pass directories.")
    return _eval_files(options)


def _eval_files(options: argparse.Namespace) -> int:
    from yivideo_ray.subtitles.formats import read_srt
    from yivideo_ray.subtitles.scoring import format_score, score

    rate = 25.0 if options.fps is None else options.fps
    if rate <= 0:
        raise ConfigError(f"--fps must be more than 0, got {rate:g}.", remedy="Pass the video's frame rate.")
    total = score(read_srt(options.reference), read_srt(options.result), 1 / rate)
    if options.json:
        write_json(sys.stdout, total.as_dict())
    else:
        print(format_score(total))
    return 0


def _eval_directories(options: argparse.Namespace, *, both: bool) -> int:
    for path in (options.reference, options.result):
        if not both and path.exists() and not path.is_dir():
            raise ConfigError(
                f"{path} is a file, and the other a directory.", remedy="Pass two files or two directories."
            )
    if options.fps is not None:
        raise ConfigError("--fps is for two files; a video's own rate is known.", remedy="Leave it out.")
    found, other = evaluations(options.reference, options.result, options)
    if options.json:
        write_json(sys.stdout, figures(found, other))
    return show(found, other, options.html, table=not options.json)


def evaluations(directory: Path, results: Path, options: argparse.Namespace) -> tuple[Evaluation, Evaluation | None]:
    """Returns how close results come to a directory's truth, and those of --against (None: not given), by add_scoring's
    options. Errors: InputError, ConfigError."""
    from yivideo_ray.evaluation.corpus import read_corpus
    from yivideo_ray.evaluation.judging import evaluate

    corpus = read_corpus(directory)
    found, *others = (
        evaluate(corpus, of, soft=options.soft, scripts=options.scripts)
        for of in (results, options.against)
        if of is not None
    )
    return found, others[0] if others else None


def figures(found: Evaluation, other: Evaluation | None) -> dict[str, Any]:
    """Returns every figure, for JSON."""
    return found.as_dict() | ({"against": other.as_dict()} if other is not None else {})


def show(found: Evaluation, other: Evaluation | None, page: Path | None, *, table: bool = True) -> int:
    """Prints the tables if they are wanted, writes the page if it is, reports what could not be taken, and returns the
    exit code: 0 if all clips could be scored. Errors: OutputError where the page can't be written."""
    from yivideo_ray.evaluation.page import write_page
    from yivideo_ray.evaluation.table import format_comparison, format_evaluation

    if table:
        print(format_evaluation(found))
        if other is not None:
            print(f"\n{format_comparison(found, other)}")
    if page is not None:
        write_page(page, found, other)
        report(f"Every miss with its picture: {page}")
    missing = [] if other is None else [f"{other.name}: {clip.problem}" for clip in other.clips if clip.problem]
    for sentence in (*found.corpus.notes, *found.notes, *found.problems, *missing):
        report(sentence)
    return EXIT_FAILED if found.problems or missing else 0


class _EvalHelp(argparse.Action):
    """Shows the scoring convention where it is written down: in the scorer's own docstring."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from yivideo_ray.subtitles import scoring

        parser.description = EXAMPLES + (scoring.__doc__ or "")
        parser.print_help()
        parser.exit()
