"""The `yivideo` command: arguments in, exit code out. Work is done by runtime, doctor and subtitles.

Exit codes: 0 success, 1 a workflow or check failed, 2 wrong usage or settings, 130 interrupted.
Standard output carries results for programs (JSON lines), or the live table on a terminal; standard error carries
sentences for people.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from yivideo_ray.errors import ConfigError, YivideoError

if TYPE_CHECKING:
    from yivideo_ray.config import Settings
    from yivideo_ray.jobs import Job
    from yivideo_ray.types import Stage

__all__ = ["main"]

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

DESCRIPTION = "Turns videos with burned-in subtitles into subtitle files."
EXAMPLES = """\
examples:
  yivideo run film.mp4                       writes film.srt and film.json beside it
  yivideo run a.mp4 b.mkv -o out --json      two at once, JSON lines on standard output
  yivideo run film.mp4 --format srt,ass      film.ass as well, every subtitle where it was
  yivideo run film.mp4 --from paddleocr.postprocess_and_finalize
                                             again from the texts read last time, in a second
  yivideo run -- -odd-name.mp4               a name that starts with a dash
  yivideo area film.mp4 -o preview.png       draws where its subtitles are
  yivideo status                             what the GPU actors at RAY_ADDRESS are doing
  yivideo doctor                             what is installed and which device works
  yivideo eval truth.srt film.srt            how close a result comes to the truth
"""
RUN_NOTES = """\
stages, in order:
  ffmpeg.extract_keyframes            frames sampled over the whole video
  paddleocr.detect_subtitle_area      where subtitles appear
  ffmpeg.crop_subtitle_images         one picture per subtitle shown
  paddleocr.create_stitched_images    many pictures on one sheet
  paddleocr.perform_ocr               sheets to text
  paddleocr.postprocess_and_finalize  text to cues, and their files

--from takes what the stages before it found from the record of an earlier run of the same file. Pictures are not
recorded: starting at a stage that needs some has the stage that makes them run again.

settings: --config FILE, or the file that YIVIDEO_CONFIG names, or the defaults; environment variables such as
YIVIDEO_GPU_LOCK__LOCK_TIMEOUT=30 override them. A config.yml in the current directory is not read unless named.
YIVIDEO_SUBTITLES__SPLIT_BY_SCRIPT=true writes bilingual subtitles as film.zh.srt and film.en.srt.

RAY_ADDRESS names a Ray cluster to join; without it a local Ray is started for this run.
"""
AREA_NOTES = """\
Green: the bands in which subtitles were found. Blue: those that area_detector.regions sets. Orange: other text, with
the reason why it is no subtitle. Violet: what area_detector.exclude leaves out. Standard error tells all boxes.

example: look only at the lower half, and not at a logo
  YIVIDEO_AREA_DETECTOR__REGIONS='[{"y0": 0.5}]' yivideo area film.mp4
  YIVIDEO_AREA_DETECTOR__EXCLUDE='[{"x0": 0.8, "y1": 0.2}]' yivideo area film.mp4 -o preview.png
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
        _tell("Interrupted; nothing half-written is left.")
        return EXIT_INTERRUPTED
    except YivideoError as error:
        _tell(str(error))
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except BrokenPipeError:
        # Whoever read standard output has gone; Python would complain once more when it flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED
    except Exception as error:
        from yivideo_ray.config import StorageSettings
        from yivideo_ray.runtime.failures import log_fault

        _tell(str(log_fault(error, StorageSettings().work_dir.expanduser())))
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="yivideo", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="subtitles of videos",
        description="Writes VIDEO's subtitles.",
        epilog=RUN_NOTES,
        formatter_class=raw,
    )
    run.add_argument("videos", nargs="+", type=Path, metavar="VIDEO", help="a video file; several run at once")
    run.add_argument("-o", "--output", type=Path, metavar="DIR", help="write there instead of beside each video")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    run.add_argument("--format", metavar="A,B", help="subtitle files to write: srt, vtt, ass, txt (else the settings')")
    run.add_argument("--stages", metavar="A,B", help="run these stages only (names below, in order)")
    run.add_argument("--from", dest="start_at", metavar="STAGE", help="start there with the record of an earlier run")
    run.add_argument(
        "--priority",
        choices=["interactive", "batch"],
        default="batch",
        help="interactive: before others where calls wait for the GPU (gpu_lock.enable_priority_queue)",
    )
    run.add_argument("--json", action="store_true", help="JSON lines on standard output, also on a terminal")
    run.set_defaults(command=_run)

    area = commands.add_parser(
        "area",
        help="show where the subtitles of a video are",
        description="Draws where VIDEO's subtitles were found, and what was rejected and why, on one of its frames.",
        epilog=AREA_NOTES,
        formatter_class=raw,
    )
    area.add_argument("video", type=Path, metavar="VIDEO", help="a video file")
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

    status = commands.add_parser(
        "status",
        help="what the GPU actors of a cluster are doing",
        description="Prints what the GPU actors of the cluster at RAY_ADDRESS are doing, as JSON; starts none. "
        "Exit code: 0 if one is ready.",
    )
    status.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML: those of the runs")
    status.set_defaults(command=_status)

    compare = commands.add_parser("eval", help="compare a result with the truth", add_help=False, formatter_class=raw)
    compare.add_argument("-h", "--help", action=_EvalHelp, nargs=0, help="show this help and the scoring convention")
    compare.add_argument("reference", type=Path, metavar="REFERENCE", help="the true subtitles")
    compare.add_argument("result", type=Path, metavar="RESULT", help="the subtitles to judge")
    compare.add_argument("--fps", type=float, default=25.0, help="frames per second, for errors in frames (25)")
    compare.add_argument("--json", action="store_true", help="one JSON object on standard output")
    compare.set_defaults(command=_eval)
    return parser


