"""Where results go, and their writing: beside the video or into output_dir, named after the video."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from yivideo_ray.errors import ConfigError, OutputError
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.subtitles.document import result_document
from yivideo_ray.subtitles.files import write_atomically
from yivideo_ray.subtitles.formats import write_srt
from yivideo_ray.types import Cue, VideoInfo

__all__ = ["output_path", "require_distinct", "require_writable", "write_document", "write_subtitles"]

NAME_BYTES = 255


def output_path(job: Job, suffix: str) -> Path:
    """Returns the path of one result; a name too long for a file system with the new suffix is shortened."""
    directory = job.output_dir if job.output_dir is not None else job.video.parent
    stem = os.fsencode(job.video.stem)[: NAME_BYTES - len(suffix)]
    # Cutting may have split a character; decoding drops the pieces of it, as no file system call could.
    name = stem.decode("utf-8", "ignore") if len(stem) < len(os.fsencode(job.video.stem)) else job.video.stem
    return directory / f"{name}{suffix}"


def require_distinct(jobs: Sequence[Job]) -> None:
    """Raises ConfigError CONFIG_INVALID if two jobs would write the same file."""
    seen: dict[Path, Path] = {}
    for job in jobs:
        path = output_path(job, ".srt")
        target = path.parent.resolve() / path.name
        if target in seen:
            raise ConfigError(
                f"{seen[target]} and {job.video} would both write {path}.",
                remedy="Run them one after the other with a different -o each, or rename one.",
            )
        seen[target] = job.video


def require_writable(directory: Path) -> None:
    """Makes the directory if need be. Raises OutputError OUTPUT_NOT_WRITABLE if no file can be made in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise OutputError(f"{directory} can't be written: {error.strerror}.", directory=str(directory)) from error


def write_subtitles(job: Job, info: VideoInfo, cues: tuple[Cue, ...]) -> Path:
    """Writes the SRT file and returns its path."""
    path = output_path(job, ".srt")
    write_atomically(path, write_srt(cues, info).encode("utf-8"))
    return path


def write_document(job: Job, outcome: Outcome) -> Outcome:
    """Writes the JSON result and returns the outcome with its path among the outputs."""
    path = output_path(job, ".json")
    outcome = replace(outcome, outputs=(*outcome.outputs, path))
    write_atomically(path, (json.dumps(result_document(outcome), ensure_ascii=False, indent=2) + "\n").encode())
    return outcome
