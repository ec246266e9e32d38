"""A picture of what was seen in a video: which frames to show, and what is drawn on them.

Of the layers of text: each on a frame that shows it, with how probable it is and why. Of the area alone, before any
text is read: the regions that are looked at, what is rejected and why, and what the settings say. Where the picture
goes is for others to say.
"""

from __future__ import annotations

import io
from bisect import bisect_left
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
from yivideo_ray.types import Band, Layer, RejectedRegion, SubtitleArea, VideoInfo

__all__ = ["Mark", "draw", "draw_layers", "layer_marks", "marks", "moments", "telling_frame"]

Color = tuple[int, int, int]
# What is taken, or looked at; what is not; what the settings have looked at, and what not.
TAKEN: Color = (80, 230, 110)
LEFT: Color = (255, 120, 80)
REGION: Color = (90, 200, 255)
EXCLUDED: Color = (210, 150, 255)
INK: Color = (0, 0, 0)
# The longer side of a picture on which labels can be read and that opens anywhere.
SMALLEST_PX, LARGEST_PX = 960, 1920
FONT_SHARE = 1 / 50
# So many frames are shown at most, and so many reasons for each layer.
MOST_FRAMES = 6
REASONS = 2


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
    """Returns the sampled frame that shows most text in the regions, all of them together; without any, the one in
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
        raise _undecodable()
    most = [max(1, *counts) for counts in zip(*strokes.values(), strict=True)]
    telling = sorted(strokes)[len(strokes) // 2]
    if most:
        # A band full of letters counts as much as another, whatever its size.
        telling = max(strokes, key=lambda pts: sum(n / m for n, m in zip(strokes[pts], most, strict=True)))
    return next(frame for frame in frames() if frame.pts == telling)


def _strokes(frame: media.VideoFrame, box: Box, line_height_px: float) -> int:
    return int(stroke_mask(frame.luma(box), analysis_scale(line_height_px)).sum())


def marks(area: SubtitleArea, settings: AreaDetectorSettings, bounds: Box) -> tuple[Mark, ...]:
    """Returns what to draw of an area on a frame of these bounds, the regions that are looked at last: they must not be
    covered."""
    regions = [region.of(bounds) for region in settings.regions]
    bands = {band.box for band in area.bands}
    return (
        *(Mark(box, "area_detector.regions", REGION, dashed=True) for box in regions if box not in bands),
        *_excluded(settings, bounds),
        *(Mark(region.box, _why(region), LEFT) for region in area.rejected),
        *(_region(band, forced=band.box in regions) for band in area.bands),
    )


def moments(layers: Iterable[Layer]) -> list[tuple[int, tuple[Layer, ...]]]:
    """Returns the pts at which to show layers that have cues, or what can't be read, each with those that are shown
    then: the first shows the most of them, each further one the most of those that none before shows. The most probable
    layers are seen to first; MOST_FRAMES at most."""
    waiting = [(layer, times) for layer in layers if (times := _shown(layer))]
    shown: list[tuple[int, tuple[Layer, ...]]] = []
    while waiting and len(shown) < MOST_FRAMES:
        middles = sorted((start_pts + end_pts) // 2 for start_pts, end_pts in waiting[0][1])
        at_once = [0] * len(middles)
        for _, times in waiting:
            for at in {
                at for time in times for at in range(bisect_left(middles, time[0]), bisect_left(middles, time[1]))
            }:
                at_once[at] += 1
        pts = middles[at_once.index(max(at_once))]
        there = tuple(layer for layer, times in waiting if any(start <= pts < end for start, end in times))
        shown.append((pts, there))
        waiting = [(layer, times) for layer, times in waiting if layer not in there]
    return shown


def layer_marks(layers: Iterable[Layer]) -> tuple[Mark, ...]:
    """Returns what to draw of layers, those that are taken last: they must not be covered."""
    found = [Mark(layer.box, _told(layer), TAKEN if layer.taken else LEFT) for layer in layers]
    return tuple(sorted(found, key=lambda mark: mark.color == TAKEN))


def draw_layers(info: VideoInfo, layers: Sequence[Layer], settings: Settings) -> tuple[bytes, tuple[int, ...]]:
    """Returns a PNG of frames of the video with the layers on them, and the pts of the frames; where nothing was read,
    one of the first frame. Errors: those of opening a file, and InputError INPUT_CHANGED, INPUT_CORRUPT."""
    excluded = _excluded(settings.area_detector, info.bounds)
    pictures, shown = [], []
    for pts, there in moments(layers) or [(info.first_pts, ())]:
        frame = _frame_showing(info, pts, there, settings)
        if frame is not None:
            pictures.append((frame.bgr(), (*excluded, *layer_marks(there))))
            shown.append(frame.pts)
    if not pictures:
        raise _undecodable()
    return draw(*pictures), tuple(shown)


def _frame_showing(info: VideoInfo, pts: int, layers: Sequence[Layer], settings: Settings) -> media.VideoFrame | None:
    """Returns a frame that shows the layers' texts of that time: the next one, or the first where none follows."""
    frame = _frame_at(info, pts, settings)
    shown = [(start, end) for layer in layers for start, end in _shown(layer) if start <= pts < end]
    if frame is not None and shown and frame.pts >= min(end for _, end in shown):
        return _frame_at(info, max(start for start, _ in shown), settings)
    return frame


