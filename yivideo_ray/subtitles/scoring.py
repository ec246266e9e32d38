"""How close a subtitle file comes to the truth: cues found, characters, words, times.

The convention (also printed by `yivideo eval --help`):

- Matching is one to one. A reference cue and a result cue may match if they overlap in time, or lie less than half a
  second apart, and at least half of their characters agree (similarity >= 0.5). Of all such pairs the best is taken
  first: the highest sum of text similarity and overlap in time (shared time over joint time), then the next among the
  cues still free. Ties go to the earlier reference cue, then to the earlier result cue.
- Recall is matched over reference cues, precision matched over result cues. A cue split in two is one match and one
  false positive, counted as a split too. Two cues merged into one are one match and one miss, counted as a merge too.
- Characters: Unicode NFC, all white space and invisible format characters removed, nothing else folded: full and half
  width, case and punctuation count as shown. CER is the sum of Levenshtein distances over the sum of reference
  characters. `matched` sums over matched pairs; `all` adds every missed cue as deletions and every false positive as
  insertions, in both cases over all reference characters.
- Words: lines joined by a blank, split at white space, with every Chinese or Japanese character, and every full-width
  mark, a word of its own. WER as CER, over words.
- Exact: the lines of a matched pair are identical, spaces included (NFC; white space at the ends of lines ignored).
- Time errors are result minus reference, over matched pairs; median, p95 and max are of their absolute values
  (p95 by nearest rank). Errors in frames are differences of frame numbers where the frames' times are known, otherwise
  milliseconds over the frame's duration; "within one frame", or two, allows 1 ms for the rounding of both files.

All figures are kept as counts and lists, so scores of several videos add up with +.
"""

from __future__ import annotations

import bisect
import math
import statistics
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rapidfuzz.distance import Levenshtein

from yivideo_ray.subtitles.matching import Matching, TimedText, characters, match, words

__all__ = [
    "Errors",
    "Matching",
    "Score",
    "TextErrors",
    "TimedText",
    "characters",
    "format_score",
    "match",
    "nearest_frame",
    "same_lines",
    "score",
    "words",
]

ROUNDING_MS = 1.0
FLOAT_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class TextErrors:
    """Counts of characters or words: edits in matched pairs, reference units in them, then what cues without a
    counterpart add: missed reference units and inserted result units."""

    edits: int = 0
    matched: int = 0
    missed: int = 0
    inserted: int = 0

    @property
    def rate_matched(self) -> float:
        return _ratio(self.edits, self.matched, empty=0.0)

    @property
    def rate_all(self) -> float:
        return _ratio(self.edits + self.missed + self.inserted, self.matched + self.missed, empty=0.0)

    def __add__(self, other: TextErrors) -> TextErrors:
        return TextErrors(
            self.edits + other.edits,
            self.matched + other.matched,
            self.missed + other.missed,
            self.inserted + other.inserted,
        )


