"""Builds cues from what was read in each crop: the same text in consecutive crops is one cue. Pure, no pixels.

Crops end wherever the picture in the band changed; whether the text did is decided here. What the cue then says is
decided in consensus, and what is a text that grows in karaoke.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from yivideo_ray.geometry import bounding_box
from yivideo_ray.stages.likeness import NEARLY_ALL, are_together
from yivideo_ray.stages.postprocess_and_finalize.consensus import agree
from yivideo_ray.stages.postprocess_and_finalize.karaoke import grows
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine, without_passing_lines
from yivideo_ray.stages.postprocess_and_finalize.review import in_order, reading_reasons
from yivideo_ray.text.han_variants import HanVariant
from yivideo_ray.text.voting import bare, folded, without_look_alikes
from yivideo_ray.types import Cue

__all__ = ["CueRules", "build_cues", "join_simultaneous", "same_text"]

# A character read with less confidence than this may be another one in the next crop without being another text: of
# 46,000 letters 1 in 100 had less.
_DOUBTFUL = 0.99


@dataclass(frozen=True, slots=True)
class CueRules:
    """What tells cues apart, in ticks of the video's time base.

    The same text with at most merge_gap_ticks between is one cue. step_ticks is the longest that a word stands before
    the next one comes, in a text that grows word by word. space_probability is the threshold of text.spaces,
    sure_character that of review; variant is the video's, as far as one can tell.
    """

    merge_gap_ticks: int
    step_ticks: int
    space_probability: float
    sure_character: float
    variant: HanVariant | None = None


@dataclass(slots=True, eq=False)
class _Group:
    """The observations of one cue; whole are those of them that show all of its text.

    before is a crop right before the first in which nothing was read.
    """

    before: Observation | None = None
    observations: list[Observation] = field(default_factory=list)
    whole: list[Observation] = field(default_factory=list)
    has_grown: bool = False
    _weights: dict[str, float] = field(default_factory=dict)
    _clearest: dict[str, Observation] = field(default_factory=dict)

    @property
    def last(self) -> Observation:
        return self.observations[-1]

    @property
    def head(self) -> Observation:
        """Returns the clearest of the observations with the text that most of the whole ones show."""
        return self._clearest[max(self._weights, key=lambda key: self._weights[key])]

    def add(self, observation: Observation) -> None:
        self.observations.append(observation)
        self.whole.append(observation)
        key = observation.key
        self._weights[key] = self._weights.get(key, 0.0) + observation.weight
        clearest = self._clearest.get(key)
        if clearest is None or observation.averaged_frames > clearest.averaged_frames:
            self._clearest[key] = observation

    def grow(self, observation: Observation) -> None:
        """Adds an observation whose text is what the group's has grown to."""
        self.has_grown = True
        self.whole.clear()
        self._weights.clear()
        self._clearest.clear()
        self.add(observation)


def build_cues(observations: Iterable[Observation], band: str, rules: CueRules) -> list[Cue]:
    """Returns the cues of one band, in order of time, none overlapping.

    Observations of the same text are one cue if they are joined or follow each other closely, and so are those of a
    text that grows, which ends with all of it. Those without lines are crops in which nothing was read.
    """
    groups: list[_Group] = []
    unread: Observation | None = None
    in_time = sorted(observations, key=lambda one: (one.start_pts, one.end_pts))
    for observation in without_passing_lines(in_time, rules.step_ticks, rules.merge_gap_ticks):
        group = groups[-1] if groups else None
        if not observation.lines:
            unread = observation
        elif group is not None and _follows(observation, group, rules) and same_text(group.head, observation):
            group.add(observation)
        elif group is not None and _has_grown(group, observation, rules):
            group.grow(observation)
        else:
            groups.append(_Group(before=unread))
            groups[-1].add(observation)
    cues = [_cue(group, band, rules) for group in groups]
    for index, following in enumerate(cues[1:]):
        # Both sides of a cross-fade may claim a frame.
        cues[index] = replace(cues[index], end_pts=min(cues[index].end_pts, following.start_pts))
    return cues


