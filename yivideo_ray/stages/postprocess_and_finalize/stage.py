"""Stage paddleocr.postprocess_and_finalize: crops and what was read in them in, cues out. Needs no frame.

Writing the files is left to subtitles.formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.geometry import Box, bounding_box, in_rows, to_frame
from yivideo_ray.stages.crop_subtitle_images.stage import HIGHEST_LINE
from yivideo_ray.stages.postprocess_and_finalize.cues import CueRules, build_cues
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine
from yivideo_ray.stages.postprocess_and_finalize.review import in_order, showing_reasons
from yivideo_ray.stages.postprocess_and_finalize.single_characters import (
    as_lone_i,
    is_lone,
    is_sure_alone,
    lone_i_place,
    may_be_lone_i,
)
from yivideo_ray.text.han_variants import settle_variants
from yivideo_ray.text.spaces import WIDE_SPACE, space_out, tidy
from yivideo_ray.types import (
    Band,
    CharReading,
    CropMeta,
    CropText,
    Cue,
    RejectedRegion,
    RejectionReason,
    SubtitleArea,
    TextLine,
    VideoInfo,
)

__all__ = ["postprocess_and_finalize"]

# Boxes of subtitle lines vary with ascenders and marks; what is smaller than this is something else.
_LOWEST_LINE = 0.45
# A cue this short was hardly meant to be read: it must at least be read well.
_BRIEF_S = 0.25
_BRIEF_MIN_CONFIDENCE = 0.85
# Text that was rejected is dropped where it is read again, if this share of the line is inside the region. What stands
# has both ends within a line's height of the region's, as subtitles hardly ever do. What moves is meant only where it
# runs from edge to edge, as a ticker: a row is rejected for that also because it was seldom seen.
_INSIDE_SHARE = 0.8
_EDGE_SHARE = 0.01
_STANDS = (RejectionReason.ALWAYS_THERE, RejectionReason.EXCLUDED)
# How wide a gap at which detection cuts a line is, in shares of the capitals' height: more than a character, at least.
_WIDE_GAP = 1.5
# Words that appear one by one follow each other this fast.
_STEP_S = 0.6


def postprocess_and_finalize(
    info: VideoInfo,
    area: SubtitleArea,
    crops: Sequence[CropMeta],
    texts: Sequence[CropText],
    settings: PostprocessorSettings,
) -> tuple[Cue, ...]:
    """Returns the cues of the video in the order of their start, then from the top of the frame.

    crops and texts belong together by crop_id, in any order; crops without a text hold none.
    """
    texts, variant = settle_variants(texts)
    by_id = {text.crop_id: text for text in texts}
    rules = CueRules(
        merge_gap_ticks=int(settings.merge_gap_ms / 1000 / info.time_base),
        step_ticks=int(_STEP_S / info.time_base),
        space_probability=settings.space_probability,
        sure_character=settings.review_confidence,
        variant=variant,
    )
    cues: list[Cue] = []
    for index, band in enumerate(area.bands):
        own = [(crop, by_id.get(crop.crop_id, CropText(crop.crop_id, ()))) for crop in crops if crop.band == index]
        observations = [_observe(crop, text, band, area.rejected, settings) for crop, text in own]
        lone = _lone_letters(own, observations)
        observations = [
            _observe(*lone[number], band, area.rejected, settings) if number in lone else observation
            for number, observation in enumerate(observations)
        ]
        found = [cue for cue in build_cues(observations, band.name, rules) if _is_worth_showing(cue, info, settings)]
        for number, cue in enumerate(found):
            neighbours = [*found[max(0, number - 1) : number], *found[number + 1 : number + 2]]
            reasons = in_order([*cue.needs_review, *showing_reasons(cue, neighbours, band, info)])
            cues.append(replace(cue, needs_review=reasons))
    return tuple(sorted(cues, key=lambda cue: (cue.start_pts, cue.box.y0, cue.box.x0)))


def _observe(
    crop: CropMeta, text: CropText, band: Band, rejected: Sequence[RejectedRegion], settings: PostprocessorSettings
) -> Observation:
    lines: list[ReadLine] = []
    for line in text.lines:
        if not _is_subtitle_line(line, crop, band, settings):
            continue
        box = to_frame(line.box, crop.box, crop.scale)
        if any(_shows(box, region, band.box) for region in rejected):
            continue
        read = ReadLine(
            text=space_out(line.text, line.chars, settings.space_probability),
            confidence=line.confidence,
            box=box,
            chars=line.chars,
        )
        lines.append(read)
    return Observation(
        crop.start_pts,
        crop.end_pts,
        tuple(_one_line(row) for row in in_rows(lines, lambda line: line.box)),
        crop.frames,
        crop.averaged_frames,
        crop.stable_end_pts,
        crop.joined_to_pts,
        crop.stroke_px,
        crop.box,
    )


def _is_subtitle_line(line: TextLine, crop: CropMeta, band: Band, settings: PostprocessorSettings) -> bool:
    share = line.box.height / crop.scale / band.line_height_px
    if not _LOWEST_LINE <= share <= HIGHEST_LINE:
        return False
    return line.confidence >= settings.min_confidence and (not is_lone(line) or is_sure_alone(line))


def _lone_letters(
    crops: Sequence[tuple[CropMeta, CropText]], observations: Sequence[Observation]
) -> dict[int, tuple[CropMeta, CropText]]:
    """Returns those of a band's crops that show the word I and nothing else, by their numbers, with that text."""
    may_be = [
        number
        for number, (crop, text) in enumerate(crops)
        if len(text.lines) == 1 and may_be_lone_i(text.lines[0], crop)
    ]
    place = lone_i_place(observations) if may_be else None
    if place is None:
        return {}
    found: dict[int, tuple[CropMeta, CropText]] = {}
    for number in may_be:
        crop, text = crops[number]
        line = as_lone_i(text.lines[0], to_frame(text.lines[0].box, crop.box, crop.scale), place)
        if line is not None:
            found[number] = crop, replace(text, lines=(line,))
    return found


