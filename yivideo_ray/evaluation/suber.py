"""SubER, the edit rate of subtitles (Wilken, Georgakopoulou, Matusov, IWSLT 2022), where its own package is installed.

It counts edits of words and of the breaks between lines and cues, and shifts, where times overlap, over the words and
breaks of the truth; case and punctuation are left out. Words are those of yivideo_ray.subtitles.matching, so that
Chinese and Japanese count by characters; in other languages they are what the package's own command makes of the files.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType

from yivideo_ray.subtitles.matching import TimedText, words

__all__ = ["HOW_TO_INSTALL", "suber"]

HOW_TO_INSTALL = "not measured (pip install subtitle-edit-rate)"

APART_S = 1.0
"""Between two videos, so that no cue of one is aligned with one of the next."""

Pairs = Sequence[tuple[Sequence[TimedText], Sequence[TimedText]]]


def suber(pairs: Pairs) -> float | None:
    """Returns the SubER of several videos' (truth, result) in percent, over all their words: 0 is the best. None where
    subtitle-edit-rate isn't installed, or the truth has nothing."""
    package = _package()
    if package is None or not any(truth for truth, _ in pairs):
        return None
    metric, types = package
    truths, results = [], []
    start_s = 0.0
    for truth, result in pairs:
        truths += [_subtitle(types, cue, start_s) for cue in _shown(truth)]
        results += [_subtitle(types, cue, start_s) for cue in _shown(result)]
        start_s += max((cue.end_s for cue in (*truth, *result)), default=0.0) + APART_S
    return float(metric.calculate_SubER(results, truths))


def _package() -> tuple[ModuleType, ModuleType] | None:
    try:
        return importlib.import_module("suber.metrics.suber"), importlib.import_module("suber.data_types")
    except ImportError:
        return None


def _shown(cues: Iterable[TimedText]) -> Iterator[TimedText]:
    """Yields those that have words and last, in order of time, as the metric takes for granted."""
    return (cue for cue in sorted(cues, key=lambda cue: cue.start_s) if cue.end_s > cue.start_s and words(cue.lines))


def _subtitle(types: ModuleType, cue: TimedText, start_s: float) -> object:
    breaks = types.LineBreak
    start, end = cue.start_s + start_s, cue.end_s + start_s
    of_lines = [found for line in cue.lines if (found := words([line]))]
    listed = [
        types.TimedWord(word, breaks.END_OF_LINE if last else breaks.NONE, start, end, (start + end) / 2)
        for line in of_lines
        for word, last in ((word, number == len(line)) for number, word in enumerate(line, 1))
    ]
    listed[-1].line_break = breaks.END_OF_BLOCK
    return types.Subtitle(word_list=listed, index=0, start_time=start, end_time=end)
