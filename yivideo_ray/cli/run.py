"""`yivideo run`: subtitles of videos, here or on the cluster at RAY_ADDRESS."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from yivideo_ray.cli.arguments import load, names, report_outcomes, stage, take_stdout
from yivideo_ray.locations import location_named

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.config import Settings
    from yivideo_ray.jobs import Job

__all__ = ["add"]

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

Text is sorted into layers: the dialogue, its translation, titles, signs. Those that probably are subtitles are taken.
film.json has all of them under layers, and a warning names one that is in doubt. To take others, in a second or two:
  yivideo run film.mp4 --layers 1,3 --from paddleocr.postprocess_and_finalize

No file is lost: one that yivideo did not write, or that was changed since, is refused before any work (OUTPUT_EXISTS).
  yivideo run film.mp4 --overwrite    replaces film.srt and film.json, whoever wrote them
A video that is done is not done again while its settings and its files are the same. With other settings it is, and
files of the run before that have no successor are removed, unless they were changed.
  yivideo run film.mp4 --again        does all of it again, whatever is there

What is read: Chinese, Japanese, and nearly all European languages in Latin letters, one or two at a time. What isn't:
Korean, Vietnamese, Greek, Russian and others in Cyrillic letters, Arabic, Hebrew, Thai, Hindi and the like. Text in
them is found, and said to be unreadable in the JSON result; none of it is in the subtitles.
  yivideo run film.mp4 --language vi  refuses at once (LANGUAGE_UNREADABLE), and says which letters the model lacks

VIDEO may be an address, such as s3://films/film.mkv or https://example.org/film.mp4, that begins with one of
storage.allowed_urls in the settings. Its results are written to the current directory unless -o names another.

settings: --config FILE, or the file that YIVIDEO_CONFIG names, or the defaults; environment variables such as
YIVIDEO_GPU_LOCK__LOCK_TIMEOUT=30 override them. A config.yml in the current directory is not read unless named.
YIVIDEO_SUBTITLES__SPLIT_BY_SCRIPT=true writes bilingual subtitles as film.zh.srt and film.en.srt.

RAY_ADDRESS names a Ray cluster to join; without it a local Ray is started for this run.
"""


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    run = commands.add_parser(
        "run",
        help="subtitles of videos",
        description="Writes VIDEO's subtitles.",
        epilog=RUN_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "videos", nargs="+", type=location_named, metavar="VIDEO", help="a video file or address; several run at once"
    )
    run.add_argument("-o", "--output", type=Path, metavar="DIR", help="write there instead of beside each video")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    run.add_argument("--format", metavar="A,B", help="subtitle files to write: srt, vtt, ass, txt (else the settings')")
    run.add_argument("--language", metavar="CODE", help="what the subtitles are in (BCP 47); refused if it isn't read")
    run.add_argument(
        "--layers", metavar="A,B", help="layers of text to take: auto, all, or numbers in the JSON result, such as 1,3"
    )
    run.add_argument("--stages", metavar="A,B", help="run these stages only (names below, in order)")
    run.add_argument("--from", dest="start_at", metavar="STAGE", help="start there with the record of an earlier run")
    run.add_argument("--overwrite", action="store_true", help="replace files that yivideo did not write, or not so")
    run.add_argument("--again", action="store_true", help="do it again, also where it is done with the same settings")
    run.add_argument(
        "--priority",
        choices=["interactive", "batch"],
        default="batch",
        help="interactive: before others where calls wait for the GPU (gpu_lock.enable_priority_queue)",
    )
    run.add_argument("--json", action="store_true", help="JSON lines on standard output, also on a terminal")
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    machine = take_stdout()
    settings = load(options.config)
    if options.format is not None:
        from yivideo_ray.config import with_formats

        settings = with_formats(settings, names(options.format))
    if options.language is not None:
        from yivideo_ray.config import with_language

        settings = with_language(settings, options.language)
    if options.layers is not None:
        from yivideo_ray.config import with_layers

        settings = with_layers(settings, options.layers)
    jobs = _jobs(options, settings)
    from yivideo_ray.cli.display import display
    from yivideo_ray.runtime.session import Session

    videos = [str(job.video) for job in jobs]
    with Session(settings) as opened:
        with display(machine, options.json, videos) as shown:
            outcomes = opened.run(jobs, shown.take)
            shown.end(outcomes)
        # Told before Ray has ended, which takes a moment.
        return report_outcomes(outcomes)


def _jobs(options: argparse.Namespace, settings: Settings) -> list[Job]:
    """Returns a job per video. Errors: ConfigError for stages that are none and for results that would collide."""
    from yivideo_ray.jobs import Job, Priority
    from yivideo_ray.runtime.workflow.outputs import require_distinct
    from yivideo_ray.types import STAGES

    chain = STAGES
    if options.stages is not None:
        chain = tuple(stage(name) for name in names(options.stages))
    start_at = None if options.start_at is None else stage(options.start_at)
    priority = Priority[options.priority.upper()]
    jobs = [
        Job(video, chain, start_at, options.output, priority, overwrite=options.overwrite, again=options.again)
        for video in options.videos
    ]
    require_distinct(jobs, settings.subtitles)
    return jobs
