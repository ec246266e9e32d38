"""Where results go and what is in them: into output_dir, else beside the video or, for an address, into the current
directory; named after the video. They are put there by publishing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from yivideo_ray.config import Settings, SubtitleSettings
from yivideo_ray.errors import ConfigError, OutputError
from yivideo_ray.jobs import Job, Outcome, TrackOutput
from yivideo_ray.locations import Url, VideoLocation
from yivideo_ray.subtitles.formats import WRITERS
from yivideo_ray.subtitles.languages import split_by_script
from yivideo_ray.subtitles.result import result_document
from yivideo_ray.types import Cue, Stage, VideoInfo

__all__ = [
    "SubtitleFiles",
    "document",
    "output_path",
    "possible_outputs",
    "require_distinct",
    "require_writable",
    "subtitle_files",
]

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
                    remedy="Run them one after the other, each into a directory of its own, or rename one.",
                )
            seen[target] = job.video


def possible_outputs(job: Job, wanted: SubtitleSettings) -> list[Path]:
    """Returns all paths that a job may write; which tracks there are is known when the subtitles have been read."""
    suffixes = _suffixes(wanted) if Stage.POSTPROCESS_AND_FINALIZE in job.chain else [".json"]
    return [output_path(job, suffix) for suffix in suffixes]


def _target(path: Path) -> Path:
    try:
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):
        # A loop of links, or a name that no file system has: whoever opens it says so.
        return path


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
class SubtitleFiles:
    """The subtitle files by their paths, and to which track they belong where the subtitles were split."""

    data: Mapping[Path, bytes] = field(default_factory=dict)
    tracks: tuple[TrackOutput, ...] = ()


def subtitle_files(job: Job, info: VideoInfo, cues: Sequence[Cue], settings: Settings) -> SubtitleFiles:
    """Returns the subtitle files: one set, or one for each track.

    Where there is nothing to split, no language is known: then the one set is made, empty.
    """
    wanted = settings.subtitles
    if not wanted.split_by_script or not cues:
        return SubtitleFiles(_files(job, info, cues, wanted))
    merge_gap_ticks = int(settings.postprocessor.merge_gap_ms / 1000 / info.time_base)
    tracks = split_by_script(cues, wanted.script_languages.model_dump(), merge_gap_ticks)
    by_track = [_files(job, info, track.cues, wanted, f".{track.language}") for track in tracks]
    return SubtitleFiles(
        {path: data for files in by_track for path, data in files.items()},
        tuple(
            TrackOutput(track.language, track.scripts, len(track.cues), tuple(files))
            for track, files in zip(tracks, by_track, strict=True)
        ),
    )


def _files(
    job: Job, info: VideoInfo, cues: Sequence[Cue], wanted: SubtitleSettings, mark: str = ""
) -> dict[Path, bytes]:
    return {output_path(job, f"{mark}.{name}"): WRITERS[name](cues, info).encode("utf-8") for name in wanted.formats}


def document(outcome: Outcome) -> bytes:
    """Returns the JSON result."""
    return (json.dumps(result_document(outcome), ensure_ascii=False, indent=2) + "\n").encode()