def _shows(line: Box, region: RejectedRegion, band: Box) -> bool:
    """Returns whether a line is the text of a region that was rejected. The band is as wide as the frame, unless it was
    set."""
    shared = line.intersect(region.box)
    if shared is None or shared.area < _INSIDE_SHARE * line.area:
        return False
    if region.reason in _STANDS:
        return line.width >= region.box.width - 2 * line.height
    margin = _EDGE_SHARE * band.width
    runs_through = region.box.x0 <= band.x0 + margin and region.box.x1 >= band.x1 - margin
    return runs_through and region.reason is RejectionReason.MOVES


def _one_line(pieces: Sequence[ReadLine]) -> ReadLine:
    """Returns the pieces of a row, from the left, as one line: detection cuts a line at wide gaps, as between two
    speakers, or two phrases of Chinese."""
    if len(pieces) == 1:
        return pieces[0]
    box = bounding_box(piece.box for piece in pieces)
    known = all(piece.chars for piece in pieces)
    return ReadLine(
        text=tidy(WIDE_SPACE.join(piece.text for piece in pieces)),
        confidence=sum(piece.confidence for piece in pieces) / len(pieces),
        box=box,
        chars=tuple(char for piece in pieces for char in _chars_within(piece, box)) if known else (),
    )


def _chars_within(piece: ReadLine, box: Box) -> list[CharReading]:
    """Returns a piece's characters with their places as shares of the whole line's box, a sure and wide space before
    them."""
    scale, shift = piece.box.width / box.width, (piece.box.x0 - box.x0) / box.width
    chars = [replace(char, x0=shift + scale * char.x0, x1=shift + scale * char.x1) for char in piece.chars]
    chars[0] = replace(chars[0], space_before=1.0, gap_before=_WIDE_GAP)
    return chars


def _is_worth_showing(cue: Cue, info: VideoInfo, settings: PostprocessorSettings) -> bool:
    duration_s = float((cue.end_pts - cue.start_pts) * info.time_base)
    if duration_s * 1000 < settings.min_duration_ms:
        return False
    return duration_s >= _BRIEF_S or cue.confidence >= _BRIEF_MIN_CONFIDENCE
