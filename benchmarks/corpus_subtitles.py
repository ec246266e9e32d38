"""Draws a case's subtitles into its frames, and says which frames show which cue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.corpus_footage import Planes
from benchmarks.corpus_plan import PlannedCue, plan_cues, scripted_cues
from benchmarks.corpus_sentences import is_cjk
from benchmarks.corpus_spec import CaseSpec
from benchmarks.corpus_text import Overlay, blend, draw_lines, wrap_lines
from yivideo_ray.geometry import bounding_box

__all__ = ["DrawnCue", "SubtitleTrack", "opacity"]


@dataclass(frozen=True, slots=True)
class DrawnCue:
    """Text shown in the frames first_frame <= index < end_frame; box in frame coordinates."""

    first_frame: int
    end_frame: int
    lines: tuple[str, ...]
    band: str
    box: tuple[int, int, int, int]


class SubtitleTrack:
    """The subtitles of a case, drawn frame by frame. planned are all its cues, drawn those that were drawn so far, both
    in order of their starts."""

    def __init__(self, spec: CaseSpec, times_s: Sequence[float]) -> None:
        self.drawn: list[DrawnCue] = []
        self._spec, self._times_s = spec, times_s
        self.planned = _plan(spec, times_s)
        self._waiting = list(self.planned)
        self._shown: list[tuple[PlannedCue, Overlay]] = []

    def draw(self, planes: Planes, index: int) -> None:
        """Draws what the frame of that index shows, in place. To be called for every frame, in order."""
        self._shown = [(cue, overlay) for cue, overlay in self._shown if index < cue.end_frame]
        while self._waiting and index >= self._waiting[0].first_frame:
            cue = self._waiting.pop(0)
            overlay = self._draw_text(cue)
            box = bounding_box(overlay.line_boxes)
            corners = (box.x0, box.y0, box.x1, box.y1)
            self.drawn.append(DrawnCue(cue.first_frame, cue.end_frame, cue.lines, "bottom", corners))
            self._shown.append((cue, overlay))
        for cue, overlay in self._shown:
            blend(planes, overlay, opacity(cue, index, self._times_s, self._spec.fade_s))

    def _draw_text(self, cue: PlannedCue) -> Overlay:
        spec = self._spec
        styles = tuple(spec.style if is_cjk(line) else spec.latin_style for line in cue.lines)
        # Descenders and the outline hang below the baseline, within the margin.
        return draw_lines(cue.lines, styles, (spec.width, spec.height), spec.height * (1 - spec.margin))


def _plan(spec: CaseSpec, times_s: Sequence[float]) -> tuple[PlannedCue, ...]:
    if spec.script:
        return scripted_cues(spec.script, times_s)

    def wrap(text: str, prefer_two: bool) -> tuple[str, ...]:
        return wrap_lines(text, spec.style, (spec.width, spec.height), prefer_two)

    return plan_cues(random.Random(f"{spec.seed} cues"), spec.language, times_s[:-1], wrap, spec.rhythm)


def opacity(cue: PlannedCue, index: int, times_s: Sequence[float], fade_s: float) -> float:
    """Returns how opaque a cue is in a frame, from 0 to 1: over 0 in every frame of the cue, and 0 in all others.

    A frame shows the moment in its middle, so that neither the first nor the last frame of a fade is invisible.
    """
    if not cue.first_frame <= index < cue.end_frame:
        return 0.0
    if not fade_s:
        return 1.0
    middle = (times_s[index] + times_s[index + 1]) / 2
    since, left = middle - times_s[cue.first_frame], times_s[cue.end_frame] - middle
    return min(1.0, since / fade_s, left / fade_s)
