"""A picture of the subtitle area: which frame to show, and what is drawn on it.

Drawn are the bands, what was rejected and why, and what the settings say. Where the picture goes is for others to say.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from yivideo_ray import media
from yivideo_ray.config import AreaDetectorSettings, Settings
from yivideo_ray.errors import InputError
from yivideo_ray.geometry import Box
from yivideo_ray.pixels.strokes import analysis_scale, stroke_mask
from yivideo_ray.stages.extract_keyframes import whole_frames
from yivideo_ray.types import Band, RejectedRegion, SubtitleArea, VideoInfo

__all__ = ["Mark", "draw", "marks", "telling_frame"]

Color = tuple[int, int, int]
BAND: Color = (80, 230, 110)
REJECTED: Color = (255, 120, 80)
REGION: Color = (90, 200, 255)
EXCLUDED: Color = (210, 150, 255)
INK: Color = (0, 0, 0)
# The longer side of a picture on which labels can be read and that opens anywhere.
SMALLEST_PX, LARGEST_PX = 960, 1920
FONT_SHARE = 1 / 50


@dataclass(frozen=True, slots=True)
class Mark:
    """A box to draw, in frame coordinates, with its label. dashed: a setting, which may hold no text at all."""

    box: Box
    label: str
    color: Color
    dashed: bool = False


def telling_frame(
    info: VideoInfo, found: SubtitleArea, sampled: Iterable[int], settings: Settings, *, quick: bool = False
) -> media.VideoFrame:
    """Returns the sampled frame that shows most text in the bands, all of them together; without bands, the one in
    the middle. quick: they were sampled at a quick look. Errors: those of opening a file, and InputError INPUT_CHANGED.
    """
    wanted = frozenset(sampled)
    # A region that the settings force may hold nothing but background.
    bands = [band for band in found.bands if band.evidence.samples_with_text] or found.bands

    def frames() -> Iterator[media.VideoFrame]:
        return (frame for frame in whole_frames(info, settings, quick=quick) if frame.pts in wanted)

    # Two passes, for large frames can't all be kept.
    strokes = {frame.pts: [_strokes(frame, band.box, band.line_height_px) for band in bands] for frame in frames()}
    if not strokes:
        raise InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")
    most = [max(1, *counts) for counts in zip(*strokes.values(), strict=True)]
    telling = sorted(strokes)[len(strokes) // 2]
    if most:
        # A band full of letters counts as much as another, whatever its size.
        telling = max(strokes, key=lambda pts: sum(n / m for n, m in zip(strokes[pts], most, strict=True)))
    return next(frame for frame in frames() if frame.pts == telling)


def _strokes(frame: media.VideoFrame, box: Box, line_height_px: float) -> int:
    return int(stroke_mask(frame.luma(box), analysis_scale(line_height_px)).sum())


def marks(area: SubtitleArea, settings: AreaDetectorSettings, bounds: Box) -> tuple[Mark, ...]:
    """Returns what to draw on a frame of these bounds, the bands last: they must not be covered."""
    regions = [region.of(bounds) for region in settings.regions]
    excluded = [region.of(bounds) for region in settings.exclude]
    bands = {band.box for band in area.bands}
    return (
        *(Mark(box, "area_detector.regions", REGION, dashed=True) for box in regions if box not in bands),
        *(Mark(box, "area_detector.exclude", EXCLUDED, dashed=True) for box in excluded),
        *(Mark(region.box, _why(region), REJECTED) for region in area.rejected),
        *(_band(band, forced=band.box in regions) for band in area.bands),
    )


def draw(frame: NDArray[np.uint8], drawn: Sequence[Mark]) -> bytes:
    """Returns a PNG of a frame, shape (H, W, 3), uint8, BGR, with the marks on it, enlarged or shrunk so that their
    labels can be read. Labels lie beside their boxes, and on no other label as long as there is room."""
    picture = Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))
    longer = max(picture.size)
    scale = min(max(longer, SMALLEST_PX), LARGEST_PX) / longer
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.load_default(max(picture.size) * FONT_SHARE)
    bounds = Box(0, 0, *picture.size)
    labels: list[Box] = []
    boxes = [mark.box.scale(scale).clip(bounds) for mark in drawn]
    for mark, box in zip(drawn, boxes, strict=True):
        _frame(canvas, box, mark, width=max(2, round(max(picture.size) / 500)))
    for mark, box in zip(drawn, boxes, strict=True):
        labels.append(_write(canvas, font, mark, _place(_size(canvas, font, mark.label), box, bounds, labels)))
    data = io.BytesIO()
    picture.save(data, "png")
    return data.getvalue()


def _band(band: Band, *, forced: bool) -> Mark:
    name = f"{band.name} (area_detector.regions)" if forced else band.name
    seen = band.evidence
    label = f"{name}: text in {seen.samples_with_text} of {seen.samples} samples"
    return Mark(band.box, label, REGION if forced else BAND)


def _why(region: RejectedRegion) -> str:
    return f"no subtitle: {region.reason.value.replace('_', ' ')}"


def _frame(canvas: ImageDraw.ImageDraw, box: Box, mark: Mark, width: int) -> None:
    x0, y0, x1, y1 = box.x0, box.y0, max(box.x0, box.x1 - 1), max(box.y0, box.y1 - 1)
    if not mark.dashed:
        canvas.rectangle((x0, y0, x1, y1), outline=mark.color, width=width)
        return
    dash = 6 * width
    for x in range(x0, x1 + 1, 2 * dash):
        for y in (y0, y1 - width + 1):
            canvas.rectangle((x, y, min(x + dash, x1), y + width - 1), fill=mark.color)
    for y in range(y0, y1 + 1, 2 * dash):
        for x in (x0, x1 - width + 1):
            canvas.rectangle((x, y, x + width - 1, min(y + dash, y1)), fill=mark.color)


def _size(canvas: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, label: str) -> Box:
    """Returns the label's box at the origin, with a margin."""
    _, _, right, _ = canvas.textbbox((0, 0), label, font=font)
    # The same height for all, whether or not letters of theirs go below the line.
    _, _, _, bottom = canvas.textbbox((0, 0), "Ag", font=font)
    return Box(0, 0, round(right + 0.5 * bottom), round(1.25 * bottom))


