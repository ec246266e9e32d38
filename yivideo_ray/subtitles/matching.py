"""Which cues of two subtitle files belong together, and what counts as a character and as a word in comparisons.

The convention is written down in yivideo_ray.subtitles.scoring, which makes figures of it.
"""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from yivideo_ray.text.scripts import is_unspaced

__all__ = ["Matching", "TimedText", "characters", "match", "words"]

MIN_SIMILARITY = 0.5
MAX_DISTANCE_S = 0.5


@dataclass(frozen=True, slots=True)
class TimedText:
    """One cue of a subtitle file: shown for start_s <= t < end_s, in seconds; lines from top to bottom."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """Which cues belong together, as indices: pairs (reference, result) in order of the reference; missed are
    reference cues, false_positives result cues. splits are the false positives, merges the missed cues, that share
    time and text (similar, or one contained in the other) with a cue which is matched already."""

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    false_positives: tuple[int, ...]
    splits: tuple[int, ...]
    merges: tuple[int, ...]


def characters(lines: Sequence[str]) -> str:
    """Returns the text as CER counts it: NFC, without white space and invisible format characters."""
    text = unicodedata.normalize("NFC", "".join(lines))
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def words(lines: Sequence[str]) -> list[str]:
    """Returns the words as WER counts them: split at white space; East Asian wide characters each on their own."""
    found: list[str] = []
    for chunk in unicodedata.normalize("NFC", " ".join(lines)).split():
        word = ""
        for c in chunk:
            if unicodedata.category(c) == "Cf":
                continue
            if not is_unspaced(c):
                word += c
                continue
            if word:
                found.append(word)
            word = ""
            found.append(c)
        if word:
            found.append(word)
    return found


def match(reference: Sequence[TimedText], result: Sequence[TimedText]) -> Matching:
    """Returns which cues belong together, by the convention of this module. Neither list needs to be in order."""
    reference_texts = [characters(cue.lines) for cue in reference]
    result_texts = [characters(cue.lines) for cue in result]
    candidates: list[tuple[float, int, int]] = []
    in_time_order = sorted(range(len(result)), key=lambda j: result[j].start_s)
    starts = [result[j].start_s for j in in_time_order]
    for i, cue in enumerate(reference):
        # A result cue that starts after this one's end, with the distance allowed, can't be its match.
        for j in in_time_order[: bisect.bisect_right(starts, cue.end_s + MAX_DISTANCE_S)]:
            if result[j].end_s < cue.start_s - MAX_DISTANCE_S:
                continue
            similarity = Levenshtein.normalized_similarity(reference_texts[i], result_texts[j])
            if similarity >= MIN_SIMILARITY:
                candidates.append((similarity + _overlap(cue, result[j]), i, j))
    candidates.sort(key=lambda candidate: (-candidate[0], candidate[1], candidate[2]))
    result_of: dict[int, int] = {}
    reference_of: dict[int, int] = {}
    for _, i, j in candidates:
        if i not in result_of and j not in reference_of:
            result_of[i], reference_of[j] = j, i
    missed = tuple(i for i in range(len(reference)) if i not in result_of)
    false_positives = tuple(j for j in range(len(result)) if j not in reference_of)

    def belong(i: int, j: int) -> bool:
        if _overlap(reference[i], result[j]) <= 0:
            return False
        a, b = reference_texts[i], result_texts[j]
        return Levenshtein.normalized_similarity(a, b) >= MIN_SIMILARITY or (bool(a and b) and (a in b or b in a))

    return Matching(
        pairs=tuple(sorted(result_of.items())),
        missed=missed,
        false_positives=false_positives,
        splits=tuple(j for j in false_positives if any(belong(i, j) for i in result_of)),
        merges=tuple(i for i in missed if any(belong(i, j) for j in reference_of)),
    )


def _overlap(a: TimedText, b: TimedText) -> float:
    """Returns shared time over joint time, 0 to 1."""
    shared = min(a.end_s, b.end_s) - max(a.start_s, b.start_s)
    joint = max(a.end_s, b.end_s) - min(a.start_s, b.start_s)
    return max(0.0, shared) / joint if joint > 0 else 0.0
