"""Draws a case's subtitles into its frames, and says which frames show which cue."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.corpus.footage import Planes
from benchmarks.corpus.libass import draw_with_libass
from benchmarks.corpus.plan import PlannedCue, grow, plan_cues, scripted_cues, with_top_cues
from benchmarks.corpus.sentences import is_cjk, word_ends
from benchmarks.corpus.spec import CaseSpec, TextStyle
from benchmarks.corpus.text import LINE_HEIGHT, Overlay, blend, draw_lines, measure, wrap_lines
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
        if spec.renderer == "libass":
            if cue.words_from:
                raise ValueError(f"{spec.name}: text that grows is drawn by Pillow only")
            return (draw_with_libass(cue.lines, styles, size, spec.margin, top=cue.band == "top"),)
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

    texts = spec.texts or spec.language
    cues = plan_cues(random.Random(f"{spec.seed} cues"), texts, times_s[:-1], wrap, spec.rhythm)
    if spec.top_share:
        rng = random.Random(f"{spec.seed} top")
        cues = with_top_cues(rng, cues, spec.top_share, texts=texts, times_s=times_s[:-1], wrap=wrap)
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


def grown(
    whole: Overlay, lines: tuple[str, ...], styles: tuple[TextStyle, ...], size: tuple[int, int]
) -> tuple[Overlay, ...]:
    """Returns what is shown from each word on: the first word, the first two, ... the whole text, which is centred in
    a frame of that size. For styles without a box, whose text is all there is to see."""
    width, height = size
    box = whole.box
    # Lines don't touch: halfway between two is room for even rows and for descenders.
    bottoms = [(a.y1 + b.y0) // 4 * 2 - box.y0 for a, b in zip(whole.line_boxes, whole.line_boxes[1:], strict=False)]
    bottoms.append(box.y1 - box.y0)
    steps = []
    for number, end in word_ends(lines):
        line, style = lines[number], styles[number]
        gap = measure(" ", style, height)
        right = (width - measure(line, style, height)) / 2 + measure(line[:end], style, height) + gap / 2
        shown = np.zeros(whole.luma_alpha.shape, np.float32)
        shown[: bottoms[number - 1] if number else 0] = 1
        shown[: bottoms[number], : box.x1 - box.x0 if end == len(line) else round(right) // 2 * 2 - box.x0] = 1
        half = shown[::2, ::2]
        u, v = whole.chroma
        steps.append(
            replace(
                whole,
                luma_alpha=whole.luma_alpha * shown,
                luma=whole.luma * shown,
                chroma_alpha=whole.chroma_alpha * half,
                chroma=(u * half, v * half),
            )
        )
    return tuple(steps)
