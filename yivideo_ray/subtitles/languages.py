"""Splits bilingual subtitles into a track for each script. Pure: cues in, cues out.

A script is what letters can tell; which language stands for it is for the settings to say. Chinese and Japanese share
characters: a line with kana is Japanese, and what a line without kana is depends on the video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from yivideo_ray.geometry import bounding_box
from yivideo_ray.text.scripts import Script, holds_japanese, line_script
from yivideo_ray.types import Cue

__all__ = ["Track", "split_by_script"]

# A script with a smaller share of the lines is a guest in another's track, as "OK!" is in Chinese subtitles.
_GUEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Track:
    """The lines in one language, as cues in the order of their start. scripts are those they are written in."""

    language: str
    scripts: tuple[Script, ...]
    cues: tuple[Cue, ...]


_Scripts = list[Script | None]
"""The script of each line of a cue, None where that is open."""


def split_by_script(cues: Sequence[Cue], languages: Mapping[str, str], merge_gap_ticks: int = 0) -> tuple[Track, ...]:
    """Returns a track for each language in which there are lines, in the order of their first lines.

    cues are in the order of their start. languages gives a language for each Script; scripts with the same one
    share a track. Every line is in exactly one track. Cues of a track that have the same text and at most
    merge_gap_ticks between them are one, for only the other language changed.
    """
    scripts = _settle([[line_script(line) for line in cue.lines] for cue in cues], cues)
    tracks: dict[str, tuple[list[Cue], dict[Script, None]]] = {}
    for cue, of_lines in zip(cues, scripts, strict=True):
        lines: dict[str, list[str]] = {}
        for line, script in zip(cue.lines, of_lines, strict=True):
            language = languages[script]
            lines.setdefault(language, []).append(line)
            tracks.setdefault(language, ([], {}))[1][script] = None
        for language, own in lines.items():
            _append(tracks[language][0], replace(cue, lines=tuple(own)), merge_gap_ticks)
    return tuple(Track(language, tuple(found), tuple(own)) for language, (own, found) in tracks.items())


def _settle(scripts: list[_Scripts], cues: Sequence[Cue]) -> list[list[Script]]:
    """Returns a script for every line: Chinese and Japanese told apart, guests and lines without letters placed."""
    scripts = _told_apart(scripts, cues)
    counts = Counter(script for of_lines in scripts for script in of_lines if script)
    guests = {script for script, count in counts.items() if count < _GUEST_SHARE * counts.total()}
    scripts = [[None if script in guests else script for script in of_lines] for of_lines in scripts]
    alone = [number for number, of_lines in enumerate(scripts) if not any(of_lines)]
    settled = [_filled(of_lines) for of_lines in scripts]
    for number in alone:
        settled[number] = _as_neighbour(number, settled, cues, set(alone))
    return settled


def _told_apart(scripts: list[_Scripts], cues: Sequence[Cue]) -> list[_Scripts]:
    if not holds_japanese(line for cue in cues for line in cue.lines):
        return _renamed(scripts, Script.KANA, Script.HAN)
    with_kana = [of_lines for of_lines in scripts if Script.KANA in of_lines]
    # Chinese under Japanese: most cues have a line of each. In Japanese alone, a line seldom has no kana.
    if 2 * sum(Script.HAN in of_lines for of_lines in with_kana) >= len(with_kana):
        return scripts
    return _renamed(scripts, Script.HAN, Script.KANA)


def _renamed(scripts: list[_Scripts], old: Script, new: Script) -> list[_Scripts]:
    return [[new if script == old else script for script in of_lines] for of_lines in scripts]


def _filled(of_lines: _Scripts) -> list[Script]:
    """Returns the scripts with open ones as that of the line above, else of the first below that has one."""
    last = next((script for script in of_lines if script), Script.OTHER)
    return [last := script or last for script in of_lines]


def _as_neighbour(number: int, settled: list[list[Script]], cues: Sequence[Cue], alone: set[int]) -> list[Script]:
    """Returns the scripts of a cue that tells none itself: line by line those of the nearest cue that does, of its own
    band if there is one."""
    cue = cues[number]

    def distance(other: int) -> tuple[bool, int, bool]:
        gap = max(cues[other].start_pts - cue.end_pts, cue.start_pts - cues[other].end_pts)
        return cues[other].band != cue.band, gap, other > number

    known = [other for other in range(len(cues)) if other not in alone]
    if not known:
        return settled[number]
    nearest = settled[min(known, key=distance)]
    return nearest if len(nearest) == len(cue.lines) else nearest[:1] * len(cue.lines)


def _append(track: list[Cue], cue: Cue, merge_gap_ticks: int) -> None:
    """Appends a cue, or lets it extend the last one of its band."""
    place = next((place for place in reversed(range(len(track))) if track[place].band == cue.band), None)
    last = None if place is None else track[place]
    if (
        place is None
        or last is None
        or cue.start_pts - last.end_pts > merge_gap_ticks
        or "".join(last.text.split()) != "".join(cue.text.split())
    ):
        track.append(cue)
        return
    frames = last.frames + cue.frames
    track[place] = replace(
        last,
        end_pts=max(last.end_pts, cue.end_pts),
        confidence=(last.frames * last.confidence + cue.frames * cue.confidence) / max(1, frames),
        box=bounding_box([last.box, cue.box]),
        frames=frames,
        crops=last.crops + cue.crops,
        needs_review=tuple(dict.fromkeys((*last.needs_review, *cue.needs_review))),
    )