def _frame_at(info: VideoInfo, pts: int, settings: Settings) -> media.VideoFrame | None:
    """Returns the first frame from pts on that others refer to."""
    plan = media.SamplePlan((), ((pts, (pts,)),), True, 0)
    return next(iter(media.sample_frames(info, plan, settings.decoder)), None)


def _shown(layer: Layer) -> list[tuple[int, int]]:
    """Returns from and to which pts a layer's texts are shown."""
    return [(text.start_pts, text.end_pts) for text in (layer.cues or layer.unreadable)]


def _told(layer: Layer) -> str:
    """Returns the label of a layer: of its reasons those that speak for what is more probable, as long as there are."""
    if layer.unreadable:
        return f"layer {layer.number}: {layer.probability:.2f}, {layer.unreadable[0].script}, which can't be read"
    supporting = [reason for reason in layer.reasons if (reason.weight > 0) == (layer.probability > 0.5)]
    why = [reason.words for reason in (supporting or layer.reasons)[:REASONS]]
    return f"layer {layer.number}: {', '.join([f'{layer.probability:.2f}', *why])}"


def _undecodable() -> InputError:
    return InputError("No frame of the video could be decoded.", code="INPUT_CORRUPT")


def draw(*frames: tuple[NDArray[np.uint8], Sequence[Mark]]) -> bytes:
    """Returns a PNG of frames of one size, each shape (H, W, 3), uint8, BGR, with its marks on it, enlarged or shrunk
    so that the labels can be read. Labels lie beside their boxes, and on no other label as long as there is room."""
    largest = LARGEST_PX if len(frames) == 1 else SMALLEST_PX
    pictures = [_drawn(pixels, drawn, largest) for pixels, drawn in frames]
    width, height = pictures[0].size
    # Two wide ones side by side, high ones in one row.
    columns = min(len(pictures), 2 if width >= height else MOST_FRAMES)
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (columns * width, rows * height))
    for number, picture in enumerate(pictures):
        whole.paste(picture, (number % columns * width, number // columns * height))
    data = io.BytesIO()
    whole.save(data, "png")
    return data.getvalue()


def _drawn(frame: NDArray[np.uint8], drawn: Sequence[Mark], largest_px: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))
    longer = max(picture.size)
    scale = min(max(longer, SMALLEST_PX), largest_px) / longer
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    canvas = ImageDraw.Draw(picture)
    font = _font(canvas, [mark.label for mark in drawn])
    bounds = Box(0, 0, *picture.size)
    labels: list[Box] = []
    boxes = [mark.box.scale(scale).clip(bounds) for mark in drawn]
    for mark, box in zip(drawn, boxes, strict=True):
        _frame(canvas, box, mark, width=max(2, round(max(picture.size) / 500)))
    for mark, box in zip(drawn, boxes, strict=True):
        labels.append(_write(canvas, font, mark, _place(_size(canvas, font, mark.label), box, bounds, labels)))
    return picture


def _font(canvas: ImageDraw.ImageDraw, labels: Sequence[str]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Returns the font of a picture, one in which the longest label fits into it."""
    width, height = canvas.im.size
    size = max(width, height) * FONT_SHARE
    font = ImageFont.load_default(size)
    widest = max((_size(canvas, font, label).width for label in labels), default=0)
    return ImageFont.load_default(size * width / widest) if widest > width else font


def _region(band: Band, *, forced: bool) -> Mark:
    name = f"{band.name} (area_detector.regions)" if forced else band.name
    seen = band.evidence
    label = f"{name}: text in {seen.samples_with_text} of {seen.samples} samples"
    return Mark(band.box, label, REGION if forced else TAKEN)


def _why(region: RejectedRegion) -> str:
    return f"not looked at: {region.reason.value.replace('_', ' ')}"


def _excluded(settings: AreaDetectorSettings, bounds: Box) -> tuple[Mark, ...]:
    boxes = (region.of(bounds) for region in settings.exclude)
    return tuple(Mark(box, "area_detector.exclude", EXCLUDED, dashed=True) for box in boxes)


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
