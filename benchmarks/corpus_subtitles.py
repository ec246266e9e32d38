"""Draws a case's subtitles into its frames, and says which frames show which cue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.corpus_footage import Planes
from benchmarks.corpus_growth import grown
from benchmarks.corpus_plan import PlannedCue, grow, plan_cues, scripted_cues, with_top_cues
from benchmarks.corpus_sentences import is_cjk
from benchmarks.corpus_spec import CaseSpec
from benchmarks.corpus_text import LINE_HEIGHT, Overlay, blend, draw_lines, wrap_lines
from yivideo_ray.geometry import bounding_box

__all__ = ["DrawnCue", "SubtitleTrack", "opacity"]


@dataclass(frozen=True, slots=True)
class DrawnCue:
    """Text shown in the frames first_frame <= index < end_frame; box in frame coordinates, around the whole text."""

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
        self._shown: list[tuple[PlannedCue, tuple[Overlay, ...]]] = []

    def draw(self, planes: Planes, index: int) -> None:
        """Draws what the frame of that index shows, in place. To be called for every frame, in order."""
        self._shown = [(cue, overlays) for cue, overlays in self._shown if index < cue.end_frame]
        while self._waiting and index >= self._waiting[0].first_frame:
            cue = self._waiting.pop(0)
            overlays = self._draw_text(cue)
            box = bounding_box(overlays[-1].line_boxes)
            corners = (box.x0, box.y0, box.x1, box.y1)
            self.drawn.append(DrawnCue(cue.first_frame, cue.end_frame, cue.lines, cue.band, corners))
            self._shown.append((cue, overlays))
        for cue, overlays in self._shown:
            # Of a cue that doesn't grow, this is the last and only overlay.
            words = sum(frame <= index for frame in cue.words_from)
            blend(planes, overlays[words - 1], opacity(cue, index, self._times_s, self._spec.fade_s))

    def _draw_text(self, cue: PlannedCue) -> tuple[Overlay, ...]:
        """Returns the whole text, or, of a text that grows, what is shown from each of its words on."""
        spec = self._spec
        size = (spec.width, spec.height)
        styles = tuple(spec.style if is_cjk(line) else spec.latin_style for line in cue.lines)
        if cue.band == "top":
            # An ascender is at most an em high; the first line's is at the margin.
            ems = [style.size for style in styles]
            baseline = spec.margin + 0.8 * ems[0] + LINE_HEIGHT * sum(ems[1:])
        else:
            # Descenders and the outline hang below the baseline, within the margin.
            baseline = 1 - spec.margin
        whole = draw_lines(cue.lines, styles, size, spec.height * baseline)
        return grown(whole, cue.lines, styles, size) if cue.words_from else (whole,)


def _plan(spec: CaseSpec, times_s: Sequence[float]) -> tuple[PlannedCue, ...]:
    if spec.script:
        return scripted_cues(spec.script, times_s)

    def wrap(text: str, prefer_two: bool) -> tuple[str, ...]:
        return wrap_lines(text, spec.style, (spec.width, spec.height), prefer_two)

    cues = plan_cues(random.Random(f"{spec.seed} cues"), spec.language, times_s[:-1], wrap, spec.rhythm)
    if spec.top_share:
        rng = random.Random(f"{spec.seed} top")
        cues = with_top_cues(rng, cues, spec.top_share, language=spec.language, times_s=times_s[:-1], wrap=wrap)
    if spec.growing_share:
        cues = grow(random.Random(f"{spec.seed} growth"), cues, spec.growing_share, times_s)
    return cues


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
