"""Directories of videos with true subtitles, and of results, for tests that score them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from yivideo_ray.subtitles.scoring import TimedText

__all__ = ["cue", "srt", "write_clips", "write_results"]


def cue(start_s: float, end_s: float, *lines: str) -> TimedText:
    return TimedText(start_s, end_s, lines)


def srt(*cues: TimedText) -> str:
    """Returns the cues as a SubRip file."""
    blocks = (
        f"{number}\n{_clock(cue.start_s)} --> {_clock(cue.end_s)}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def write_clips(directory: Path, truths: Mapping[str, tuple[TimedText, ...] | None], index: str = "") -> Path:
    """Writes NAME.mp4, of no bytes, and NAME.srt for each truth that isn't None, and INDEX.tsv if there is something to
    say. Returns the directory."""
    directory.mkdir(exist_ok=True)
    for name, cues in truths.items():
        (directory / f"{name}.mp4").touch()
        if cues is not None:
            (directory / f"{name}.srt").write_text(srt(*cues), encoding="utf-8")
    if index:
        (directory / "INDEX.tsv").write_text(index, encoding="utf-8")
    return directory


def write_results(directory: Path, results: Mapping[str, tuple[TimedText, ...]]) -> Path:
    """Writes NAME.srt for each result. Returns the directory."""
    directory.mkdir(exist_ok=True)
    for name, cues in results.items():
        (directory / f"{name}.srt").write_text(srt(*cues), encoding="utf-8")
    return directory


def _clock(seconds: float) -> str:
    ms = round(1000 * seconds)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"