def _place(size: Box, box: Box, bounds: Box, taken: Sequence[Box]) -> Box:
    """Returns where a label goes: the first place inside bounds that no other label takes, else the first."""
    places = [place.translate(*_into(place, bounds)) for place in _places(size, box, bounds)]
    free = (place for place in places if all(place.intersect(other) is None for other in taken))
    return next(free, places[0])


def _places(size: Box, box: Box, bounds: Box) -> Iterator[Box]:
    """Yields places for a label of a size, the best first: over the box, under it, in it, then ever further down."""
    for x in (box.x0, box.x1 - size.width):
        yield size.translate(x, box.y0 - size.height)
        yield size.translate(x, box.y1)
    yield size.translate(box.x0, box.y0)
    for y in range(box.y1, bounds.y1 - size.height, size.height):
        yield size.translate(box.x0, y)
    for y in range(box.y0 - size.height, 0, -size.height):
        yield size.translate(box.x0, y)


def _into(place: Box, bounds: Box) -> tuple[int, int]:
    """Returns by how much a place has to move to lie inside bounds."""
    dx = min(0, bounds.x1 - place.x1)
    dy = min(0, bounds.y1 - place.y1)
    return max(dx, -place.x0), max(dy, -place.y0)


def _write(
    canvas: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, mark: Mark, place: Box
) -> Box:
    canvas.rectangle((place.x0, place.y0, place.x1 - 1, place.y1 - 1), fill=mark.color)
    canvas.text(
        (place.x0 + place.height / 5, place.y0 + place.height / 2), mark.label, fill=INK, font=font, anchor="lm"
    )
    return place
