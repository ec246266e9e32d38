"""Builds cues from what was read in each crop: the same text in consecutive crops is one cue. Pure, no pixels.

Crops end wherever the picture in the band changed; whether the text did is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from yivideo_ray.geometry import Box, bounding_box
from yivideo_ray.types import Cue

__all__ = ["Observation", "ReadLine", "build_cues", "same_text"]

# A character read with less confidence than this may be another one in the next crop without being another text.
_DOUBTFUL = 0.9
_MIN_SIMILARITY = 0.8
# A line that stays may seem to begin this share of its height beside where it began.
_SAME_PLACE = 0.35
_CONFUSABLE = str.maketrans({"l": "I", "|": "I", "1": "I", "0": "O", "o": "O", "’": "'", "‘": "'", "`": "'"})


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a cue: its text with spaces, the confidence of each character that is no space, box in the frame."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Observation:
    """What one crop shows: its lines from the top, for the frames with start_pts <= pts < end_pts.

    stable_end_pts and joined_to_pts are the crop's (types.CropMeta): what they join has no gap.
    """

    start_pts: int
    end_pts: int
    lines: tuple[ReadLine, ...]
    frames: int
    averaged_frames: int
    stable_end_pts: int = -1
    joined_to_pts: int | None = None

    @property
    def key(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        weights = [max(1, len(line.char_confidences)) for line in self.lines]
        return sum(w * line.confidence for w, line in zip(weights, self.lines, strict=True)) / sum(weights)


def build_cues(observations: Iterable[Observation], band: str, merge_gap_ticks: int) -> list[Cue]:
    """Returns the cues of one band, in order of time, none overlapping.

    Observations of the same text are one cue if they are joined or have at most merge_gap_ticks between them; its text
    is the one that most frames vote for, weighted by confidence.
    """
    groups: list[list[Observation]] = []
    for observation in sorted((o for o in observations if o.lines), key=lambda o: (o.start_pts, o.end_pts)):
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and _follows(observation, last, merge_gap_ticks)
            and (same_text(_vote(groups[-1]), observation) or _grows(last, observation))
        ):
            groups[-1].append(observation)
        else:
            groups.append([observation])
    cues = [_cue(group, band) for group in groups]
    for index, following in enumerate(cues[1:]):
        # Both sides of a cross-fade may claim a frame.
        cues[index] = replace(cues[index], end_pts=min(cues[index].end_pts, following.start_pts))
    return cues


def _follows(observation: Observation, last: Observation, merge_gap_ticks: int) -> bool:
    return observation.joined_to_pts == last.stable_end_pts or observation.start_pts - last.end_pts <= merge_gap_ticks


def _grows(first: Observation, second: Observation) -> bool:
    """Returns whether second shows first with more text behind it, and nothing of first has moved: words that come one
    by one, as in karaoke. Two centred cues of which one begins with the other stand in different places."""
    if len(first.lines) > len(second.lines):
        return False
    for a, b in zip(first.lines, second.lines, strict=False):
        reach = _SAME_PLACE * max(a.box.height, b.box.height)
        if abs(a.box.x0 - b.box.x0) > reach or abs(a.box.center[1] - b.box.center[1]) > reach:
            return False
        if not _folded(_bare(b.text)).startswith(_folded(_bare(a.text))):
            return False
    if any(len(line.text.split()) > 1 for line in second.lines[len(first.lines) :]):
        return False  # A whole line that joins the first is another speaker's.
    whole = [_folded(_bare(line.text)) for line in first.lines[:-1]]
    return whole == [_folded(_bare(line.text)) for line in second.lines[: len(whole)]]


def same_text(first: Observation, second: Observation) -> bool:
    """Returns whether two observations show the same text, though a model may misread what it is unsure of."""
    if len(first.lines) != len(second.lines):
        return False
    return all(_same_line(a, b) for a, b in zip(first.lines, second.lines, strict=True))


def _same_line(first: ReadLine, second: ReadLine) -> bool:
    a, b = _bare(first.text), _bare(second.text)
    if _folded(a) == _folded(b):
        return True
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < _MIN_SIMILARITY:
        return False
    return all(
        tag == "equal"
        or _doubtful(first.char_confidences, a, start, end)
        or _doubtful(second.char_confidences, b, other_start, other_end)
        for tag, start, end, other_start, other_end in matcher.get_opcodes()
    )


def _doubtful(confidences: Sequence[float], text: str, start: int, end: int) -> bool:
    if len(confidences) != len(text):
        return False
    return any(value < _DOUBTFUL for value in confidences[start:end])


def _bare(text: str) -> str:
    return "".join(text.split())


def _folded(text: str) -> str:
    """Returns the text without what a model confuses at no cost: look-alikes and marks."""
    return "".join(char for char in text.translate(_CONFUSABLE) if char.isalnum()).casefold() or text


def _vote(group: Sequence[Observation]) -> Observation:
    longest = len(_folded(_bare(group[-1].key)))
    # Of a text that grew, what it has grown to is what the cue says.
    group = [o for o in group if same_text(o, group[-1]) or len(_folded(_bare(o.key))) >= longest]
    weights: dict[str, float] = {}
    for observation in group:
        weights[observation.key] = (
            weights.get(observation.key, 0.0) + observation.averaged_frames * observation.confidence**4
        )
    winner = max(weights, key=lambda key: weights[key])
    return max((o for o in group if o.key == winner), key=lambda o: o.averaged_frames)


def _cue(group: Sequence[Observation], band: str) -> Cue:
    chosen = _vote(group)
    return Cue(
        start_pts=group[0].start_pts,
        end_pts=group[-1].end_pts,
        lines=tuple(line.text for line in chosen.lines),
        confidence=chosen.confidence,
        box=bounding_box(line.box for line in chosen.lines),
        band=band,
        frames=sum(observation.frames for observation in group),
        crops=len(group),
    )
