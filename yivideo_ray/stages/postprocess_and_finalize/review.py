"""Which cues a person should look at, and why. Pure; thresholds: docs/decisions/036-review-flags.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from yivideo_ray.stages.likeness import NEARLY_ALL
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.text.han_variants import HanVariant, form_in
from yivideo_ray.text.voting import folded
from yivideo_ray.types import Band, Cue, ReviewReason, VideoInfo

__all__ = ["MEANINGS", "in_order", "reading_reasons", "showing_reasons"]

MEANINGS: Mapping[ReviewReason, str] = {
    ReviewReason.UNSURE_LINE: "A line was read with little confidence.",
    ReviewReason.UNSURE_CHARACTER: "A character was read with little confidence.",
    ReviewReason.CROPS_DISAGREE: "Pictures of this subtitle were read differently.",
    ReviewReason.ODD_MARKS: "Two or four dots in a row, or other marks that are seldom written so.",
    ReviewReason.OTHER_WRITING: "A character of another writing, such as a traditional one among simplified ones.",
    ReviewReason.BRIEF: "Shown too briefly to be read.",
    ReviewReason.REPEATED: "The same text stands right before or after it: they may be one subtitle.",
    ReviewReason.CUT_OFF: "At the edge of the area that was read: there may be more text.",
}
"""What each reason means, in a sentence for people."""

# Nobody reads a text that is shown for less, or sees that it was away.
_MOMENT_S = 0.3
# Detection's boxes keep this share of a line's height from the band's edge, unless the text goes on there.
_EDGE_SHARE = 0.1
# Two, four or five dots; six are an ellipsis in Chinese, as are two of its characters.
_ODD_MARKS = re.compile(r"(?<!\.)(?:\.{2}|\.{4,5}|\.{7,})(?!\.)|…{3,}|…\.|\.…|[,，、;；]{2,}")


def reading_reasons(
    lines: Sequence[ReadLine], observations: Sequence[Observation], sure: float, variant: HanVariant | None
) -> Iterator[ReviewReason]:
    """Yields the reasons that lie in how a cue was read; lines are what was elected from the observations.

    A line or a character read with less confidence than sure is one, and so is a character of another writing than
    the video's.
    """
    if any(line.confidence < sure for line in lines):
        yield ReviewReason.UNSURE_LINE
    if any(char.confidence < sure for line in lines for char in line.chars):
        yield ReviewReason.UNSURE_CHARACTER
    if any(_disagree(line, at, observations) for at, line in enumerate(lines)):
        yield ReviewReason.CROPS_DISAGREE
    if any(_ODD_MARKS.search(line.text) for line in lines):
        yield ReviewReason.ODD_MARKS
    if variant is not None and any(form_in(variant, char) for line in lines for char in line.text):
        yield ReviewReason.OTHER_WRITING


def showing_reasons(cue: Cue, neighbours: Iterable[Cue], band: Band, info: VideoInfo) -> Iterator[ReviewReason]:
    """Yields the reasons that lie in when and where a cue was shown.

    neighbours are the cues before and after it in its band, band is the one that it was read in.
    """
    if float((cue.end_pts - cue.start_pts) * info.time_base) < _MOMENT_S:
        yield ReviewReason.BRIEF
    if any(folded(other.text) == folded(cue.text) and _gap_s(cue, other, info) < _MOMENT_S for other in neighbours):
        yield ReviewReason.REPEATED
    margin = _EDGE_SHARE * band.line_height_px
    box, within = cue.box, band.box
    beside = box.x0 < within.x0 + margin or box.x1 > within.x1 - margin
    if beside or box.y0 < within.y0 + margin or box.y1 > within.y1 - margin:
        yield ReviewReason.CUT_OFF


def in_order(reasons: Iterable[ReviewReason]) -> tuple[ReviewReason, ...]:
    """Returns each reason once, in the order in which ReviewReason has them."""
    found = set(reasons)
    return tuple(reason for reason in ReviewReason if reason in found)


def _gap_s(cue: Cue, other: Cue, info: VideoInfo) -> float:
    return float(max(other.start_pts - cue.end_pts, cue.start_pts - other.end_pts) * info.time_base)


def _disagree(line: ReadLine, at: int, observations: Sequence[Observation]) -> bool:
    """Returns whether not as good as all frames were read as the line was elected."""
    text = folded(line.text)
    total = sum(one.averaged_frames for one in observations)
    agreeing = sum(one.averaged_frames for one in observations if folded(one.lines[at].text) == text)
    return agreeing < NEARLY_ALL * total
