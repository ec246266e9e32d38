"""Text that appears word by word: each word at its place in the whole line, as in karaoke and in live captions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.corpus_sentences import word_ends
from benchmarks.corpus_spec import TextStyle
from benchmarks.corpus_text import Overlay, measure

__all__ = ["grown"]


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
