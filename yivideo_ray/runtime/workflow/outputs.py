"""Where results go, and their writing: into output_dir, else beside the video or, for an address, into the current
directory; named after the video."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from yivideo_ray.config import Settings, SubtitleSettings
from yivideo_ray.errors import ConfigError, OutputError
from yivideo_ray.files import write_atomically, write_together
from yivideo_ray.jobs import Job, Outcome, TrackOutput
from yivideo_ray.locations import Url, VideoLocation
from yivideo_ray.subtitles.formats import WRITERS
from yivideo_ray.subtitles.languages import split_by_script
from yivideo_ray.subtitles.result import result_document
from yivideo_ray.types import Cue, VideoInfo

__all__ = ["Written", "output_path", "require_distinct", "require_writable", "write_document", "write_subtitles"]

NAME_BYTES = 255


def output_path(job: Job, suffix: str) -> Path:
    """Returns the path of one result; a name too long for a file system with the new suffix is shortened."""
    beside = Path() if isinstance(job.video, Url) else job.video.parent
    directory = beside if job.output_dir is None else job.output_dir
    stem = os.fsencode(job.video.stem)[: NAME_BYTES - len(suffix)]
    # Cutting may have split a character; decoding drops the pieces of it, as no file system call could.
    name = stem.decode("utf-8", "ignore") if len(stem) < len(os.fsencode(job.video.stem)) else job.video.stem
    return directory / f"{name}{suffix}"


def require_distinct(jobs: Sequence[Job], wanted: SubtitleSettings) -> None:
    """Raises ConfigError CONFIG_INVALID if two jobs could write the same file, or one of them over a video."""
    videos = {_target(job.video) for job in jobs if not isinstance(job.video, Url)}
    seen: dict[Path, VideoLocation] = {}
    for job in jobs:
        for path in [output_path(job, suffix) for suffix in _suffixes(wanted)]:
            target = _target(path)
            if target in videos:
                raise ConfigError(f"The results of {job.video} would overwrite {path}.", remedy="Rename the video.")
            if target in seen:
                raise ConfigError(
                    f"{seen[target]} and {job.video} would both write {path}.",
                    remedy="Run them one after the other with a different -o each, or rename one.",
                )
            seen[target] = job.video


def _target(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _suffixes(wanted: SubtitleSettings) -> list[str]:
    """Returns the ends of all names that a job may write."""
    languages = set(wanted.script_languages.model_dump().values()) if wanted.split_by_script else set()
    marks = ["", *(f".{language}" for language in sorted(languages))]
    return [".json", *(f"{mark}.{name}" for mark in marks for name in wanted.formats)]


def require_writable(directory: Path) -> None:
    """Makes the directory if need be. Raises OutputError OUTPUT_NOT_WRITABLE if no file can be made in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise OutputError(f"{directory} can't be written: {error.strerror}.", directory=str(directory)) from error


@dataclass(frozen=True, slots=True)
class Written:
    """The subtitle files, and to which track they belong where the subtitles were split."""

    files: tuple[Path, ...]
    tracks: tuple[TrackOutput, ...] = ()


def write_subtitles(job: Job, info: VideoInfo, cues: Sequence[Cue], settings: Settings) -> Written:
    """Writes the subtitle files, all of them or none: one set, or one for each track.

    Where there is nothing to split, no language is known: then the one set is written, empty.
    """
    wanted = settings.subtitles
    if not wanted.split_by_script or not cues:
        files = _files(job, info, cues, wanted)
        write_together(files)
        return Written(tuple(files))
    merge_gap_ticks = int(settings.postprocessor.merge_gap_ms / 1000 / info.time_base)
    tracks = split_by_script(cues, wanted.script_languages.model_dump(), merge_gap_ticks)
    by_track = [_files(job, info, track.cues, wanted, f".{track.language}") for track in tracks]
    write_together({path: data for files in by_track for path, data in files.items()})
    return Written(
        tuple(path for files in by_track for path in files),
        tuple(
            TrackOutput(track.language, track.scripts, len(track.cues), tuple(files))
            for track, files in zip(tracks, by_track, strict=True)
        ),
    )


def _files(
    job: Job, info: VideoInfo, cues: Sequence[Cue], wanted: SubtitleSettings, mark: str = ""
) -> dict[Path, bytes]:
    return {output_path(job, f"{mark}.{name}"): WRITERS[name](cues, info).encode("utf-8") for name in wanted.formats}


def write_document(job: Job, outcome: Outcome) -> Outcome:
    """Writes the JSON result and returns the outcome with its path among the outputs."""
    path = output_path(job, ".json")
    outcome = replace(outcome, outputs=(*outcome.outputs, path))
    write_atomically(path, (json.dumps(result_document(outcome), ensure_ascii=False, indent=2) + "\n").encode())
    return outcome
