"""What the accuracy benchmark must reach: each figure over all cases, its limit, and the counts it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

from benchmarks.accuracy.cases import CaseResult
from benchmarks.accuracy.groups import CHINESE, ENGLISH_IN_CJK_FONT, GROUPS, JAPANESE, LATIN
from yivideo_ray.subtitles.scoring import Errors, Score, TextErrors

__all__ = ["THRESHOLDS", "Check", "Threshold", "Total", "checks", "format_checks", "verdict"]


class Total:
    """The cases that were measured, and their raw counts summed: over all, and by group."""

    def __init__(self, cases: Iterable[CaseResult]) -> None:
        self.cases = tuple(cases)
        self.score = reduce(lambda a, b: a + b, (case.score for case in self.cases), Score())

    @cached_property
    def groups(self) -> dict[str, Score]:
        return {name: score for name in GROUPS if (score := self.group([name])) != Score()}

    def group(self, names: Iterable[str]) -> Score:
        """Returns the sum over the groups of these names."""
        parts = [case.groups[name] for name in names for case in self.cases if name in case.groups]
        return reduce(lambda a, b: a + b, parts, Score())


Measured = tuple[float, str] | None
"""A figure and the counts that it rests on; None if there was nothing to measure."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure that must be at most (or, where at_least, no less than) a limit; digits after the point are shown."""

    name: str
    measure: Callable[[Total], Measured]
    limit: float
    at_least: bool = False
    digits: int = 4


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold held against the figures. value is None if there was nothing to measure."""

    threshold: Threshold
    value: float | None
    detail: str = ""

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Check:
        """Returns what as_dict told, with the limit and the direction of then. Errors: KeyError for no threshold of
        that name."""
        threshold = next((one for one in THRESHOLDS if one.name == told["name"]), None)
        if threshold is None:
            raise KeyError(told["name"])
        known = replace(threshold, limit=told["limit"], at_least=told["at_least"])
        return cls(known, told["value"], told["detail"])

    @property
    def reached(self) -> bool | None:
        if self.value is None:
            return None
        limit = self.threshold.limit
        return self.value >= limit if self.threshold.at_least else self.value <= limit

    @property
    def figure(self) -> str:
        return "-" if self.value is None else f"{self.value:.{self.threshold.digits}f}"

    @property
    def limit(self) -> str:
        return f"{'>=' if self.threshold.at_least else '<='} {self.threshold.limit:g}"

    @property
    def word(self) -> str:
        return {True: "reached", False: "MISSED", None: "not measured"}[self.reached]

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.threshold.name,
            "value": self.value,
            "limit": self.threshold.limit,
            "at_least": self.threshold.at_least,
            "reached": self.reached,
            "detail": self.detail,
        }


def _share(counts: Callable[[Score], tuple[int, int, str]]) -> Callable[[Total], Measured]:
    def measure(total: Total) -> Measured:
        count, of, unit = counts(total.score)
        return (count / of, f"{count} of {of} {unit}") if of else None

    return measure


def _rate(groups: Sequence[str], of: Callable[[Score], TextErrors], unit: str) -> Callable[[Total], Measured]:
    def measure(total: Total) -> Measured:
        errors = of(total.group(groups))
        length = errors.matched + errors.missed
        if not length:
            return None
        counts = f"{errors.edits} wrong, {errors.missed} missed, {errors.inserted} extra in {length} {unit}"
        return errors.rate_all, counts

    return measure


def _libass_words(total: Total) -> Measured:
    drawn = Total(case for case in total.cases if case.truth.renderer == "libass")
    return _rate(tuple(LATIN), lambda s: s.words, "words")(drawn)


def _furthest(side: Callable[[Score], Errors], fading: bool) -> Callable[[Total], Measured]:
    """Measures the largest error in frames; where cues fade, only what of it lies outside the fade."""

    def measure(total: Total) -> Measured:
        sizes = [
            (max(0.0, abs(error) - case.fade_frames), case)
            for case in total.cases
            if (case.fade_frames > 0) == fading
            for error in side(case.score).frames
        ]
        if not sizes:
            return None
        size, case = max(sizes, key=lambda entry: entry[0])
        return size, f"frames, in {case.label}" if size else "frames"

    return measure


def _phantoms(total: Total) -> Measured:
    empty = [case for case in total.cases if not case.reference]
    seconds = sum(case.truth.duration_s for case in empty)
    return (sum(len(case.result) for case in empty), f"cues in {seconds:.0f} s") if empty else None


def _recognised(total: Total) -> Measured:
    known = [case for case in total.cases if case.reference and case.found.recognised is not None]
    pictures = sum(case.found.recognised or 0 for case in known)
    cues = sum(len(case.reference) for case in known)
    return (pictures / cues, f"{pictures} line pictures for {cues} cues") if known else None


def _failed(total: Total) -> Measured:
    failed = [case.label for case in total.cases if case.error is not None]
    return len(failed), ", ".join(failed)


CJK_LIMIT, WER_LIMIT, CER_LIMIT = 0.04, 0.02, 0.003

THRESHOLDS = (
    Threshold("cases without a result", _failed, 0, digits=0),
    Threshold("recall", _share(lambda s: (s.matched, s.reference_cues, "cues")), 0.995, at_least=True),
    Threshold("precision", _share(lambda s: (s.matched, s.result_cues, "cues")), 0.995, at_least=True),
    Threshold("phantoms where there are no subtitles", _phantoms, 0, digits=0),
    Threshold("exact cues", _share(lambda s: (s.exact, s.reference_cues, "cues")), 0.95, at_least=True),
    Threshold("duplicated or split cues", _share(lambda s: (s.splits, s.reference_cues, "cues")), 0.005),
    Threshold("CER of Chinese", _rate([CHINESE], lambda s: s.characters, "characters"), CER_LIMIT),
    Threshold("CER of Japanese", _rate([JAPANESE], lambda s: s.characters, "characters"), CER_LIMIT),
    Threshold("CER of Latin", _rate([*LATIN], lambda s: s.characters, "characters"), CER_LIMIT),
    *(
        Threshold(
            f"WER of {name}",
            _rate([group], lambda s: s.words, "words"),
            CJK_LIMIT if group == ENGLISH_IN_CJK_FONT else WER_LIMIT,
        )
        for group, name in LATIN.items()
    ),
    Threshold("WER of what libass draws", _libass_words, WER_LIMIT),
    Threshold(
        "starts within one frame",
        _share(lambda s: (s.starts.within_one_frame, len(s.starts.frames), "starts")),
        0.95,
        at_least=True,
    ),
    Threshold(
        "ends within one frame",
        _share(lambda s: (s.ends.within_one_frame, len(s.ends.frames), "ends")),
        0.95,
        at_least=True,
    ),
    Threshold("furthest start", _furthest(lambda s: s.starts, fading=False), 5, digits=0),
    Threshold("furthest end", _furthest(lambda s: s.ends, fading=False), 5, digits=0),
    Threshold("furthest start outside a fade", _furthest(lambda s: s.starts, fading=True), 0, digits=0),
    Threshold("furthest end outside a fade", _furthest(lambda s: s.ends, fading=True), 0, digits=0),
    Threshold("recognised crops per cue", _recognised, 3, digits=2),
)


def checks(total: Total) -> list[Check]:
    """Returns every threshold with its figure over all cases."""
    return [Check(threshold, *(threshold.measure(total) or (None,))) for threshold in THRESHOLDS]


def format_checks(found: Sequence[Check]) -> str:
    """Returns a table for people: a line per threshold with its figure, its limit and whether it is reached."""
    width = max(len(check.threshold.name) for check in found)
    return "\n".join(
        f"{check.threshold.name:<{width}}{check.figure:>8}  {check.limit:<9}{check.word:<13}{check.detail}".rstrip()
        for check in found
    )


def verdict(found: Sequence[Check]) -> str:
    """Returns one sentence that sums up the table."""
    missed = [check.threshold.name for check in found if check.reached is False]
    unmeasured = sum(check.reached is None for check in found)
    measured = len(found) - unmeasured
    rest = f"; {unmeasured} could not be measured on these cases" if unmeasured else ""
    if missed:
        return f"{len(missed)} of {measured} thresholds MISSED: {', '.join(missed)}{rest}."
    return f"All {measured} thresholds are reached{rest}."