def join_simultaneous(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Returns the cues of a layer in the order of their start, then from the top of the frame; as one those that come
    and go together: lines of one cue that different regions show."""
    joined: list[Cue] = []
    for cue in sorted(cues, key=lambda cue: (cue.start_pts, cue.box.y0, cue.box.x0)):
        last = joined[-1] if joined else None
        if last is None or not are_together(last, cue):
            joined.append(cue)
            continue
        upper, lower = sorted((last, cue), key=lambda one: one.box.y0)
        joined[-1] = replace(
            max(last, cue, key=lambda one: one.frames),
            start_pts=min(last.start_pts, cue.start_pts),
            end_pts=max(last.end_pts, cue.end_pts),
            lines=(*upper.lines, *lower.lines),
            confidence=min(last.confidence, cue.confidence),
            box=bounding_box((last.box, cue.box)),
            needs_review=in_order((*last.needs_review, *cue.needs_review)),
        )
    return tuple(joined)


def _is_joined(observation: Observation, last: Observation) -> bool:
    return observation.joined_to_pts == last.stable_end_pts


def _follows(observation: Observation, group: _Group, rules: CueRules) -> bool:
    gap = observation.start_pts - group.last.end_pts
    if group.last.ends_after and observation.begins_before:
        # Flashes or noise hide it, for no longer than it stands before or after.
        before = group.last.end_pts - group.observations[0].start_pts
        return gap <= max(before, observation.end_pts - observation.start_pts)
    return _is_joined(observation, group.last) or gap <= rules.merge_gap_ticks


def _has_grown(group: _Group, observation: Observation, rules: CueRules) -> bool:
    """Returns whether the observation shows the group's text with more behind it."""
    # A step may be too short for a crop of its own, or for being read.
    near = observation.start_pts - group.last.end_pts <= max(rules.step_ticks, rules.merge_gap_ticks)
    brief = group.last.end_pts - group.whole[0].start_pts <= rules.step_ticks
    return near and grows(group.head, observation, brief=brief)


def _start_pts(group: _Group, rules: CueRules) -> int:
    """Returns when the cue begins. The first step of a text that grows may be too little to be read: an I, a dash."""
    first, before = group.observations[0], group.before
    if (
        group.has_grown
        and before is not None
        and first.joined_to_pts == before.stable_end_pts
        and before.end_pts - before.start_pts <= rules.step_ticks
        and before.stroke_px < first.stroke_px
        and _shows_start(before, first)
    ):
        return before.start_pts
    return first.start_pts


def _shows_start(before: Observation, first: Observation) -> bool:
    """Returns whether the crop before was cut where the first text begins: what moves elsewhere is no step of it."""
    start = first.lines[0].box
    return before.box is None or before.box.x0 <= start.x0 + start.height <= before.box.x1 + start.height


def same_text(first: Observation, second: Observation) -> bool:
    """Returns whether two observations show the same text, though a model may misread what it is unsure of."""
    if len(first.lines) != len(second.lines):
        return False
    return all(_same_line(a, b) for a, b in zip(first.lines, second.lines, strict=True))


def _same_line(first: ReadLine, second: ReadLine) -> bool:
    if first.text == second.text or folded(first.text) == folded(second.text):
        return True
    a, b = without_look_alikes(bare(first.text)), without_look_alikes(bare(second.text))
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < NEARLY_ALL:
        return False
    return all(
        tag == "equal"
        or _is_doubtful(first, start, end, b[other_start:other_end])
        or _is_doubtful(second, other_start, other_end, a[start:end])
        for tag, start, end, other_start, other_end in matcher.get_opcodes()
    )


def _is_doubtful(line: ReadLine, start: int, end: int, other: str) -> bool:
    """Returns whether some of the line's characters from start to before end, in whose place another reading has
    `other`, was doubted. Where they are none, what was left out leaves its doubt on those beside it."""
    chars = line.chars
    if len(chars) != len(bare(line.text)):
        return False
    if start == end:
        # One l more may be any of a row of them.
        while start > 0 and without_look_alikes(chars[start - 1].text) in other:
            start -= 1
        while end < len(chars) and without_look_alikes(chars[end].text) in other:
            end += 1
        start, end = max(0, start - 1), end + 1
    return any(char.confidence < _DOUBTFUL for char in chars[start:end])


def _cue(group: _Group, band: str, rules: CueRules) -> Cue:
    lines = agree(group.whole, rules.space_probability)
    weights = [max(1, len(line.chars)) for line in lines]
    return Cue(
        start_pts=_start_pts(group, rules),
        end_pts=group.last.end_pts,
        lines=tuple(line.text for line in lines),
        confidence=sum(w * line.confidence for w, line in zip(weights, lines, strict=True)) / sum(weights),
        box=bounding_box(line.box for line in lines),
        band=band,
        frames=sum(observation.frames for observation in group.observations),
        crops=len(group.observations),
        needs_review=in_order(reading_reasons(lines, group.whole, rules.sure_character, rules.variant)),
    )
