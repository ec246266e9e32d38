"""Splits bilingual subtitles into a track for each script. Pure: cues in, cues out.

A script is what letters can tell; which language stands for it is for the settings to say. Chinese and Japanese share
characters: a line with kana is Japanese, and what a line without kana is depends on the video.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yivideo_ray.geometry import bounding_box
from yivideo_ray.types import Cue

__all__ = ["SCRIPTS", "Track", "line_script", "split_by_script"]

HAN, KANA, HANGUL, LATIN, OTHER = "han", "kana", "hangul", "latin", "other"
SCRIPTS = (HAN, KANA, HANGUL, LATIN, "cyrillic", "greek", "arabic", "hebrew", "thai", "devanagari", OTHER)
"""The scripts told apart: Chinese characters, Japanese kana, and so on; OTHER is any further one."""

# The first word of a character's Unicode name tells its script.
_BY_NAME = {
    **{name.upper(): name for name in SCRIPTS if name not in (HAN, KANA, OTHER)},
    **dict.fromkeys(("CJK", "IDEOGRAPHIC", "BOPOMOFO", "KANGXI"), HAN),
    **dict.fromkeys(("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), KANA),
}
_NO_SCRIPT = ("MODIFIER",)
# In these a character carries about what a word does elsewhere.
_COUNTED_BY_CHARACTER = (HAN, KANA, HANGUL)
_LETTERS = re.compile(r"[^\W\d_]+")
# What a dash or a bar may be read as: they tell no script where there are other letters.
_LIKE_A_MARK = str.maketrans(dict.fromkeys("一丨ー", " "))
# A line is in its other script as long as Latin words outnumber it by no more than this: "iPhone 15 Pro Max 来了".
_LATIN_GUESTS = 2
# Japanese is written with half of its letters in kana. A Chinese text holds a stray one, read or meant.
_JAPANESE_KANA_SHARE = 0.1
# A script with a smaller share of the lines is a guest in another's track, as "OK!" is in Chinese subtitles.
_GUEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Track:
    """The lines in one language, as cues in the order of their start. scripts are those they are written in."""

    language: str
    scripts: tuple[str, ...]
    cues: tuple[Cue, ...]


_Scripts = list[str | None]
"""The script of each line of a cue, None where that is open."""


def split_by_script(cues: Sequence[Cue], languages: Mapping[str, str], merge_gap_ticks: int = 0) -> tuple[Track, ...]:
    """Returns a track for each language in which there are lines, in the order of their first lines.

    cues are in the order of their start. languages gives a language for each of SCRIPTS; scripts with the same one
    share a track. Every line is in exactly one track. Cues of a track that have the same text and at most
    merge_gap_ticks between them are one, for only the other language changed.
    """
    scripts = _settle([[line_script(line) for line in cue.lines] for cue in cues], cues)
    tracks: dict[str, tuple[list[Cue], dict[str, None]]] = {}
    for cue, of_lines in zip(cues, scripts, strict=True):
        lines: dict[str, list[str]] = {}
        for line, script in zip(cue.lines, of_lines, strict=True):
            language = languages[script]
            lines.setdefault(language, []).append(line)
            tracks.setdefault(language, ([], {}))[1][script] = None
        for language, own in lines.items():
            _append(tracks[language][0], replace(cue, lines=tuple(own)), merge_gap_ticks)
    return tuple(Track(language, tuple(found), tuple(own)) for language, (own, found) in tracks.items())


def line_script(line: str) -> str | None:
    """Returns the script of a line, None if it has no letters.

    A line is in the script that has most of it, a word of letters weighing as much as a Chinese character. Latin words
    are guests in every other script: "我爱NBA" is Chinese, and so is any line with kana Japanese.
    """
    weights = Counter(_weighed(_telling(line)))
    foreign = {script: weight for script, weight in weights.items() if script != LATIN}
    if not foreign or _LATIN_GUESTS * sum(foreign.values()) < weights[LATIN]:
        return LATIN if weights[LATIN] else None
    most = max(foreign, key=lambda script: foreign[script])
    return KANA if most == HAN and KANA in foreign else most


def _telling(line: str) -> str:
    """Returns the line with full- and half-width forms made plain, and without what may be a mark."""
    line = unicodedata.normalize("NFKC", line)
    bare = line.translate(_LIKE_A_MARK)
    return bare if _LETTERS.search(bare) else line


def _weighed(line: str) -> Iterator[str]:
    """Yields the script of every word, and of every character of those that are counted by character."""
    for word in _LETTERS.findall(line):
        letters = Counter(script for char in word if (script := _script_of(char)))
        for script in _COUNTED_BY_CHARACTER:
            yield from [script] * letters.pop(script, 0)
        if letters:
            yield max(letters, key=lambda script: letters[script])


def _script_of(letter: str) -> str | None:
    first = unicodedata.name(letter, "").partition(" ")[0]
    return None if first in _NO_SCRIPT else _BY_NAME.get(first, OTHER)


def _settle(scripts: list[_Scripts], cues: Sequence[Cue]) -> list[list[str]]:
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
    text = "".join(_telling(line) for cue in cues for line in cue.lines)
    letters = Counter(_script_of(char) for char in text if _LETTERS.match(char))
    if letters[KANA] < _JAPANESE_KANA_SHARE * (letters[KANA] + letters[HAN]):
        return _renamed(scripts, KANA, HAN)
    with_kana = [of_lines for of_lines in scripts if KANA in of_lines]
    # Chinese under Japanese: most cues have a line of each. In Japanese alone, a line seldom has no kana.
    if 2 * sum(HAN in of_lines for of_lines in with_kana) >= len(with_kana):
        return scripts
    return _renamed(scripts, HAN, KANA)


def _renamed(scripts: list[_Scripts], old: str, new: str) -> list[_Scripts]:
    return [[new if script == old else script for script in of_lines] for of_lines in scripts]


def _filled(of_lines: _Scripts) -> list[str]:
    """Returns the scripts with open ones as that of the line above, else of the first below that has one."""
    last = next((script for script in of_lines if script), OTHER)
    return [last := script or last for script in of_lines]


def _as_neighbour(number: int, settled: list[list[str]], cues: Sequence[Cue], alone: set[int]) -> list[str]:
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