def _run(options: argparse.Namespace) -> int:
    machine = _take_stdout()
    settings = _settings(options.config)
    if options.format is not None:
        from yivideo_ray.config import with_formats

        settings = with_formats(settings, _names(options.format))
    jobs = _jobs(options, settings)
    from yivideo_ray.progress import JsonLines, LiveTable, summary
    from yivideo_ray.runtime import session

    display: JsonLines | LiveTable = JsonLines(machine)
    if machine.isatty() and not options.json:
        display = LiveTable(machine)
    with session(settings) as opened, display:
        outcomes = opened.run(jobs, display.take)
        display.end(outcomes)
    for line in summary(outcomes):
        _tell(line)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        error = outcome.error or {}
        prefix = f"{outcome.video}: " if len(jobs) > 1 else ""
        _tell(f"{prefix}{error['code']}: {error['message']} {error['remedy']}")
    return EXIT_FAILED if failed else 0


def _area(options: argparse.Namespace) -> int:
    machine = _take_stdout()
    settings = _settings(options.config)
    from yivideo_ray.area import area

    area(options.video, options.output, settings, _tell, machine if options.json else None)
    machine.flush()
    return 0


def _doctor(options: argparse.Namespace) -> int:
    machine = _take_stdout()
    from yivideo_ray.doctor import doctor

    return doctor(_settings(options.config), json=options.json, stream=machine)


def _status(options: argparse.Namespace) -> int:
    machine = _take_stdout()
    settings = _settings(options.config)
    if os.environ.get("RAY_ADDRESS", "local") in ("", "local"):
        raise ConfigError(
            "RAY_ADDRESS names no cluster to look at.", remedy="Set it to the address of the cluster, host:port."
        )
    from yivideo_ray.runtime import session

    with session(settings) as opened:
        found = opened.status()
    _write_json(machine, found)
    return 0 if any(actor["ready"] for actor in found["gpu_actors"]) else EXIT_FAILED


def _eval(options: argparse.Namespace) -> int:
    from yivideo_ray.subtitles.formats import read_srt
    from yivideo_ray.subtitles.scoring import format_score, score

    if options.fps <= 0:
        raise ConfigError(f"--fps must be more than 0, got {options.fps:g}.", remedy="Pass the video's frame rate.")
    total = score(read_srt(options.reference), read_srt(options.result), 1 / options.fps)
    if options.json:
        _write_json(sys.stdout, total.as_dict())
    else:
        print(format_score(total))
    return 0


def _settings(given: Path | None) -> Settings:
    from yivideo_ray.config import load_settings

    named = os.environ.get("YIVIDEO_CONFIG")
    return load_settings(given or (Path(named) if named else None))


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _jobs(options: argparse.Namespace, settings: Settings) -> list[Job]:
    """Returns a job per video. Errors: ConfigError for stages that are none and for results that would collide."""
    from yivideo_ray.jobs import Job, Priority
    from yivideo_ray.runtime.outputs import require_distinct
    from yivideo_ray.types import STAGES

    chain = STAGES
    if options.stages is not None:
        chain = tuple(_stage(name) for name in _names(options.stages))
    start_at = None if options.start_at is None else _stage(options.start_at)
    priority = Priority[options.priority.upper()]
    jobs = [Job(video, chain, start_at, options.output, priority) for video in options.videos]
    require_distinct(jobs, settings.subtitles)
    return jobs


def _stage(name: str) -> Stage:
    import difflib

    from yivideo_ray.types import STAGES, Stage

    try:
        return Stage(name)
    except ValueError:
        near = difflib.get_close_matches(name, [stage.value for stage in STAGES], n=1, cutoff=0.0)
        raise ConfigError(
            f"{name!r} is no stage; did you mean {near[0]}?",
            code="CHAIN_INVALID",
            remedy=f"The stages are {', '.join(STAGES)}.",
        ) from None


def _take_stdout() -> IO[str]:
    """Returns standard output for this program alone, and points file descriptor 1 at standard error: Ray prints
    messages about lost workers to it whatever it is told, and machine output must stay clean."""
    sys.stdout.flush()
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return kept


def _tell(sentence: str) -> None:
    """Prints one line for people, whatever is in it."""
    line = " ".join(sentence.split("\n"))
    sys.stderr.write(line.encode("utf-8", "surrogateescape").decode("utf-8", "replace") + "\n")
    sys.stderr.flush()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}. Run {self.prog} --help.\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from yivideo_ray import __version__

        print(__version__)
        parser.exit()


class _EvalHelp(argparse.Action):
    """Shows the scoring convention where it is written down: in the scorer's own docstring."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from yivideo_ray.subtitles import scoring

        parser.description = scoring.__doc__
        parser.print_help()
        parser.exit()


def _write_json(stream: IO[str], value: Any) -> None:
    import json

    stream.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    stream.flush()