@dataclass(frozen=True, slots=True)
class Errors:
    """Time errors of matched cues, result minus reference, in ms and in frames, in order of the reference."""

    ms: tuple[float, ...] = ()
    frames: tuple[float, ...] = ()
    within_one_frame: int = 0
    within_two_frames: int = 0

    @property
    def share_within_one_frame(self) -> float:
        return _ratio(self.within_one_frame, len(self.ms), empty=1.0)

    @property
    def share_within_two_frames(self) -> float:
        return _ratio(self.within_two_frames, len(self.ms), empty=1.0)

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.ms + other.ms,
            self.frames + other.frames,
            self.within_one_frame + other.within_one_frame,
            self.within_two_frames + other.within_two_frames,
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Raw counts and the figures made of them. Rates over nothing are 1 for recall, precision, exact and timing
    (nothing was asked for, nothing was wrong) and 0 for CER and WER."""

    reference_cues: int = 0
    result_cues: int = 0
    matched: int = 0
    splits: int = 0
    merges: int = 0
    exact: int = 0
    characters: TextErrors = TextErrors()
    words: TextErrors = TextErrors()
    starts: Errors = Errors()
    ends: Errors = Errors()

    @property
    def recall(self) -> float:
        return _ratio(self.matched, self.reference_cues, empty=1.0)

    @property
    def precision(self) -> float:
        return _ratio(self.matched, self.result_cues, empty=1.0)

    @property
    def exact_share(self) -> float:
        return _ratio(self.exact, self.reference_cues, empty=1.0)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.reference_cues + other.reference_cues,
            self.result_cues + other.result_cues,
            self.matched + other.matched,
            self.splits + other.splits,
            self.merges + other.merges,
            self.exact + other.exact,
            self.characters + other.characters,
            self.words + other.words,
            self.starts + other.starts,
            self.ends + other.ends,
        )

    def without_times(self) -> Score:
        """Returns the same without time errors, for cues whose starts and ends nobody can tell to the frame."""
        return replace(self, starts=Errors(), ends=Errors())

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures and their raw counts, for JSON."""
        return {
            "reference_cues": self.reference_cues,
            "result_cues": self.result_cues,
            "matched": self.matched,
            "missed": self.reference_cues - self.matched,
            "false_positives": self.result_cues - self.matched,
            "splits": self.splits,
            "merges": self.merges,
            "exact": self.exact,
            "recall": self.recall,
            "precision": self.precision,
            "exact_share": self.exact_share,
            "cer": _text_dict(self.characters),
            "wer": _text_dict(self.words),
            "start": _time_dict(self.starts),
            "end": _time_dict(self.ends),
        }


def score(
    reference: Sequence[TimedText],
    result: Sequence[TimedText],
    frame_s: float,
    *,
    frame_times_s: Sequence[float] | None = None,
) -> Score:
    """Returns how close result comes to reference.

    frame_s is the duration of one frame. frame_times_s are the start times of all frames, in order, where they are
    known: needed for exact frame errors at a variable rate.
    """
    matching = match(reference, result)
    pairs = [(reference[i], result[j]) for i, j in matching.pairs]
    return Score(
        reference_cues=len(reference),
        result_cues=len(result),
        matched=len(pairs),
        splits=len(matching.splits),
        merges=len(matching.merges),
        exact=sum(same_lines(a.lines, b.lines) for a, b in pairs),
        characters=_text_errors(reference, result, matching, characters),
        words=_text_errors(reference, result, matching, words),
        starts=_time_errors([(a.start_s, b.start_s) for a, b in pairs], frame_s, frame_times_s),
        ends=_time_errors([(a.end_s, b.end_s) for a, b in pairs], frame_s, frame_times_s),
    )


def same_lines(reference: Sequence[str], result: Sequence[str]) -> bool:
    """Returns whether a cue with these lines counts as exact."""
    return _as_shown(reference) == _as_shown(result)


def nearest_frame(frame_times_s: Sequence[float], time_s: float) -> int:
    """Returns the number of the frame whose start is nearest; half a file's ms of rounding can't change it."""
    after = bisect.bisect_left(frame_times_s, time_s)
    if after == 0:
        return 0
    if after == len(frame_times_s):
        return after - 1
    return after if frame_times_s[after] - time_s < time_s - frame_times_s[after - 1] else after - 1


def format_score(total: Score) -> str:
    """Returns the figures as a few aligned lines for people, with the raw counts that they rest on."""
    missed, spurious = total.reference_cues - total.matched, total.result_cues - total.matched
    rows = [
        ("recall", f"{total.recall:.4f}", f"{total.matched} of {total.reference_cues} cues, {missed} missed"),
        ("precision", f"{total.precision:.4f}", f"{total.matched} of {total.result_cues} cues, {spurious} false"),
        (
            "exact cues",
            f"{total.exact_share:.4f}",
            f"{total.exact} of {total.reference_cues}, lines and spaces identical",
        ),
        ("CER", *_text_row(total.characters, "characters")),
        ("WER", *_text_row(total.words, "words")),
        ("start error", *_time_row(total.starts)),
        ("end error", *_time_row(total.ends)),
        ("split, merged", f"{total.splits}, {total.merges}", "cues"),
    ]
    return "\n".join(f"{name:<14}{figure:>8}  {detail}" for name, figure, detail in rows)


