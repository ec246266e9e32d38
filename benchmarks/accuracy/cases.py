"""One case of the accuracy benchmark: its truth, what was read, the score of that, and every miss."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.groups import group_scores, grouping
from benchmarks.corpus.making import Truth
from yivideo_ray.evaluation.misses import Miss, find_misses
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import Matching, Score, TimedText, match, score
from yivideo_ray.types import Stage

__all__ = ["CaseResult", "Found", "differences", "misses", "read_found", "score_case"]

BoxTuple = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What a run wrote: its cues, their boxes in frame coordinates (empty: not known), and how many line pictures the
    recognition model was given (None: not known)."""

    cues: tuple[TimedText, ...] = ()
    boxes: tuple[BoxTuple, ...] = ()
    recognised: int | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case with one seed: its score, over all and by group, and what was compared.

    wall_s is the wall time of its workflow (None: results were given); error says why it has no result.
    """

    truth: Truth
    seed: int
    score: Score
    groups: dict[str, Score]
    matching: Matching
    reference: tuple[TimedText, ...]
    found: Found
    wall_s: float | None = None
    error: str | None = None

    @property
    def result(self) -> tuple[TimedText, ...]:
        return self.found.cues

    @property
    def label(self) -> str:
        return f"{self.truth.case} s{self.seed}" if self.seed else self.truth.case

    @property
    def fade_frames(self) -> int:
        """Returns how many frames a cue of this case takes to come or go; 0 where cues don't fade."""
        frame_s = self.truth.duration_s / (len(self.truth.frame_pts) - 1)
        # Less a little, so that 0.2 s at 25 frames/s are 5 frames whatever the division leaves.
        return math.ceil(self.truth.fade_s / frame_s - 1e-6)


def score_case(
    truth: Truth, found: Found, *, seed: int = 0, wall_s: float | None = None, error: str | None = None
) -> CaseResult:
    """Returns how close what was found comes to the case's truth."""
    times = [float((pts - truth.frame_pts[0]) * truth.time_base) for pts in truth.frame_pts]
    at = dict(zip(truth.frame_pts, times, strict=True))
    reference = tuple(TimedText(at[cue.start_pts], at[cue.end_pts], cue.lines) for cue in truth.cues)
    frame_s = truth.duration_s / (len(times) - 1)
    figures = score(reference, found.cues, frame_s, frame_times_s=times)
    matching = match(reference, found.cues)
    groups = group_scores(reference, found.cues, matching, figures, grouping(truth))
    return CaseResult(truth, seed, figures, groups, matching, reference, found, wall_s, error)


def misses(case: CaseResult) -> list[Miss]:
    """Returns every cue that is missed, made up, not exact or more than a frame off, in order of time."""
    return find_misses(case.reference, case.result, case.score, case.matching)


def differences(case: CaseResult) -> list[str]:
    """Returns one line for every miss."""
    lines = []
    for miss in misses(case):
        matched = miss.reference is not None and miss.result is not None
        what = f"start {miss.start_frames:+}, end {miss.end_frames:+} frames" if matched else miss.kinds[0]
        true, read = _quoted(case.reference, miss.reference), _quoted(case.result, miss.result)
        lines.append(f"  {miss.at_s:8.3f} s  {what}: {true} -> {read}")
    return lines


def _quoted(cues: Sequence[TimedText], index: int | None) -> str:
    return "nothing" if index is None else repr(" / ".join(cues[index].lines))


def read_found(directory: Path, case: str) -> Found:
    """Returns what CASE.srt holds, with what CASE.json beside it adds where there is one. Errors: InputError."""
    cues = tuple(read_srt(directory / f"{case}.srt"))
    document = directory / f"{case}.json"
    if not document.is_file():
        return Found(cues)
    data: dict[str, Any] = json.loads(document.read_text(encoding="utf-8"))
    boxes = tuple(_box(cue["box"]) for cue in data["cues"])
    # A file that lacks some of the cues (those without text are left out) can't be told apart cue by cue.
    return Found(cues, boxes if len(boxes) == len(cues) else (), _recognised(data["stages"]))


def _box(corners: Sequence[int]) -> BoxTuple:
    x0, y0, x1, y1 = corners
    return x0, y0, x1, y1


def _recognised(stages: Sequence[dict[str, Any]]) -> int | None:
    for stage in stages:
        if stage["stage"] == Stage.PERFORM_OCR:
            count: int | None = stage["output"].get("recognised", stage["output"].get("lines"))
            return count
    return None
