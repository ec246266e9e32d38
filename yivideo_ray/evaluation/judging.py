"""How close one tool's subtitles come to the truth of a corpus: every clip, and sums over clips of a kind and over all.

A clip is in one of three groups, and only the first is in the main figures:

- clips with true subtitles, in scripts that are asked for (all, if none is);
- clips in other scripts, of which it is told what came out;
- clips without subtitles: every cue that comes out is a phantom.

Clips are scored by the convention of yivideo_ray.subtitles.scoring, with the average frame rate of each video. A clip
whose result is missing or can't be read counts as empty. Sums are of raw counts, never means of means.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import ConfigError, InputError, WarningCode, YivideoError
from yivideo_ray.evaluation.corpus import Clip, Corpus
from yivideo_ray.evaluation.misses import Miss, find_misses
from yivideo_ray.evaluation.suber import suber
from yivideo_ray.media import probe
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import Matching, Score, TimedText, match, score

__all__ = ["UNREADABLE_SCRIPT", "ClipScore", "Evaluation", "Group", "evaluate", "suber_of", "total"]

UNREADABLE_SCRIPT = WarningCode.UNREADABLE_SCRIPT.value
"""The code of the warning that a video's subtitles are in a script which the models don't know."""

FRAME_RATE = 25.0
"""Counts where a video's own isn't known."""


class Group(StrEnum):
    """Which figures a clip is in."""

    MAIN = "main"
    OTHER_SCRIPT = "other_script"
    WITHOUT = "without"


@dataclass(frozen=True, slots=True)
class ClipScore:
    """One clip and what was read of it. soft: its times don't count, and counted is without them. problem: why it has
    no result (None: it has one). warnings: the codes in the JSON result beside the SRT file; None where there is no
    such file."""

    clip: Clip
    group: Group
    result: tuple[TimedText, ...]
    score: Score
    matching: Matching
    soft: bool
    problem: str | None
    warnings: tuple[str, ...] | None

    @property
    def counted(self) -> Score:
        return self.score.without_times() if self.soft else self.score

    @property
    def empty(self) -> bool:
        """Whether nothing came out though there was something to read."""
        return bool(self.clip.truth) and not self.result

    @property
    def misses(self) -> list[Miss]:
        """Every cue that is missed, made up or not the same text, in order of time."""
        return find_misses(self.clip.truth, self.result, self.score, self.matching, frames=None)

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures, for JSON."""
        return {
            "clip": self.clip.name,
            "group": self.group.value,
            "source": self.clip.source,
            "kind": self.clip.kind,
            "scripts": sorted(self.clip.scripts),
            "soft": self.soft,
            "empty": self.empty,
            "problem": self.problem,
            "warnings": None if self.warnings is None else list(self.warnings),
            "suber": suber_of([self]),
            **self.counted.as_dict(),
            "differences": [_told(miss, self) for miss in self.misses],
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one tool made of a corpus; name is that of the directory with its results."""

    corpus: Corpus
    name: str
    clips: tuple[ClipScore, ...]
    notes: tuple[str, ...] = field(default=())

    def of(self, group: Group) -> list[ClipScore]:
        return [clip for clip in self.clips if clip.group is group]

    @property
    def main(self) -> Score:
        """The score over the clips of the main figures."""
        return total(self.of(Group.MAIN))

    @property
    def phantoms(self) -> int:
        """How many cues came out of clips without subtitles."""
        return sum(len(clip.result) for clip in self.of(Group.WITHOUT))

    @property
    def precision_with_phantoms(self) -> float:
        found = self.main.result_cues + self.phantoms
        return self.main.matched / found if found else 1.0

    @property
    def empty(self) -> list[ClipScore]:
        return [clip for clip in self.of(Group.MAIN) if clip.empty]

    @property
    def problems(self) -> list[str]:
        """Returns what could not be taken, a sentence for each."""
        return [*self.corpus.problems, *(clip.problem for clip in self.clips if clip.problem)]

    def by(self, key: Callable[[Clip], str]) -> dict[str, list[ClipScore]]:
        """Returns the clips of the main figures by what the index says of them, in order; empty where it says nothing
        of any."""
        found: dict[str, list[ClipScore]] = {}
        for clip in self.of(Group.MAIN):
            found.setdefault(key(clip.clip), []).append(clip)
        return dict(sorted(found.items())) if set(found) - {""} else {}

    def by_kind(self) -> dict[str, list[ClipScore]]:
        return self.by(lambda clip: clip.kind)

    def by_script(self) -> dict[str, list[ClipScore]]:
        return self.by(lambda clip: "+".join(sorted(clip.scripts)))

    def as_dict(self) -> dict[str, Any]:
        """Returns every figure and every difference, for JSON."""
        return {
            "convention": "yivideo_ray.subtitles.scoring",
            "results": self.name,
            "all": _figures(self.of(Group.MAIN)),
            "phantoms": {
                "cues": self.phantoms,
                "clips": {clip.clip.name: len(clip.result) for clip in self.of(Group.WITHOUT)},
                "precision_with_phantoms": self.precision_with_phantoms,
            },
            "empty": [clip.clip.name for clip in self.empty],
            "kinds": {name: _figures(clips) for name, clips in self.by_kind().items()},
            "scripts": {name: _figures(clips) for name, clips in self.by_script().items()},
            "sources": {name: _figures(clips) for name, clips in self.by(lambda clip: clip.source).items()},
            "clips": [clip.as_dict() for clip in self.clips],
            "problems": self.problems,
            "notes": [*self.corpus.notes, *self.notes],
        }


def evaluate(corpus: Corpus, results: Path, *, soft: Iterable[str] = (), scripts: Iterable[str] = ()) -> Evaluation:
    """Returns how close the NAME.srt files in results come to the corpus.

    soft: names of clips whose times don't count. scripts: those of the clips in the main figures, all others are told
    apart; a clip without a known script is in (empty: every clip is).
    Errors: InputError for a directory that isn't there or has no result of any clip; ConfigError for a name that is no
    clip's, for scripts where the index has none, and for results that are the truth itself.
    """
    if not results.is_dir():
        raise InputError(f"{results} is no directory.", code="INPUT_NOT_FOUND", remedy="Pass the results' directory.")
    if not any((results / f"{clip.name}.srt").exists() for clip in corpus.clips):
        raise InputError(
            f"{results} has no result of any clip in {corpus.directory}.",
            code="INPUT_NOT_FOUND",
            remedy=f"Results are called as the videos are, for example {corpus.clips[0].name}.srt.",
        )
    soft_names = {_clip_named(name, corpus) for name in soft}
    wanted = frozenset(script.lower() for script in scripts)
    if wanted and not any(clip.scripts for clip in corpus.clips):
        raise ConfigError(f"{corpus.directory} has no index that says a script.", remedy="Leave out --scripts.")
    notes: list[str] = []
    clips = tuple(
        _clip_score(clip, results, notes, soft=clip.name in soft_names, group=_group(clip, wanted))
        for clip in corpus.clips
    )
    return Evaluation(corpus, str(results), clips, tuple(notes))


def total(clips: Iterable[ClipScore]) -> Score:
    """Returns the sum of the clips' scores."""
    return reduce(add, (clip.counted for clip in clips), Score())


def suber_of(clips: Iterable[ClipScore]) -> float | None:
    """Returns the clips' SubER in percent, None where it can't be measured."""
    return suber([(clip.clip.truth, clip.result) for clip in clips])


def _figures(clips: Sequence[ClipScore]) -> dict[str, Any]:
    return {"clips": len(clips), "suber": suber_of(clips), **total(clips).as_dict()}


def _group(clip: Clip, wanted: frozenset[str]) -> Group:
    if not clip.truth:
        return Group.WITHOUT
    return Group.OTHER_SCRIPT if wanted and not clip.scripts <= wanted else Group.MAIN


def _clip_named(name: str, corpus: Corpus) -> str:
    """Returns the clip's name, given with or without the video's suffix. Errors: ConfigError."""
    known = {form: clip.name for clip in corpus.clips for form in (clip.name, clip.video.name)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    raise ConfigError(
        f"{name!r} is no clip of {corpus.directory}{f'; did you mean {near[0]}?' if near else '.'}",
        remedy="Name clips as their files are named.",
    )


def _clip_score(clip: Clip, results: Path, notes: list[str], *, soft: bool, group: Group) -> ClipScore:
    path = results / f"{clip.name}.srt"
    if clip.truth_path is not None and path.exists() and path.samefile(clip.truth_path):
        raise ConfigError(
            f"{path} is the truth itself.", remedy="Name another directory, or call the truth NAME.truth.srt."
        )
    problem = None
    found: tuple[TimedText, ...] = ()
    try:
        found = tuple(read_srt(path))
    except YivideoError as error:
        problem = f"{clip.name} counts as empty: {error.message}"
    return ClipScore(
        clip=clip,
        group=group,
        result=found,
        score=score(clip.truth, found, _frame_s(clip, notes)),
        matching=match(clip.truth, found),
        soft=soft,
        problem=problem,
        warnings=_warnings(path.with_suffix(".json"), notes),
    )


def _frame_s(clip: Clip, notes: list[str]) -> float:
    """Returns how long a frame of the video lasts, in seconds, in the mean."""
    try:
        rate = probe(clip.video, DecoderSettings()).frame_rate
    except YivideoError as error:
        notes.append(f"{clip.name} is taken for {FRAME_RATE:g} frames a second: {error.message}")
        rate = None
    return float(1 / rate) if rate else 1 / FRAME_RATE


def _warnings(path: Path, notes: list[str]) -> tuple[str, ...] | None:
    """Returns the codes of the warnings in a JSON result, in order; those that have none are left out."""
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        notes.append(f"{path.name} can't be read, so its warnings aren't known: {error}.")
        return None
    # Another tool may write JSON as well.
    warnings = document.get("warnings") if isinstance(document, Mapping) else None
    told = warnings if isinstance(warnings, list) else []
    return tuple(str(warning["code"]) for warning in told if isinstance(warning, Mapping) and "code" in warning)


def _told(miss: Miss, clip: ClipScore) -> dict[str, Any]:
    true = None if miss.reference is None else list(clip.clip.truth[miss.reference].lines)
    found = None if miss.result is None else list(clip.result[miss.result].lines)
    return {"at_s": miss.at_s, "kinds": [kind.value for kind in miss.kinds], "truth": true, "result": found}