def _text_row(errors: TextErrors, unit: str) -> tuple[str, str]:
    detail = (
        f"{errors.edits} edits, {errors.missed} missed and {errors.inserted} extra in "
        f"{errors.matched + errors.missed} {unit}; matched cues only {errors.rate_matched:.4f}"
    )
    return f"{errors.rate_all:.4f}", detail


def _time_row(errors: Errors) -> tuple[str, str]:
    figures = _time_dict(errors)
    detail = "within one frame"
    if errors.ms:
        ms, frames = figures["ms"], figures["frames"]
        detail += (
            f"; median {ms['median']:.0f}, p95 {ms['p95']:.0f}, max {ms['max']:.0f} ms"
            f" ({frames['median']:.1f}, {frames['p95']:.1f}, {frames['max']:.1f} frames)"
        )
    return f"{errors.share_within_one_frame:.4f}", detail


def _text_dict(errors: TextErrors) -> dict[str, float]:
    return {
        "all": errors.rate_all,
        "matched_only": errors.rate_matched,
        "edits": errors.edits,
        "matched": errors.matched,
        "missed": errors.missed,
        "inserted": errors.inserted,
    }


def _time_dict(errors: Errors) -> dict[str, Any]:
    return {
        "count": len(errors.ms),
        "within_one_frame": errors.within_one_frame,
        "share_within_one_frame": errors.share_within_one_frame,
        "within_two_frames": errors.within_two_frames,
        "share_within_two_frames": errors.share_within_two_frames,
        "ms": _spread(errors.ms),
        "frames": _spread(errors.frames),
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    sizes = sorted(abs(value) for value in values)
    return {
        "median": statistics.median(sizes),
        "p95": sizes[math.ceil(0.95 * len(sizes)) - 1],
        "max": sizes[-1],
        "median_signed": statistics.median(values),
    }


def _text_errors(
    reference: Sequence[TimedText],
    result: Sequence[TimedText],
    matching: Matching,
    units: Callable[[Sequence[str]], str | list[str]],
) -> TextErrors:
    pairs = [(units(reference[i].lines), units(result[j].lines)) for i, j in matching.pairs]
    return TextErrors(
        edits=sum(Levenshtein.distance(a, b) for a, b in pairs),
        matched=sum(len(a) for a, _ in pairs),
        missed=sum(len(units(reference[i].lines)) for i in matching.missed),
        inserted=sum(len(units(result[j].lines)) for j in matching.false_positives),
    )


def _time_errors(times: Sequence[tuple[float, float]], frame_s: float, frame_times_s: Sequence[float] | None) -> Errors:
    ms = tuple(1000 * (found - true) for true, found in times)
    if frame_times_s is None:
        frames = tuple(error / (1000 * frame_s) for error in ms)
        return Errors(ms, frames, *(_within(ms, count * 1000 * frame_s + ROUNDING_MS) for count in (1, 2)))
    frames = tuple(
        float(nearest_frame(frame_times_s, found) - nearest_frame(frame_times_s, true)) for true, found in times
    )
    return Errors(ms, frames, *(_within(frames, count) for count in (1, 2)))


def _within(errors: Sequence[float], limit: float) -> int:
    return sum(abs(error) <= limit + FLOAT_SLACK for error in errors)


def _as_shown(lines: Sequence[str]) -> list[str]:
    return [unicodedata.normalize("NFC", line).strip() for line in lines]


def _ratio(count: float, total: float, *, empty: float) -> float:
    return count / total if total else empty
