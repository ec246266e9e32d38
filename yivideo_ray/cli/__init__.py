"""The `yivideo` command: arguments in, exit code out. A module for each subcommand, and clients for those that ask the
service; work is done by the rooms that they import.

Exit codes: 0 success, 1 a workflow or check failed, 2 wrong usage or settings, 130 interrupted.
Standard output carries results for programs (JSON lines), or the live table on a terminal; standard error carries
sentences for people.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from yivideo_ray.cli import area, clients, db, doctor, evaluate, run, serve
from yivideo_ray.cli.arguments import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, report
from yivideo_ray.errors import ConfigError, YivideoError

__all__ = ["main"]

DESCRIPTION = "Turns videos with burned-in subtitles into subtitle files."
EXAMPLES = """\
examples:
  yivideo run film.mp4                       writes film.srt and film.json beside it
  yivideo run a.mp4 b.mkv -o out --json      two at once, JSON lines on standard output
  yivideo run film.mp4 --format srt,ass      film.ass as well, every subtitle where it was
  yivideo run film.mp4 --from paddleocr.postprocess_and_finalize
                                             again from the texts read last time, in a second
  yivideo run film.mp4 --layers 1,3 --from paddleocr.postprocess_and_finalize
                                             other layers of text than those that were taken
  yivideo run -- -odd-name.mp4               a name that starts with a dash
  yivideo area film.mp4 -o preview.png       draws its layers of text, and which are taken
  yivideo status                             what the GPU actors at RAY_ADDRESS are doing
  yivideo serve                              the service: workflows over HTTP at 127.0.0.1:8788
  yivideo submit film.mp4 --watch            gives the service a video and waits for its end
  yivideo fetch ID --format srt,ass          subtitles from the service
  yivideo db backup                          a copy of the service's database, also while it runs
  yivideo doctor                             what is installed and which device works
  yivideo eval truth.srt film.srt            how close a result comes to the truth
  yivideo eval clips results                 the same for a directory of videos
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. Never raises but SystemExit, for wrong usage."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    # A service manager's stop is the same wish as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command(options)
    except KeyboardInterrupt:
        report("Interrupted; nothing half-written is left.")
        return EXIT_INTERRUPTED
    except YivideoError as error:
        report(str(error))
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except BrokenPipeError:
        # Whoever read standard output has gone; Python would complain once more when it flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED
    except Exception as error:
        from yivideo_ray.config import StorageSettings
        from yivideo_ray.runtime.failures import log_fault

        report(str(log_fault(error, StorageSettings().work_dir.expanduser())))
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="yivideo", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for part in (run, area, doctor, evaluate, serve, clients, db):
        part.add(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}. Run {self.prog} --help.\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from yivideo_ray import __version__

        print(__version__)
        parser.exit()
