"""Draws text: fonts, outline, shadow and box with Pillow, and blends what was drawn into YUV pictures.

A picture of the text is made once per cue, as alpha and colour already multiplied by alpha, in the frame's own YUV;
blending is then picture * (1 - alpha) + text, as subtitle renderers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, features

from benchmarks.corpus.footage import Planes
from benchmarks.corpus.sentences import is_cjk
from benchmarks.corpus.spec import Panel, Rgb, TextStyle
from tests.support.fonts import font_named
from yivideo_ray.geometry import Box

__all__ = [
    "LINE_HEIGHT",
    "Overlay",
    "blend",
    "draw_lines",
    "even_box",
    "fill_box",
    "measure",
    "overlay_of",
    "wrap_lines",
]

Float = NDArray[np.float32]

LINE_HEIGHT = 1.3
"""From one baseline to the next, in ems."""

# Where a line of Chinese or Japanese may not break: before a closing mark, a small kana or a mark of length or
# repetition, and after an opening mark.
NEVER_FIRST = frozenset("，。！？、：；…”）」』》ー々〜ぁぃぅぇぉっゃゅょァィゥェォッャュョ")
NEVER_LAST = frozenset("“（「『《")
# French sets a space before these; a line doesn't begin with one for that, nor with a unit away from its number.
NEVER_FIRST_WORDS = frozenset(("?", "!", ":", ";", "»", "€", "%", "h", "km"))


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Drawn text. box is in frame coordinates with even corners; luma_alpha and luma have its size, chroma_alpha and
    chroma (U, V) half of it. line_boxes are tight around what can be seen of each line, from top to bottom."""

    box: Box
    luma_alpha: Float
    luma: Float
    chroma_alpha: Float
    chroma: tuple[Float, Float]
    line_boxes: tuple[Box, ...]


def _shapes(style: TextStyle) -> str | None:
    # The CJK fonts draw Chinese shapes unless told otherwise, and can be told where Pillow has libraqm.
    return style.language if features.check("raqm") else None


def measure(text: str, style: TextStyle, height: int) -> float:
    """Returns the width of a line in pixels, in a frame of that height."""
    return font_named(style.font, round(style.size * height)).getlength(text, language=_shapes(style))


def wrap_lines(text: str, style: TextStyle, size: tuple[int, int], prefer_two: bool) -> tuple[str, ...]:
    """Returns the text as one line, or as two of about the same width: where it is too wide for the frame, or where
    two are preferred and it is long enough to look natural."""
    width, height = size
    whole = measure(text, style, height)
    if whole <= 0.88 * width and not (prefer_two and whole > 0.35 * width):
        return (text,)
    breaks = [i for i, c in enumerate(text) if c == " " and _may_break(text, i)] or [
        # Chinese and Japanese break anywhere else but inside a number or a word.
        i
        for i in range(2, len(text) - 1)
        if is_cjk(text)
        and text[i] not in NEVER_FIRST
        and text[i - 1] not in NEVER_LAST
        and not (text[i - 1].isascii() and text[i].isascii())
    ]

    def cost(at: int) -> float:
        inside_phrase = _is_hiragana(text) and not _begins_phrase(text, at)
        return abs(measure(text[:at], style, height) - whole / 2) + inside_phrase * 3 * style.size * height

    at = min(breaks, key=cost, default=None)
    return (text,) if at is None else (text[:at].rstrip(), text[at:].lstrip())


def _may_break(text: str, space: int) -> bool:
    before, after = text[:space].rsplit(" ", maxsplit=1)[-1], text[space + 1 :].split(" ", maxsplit=1)[0]
    inside_number = before[-1:].isdigit() and after[:1].isdigit()
    return after not in NEVER_FIRST_WORDS and before != "«" and not inside_number


def _is_hiragana(text: str) -> bool:
    return any("ぁ" <= c <= "ゟ" for c in text)


def _begins_phrase(text: str, at: int) -> bool:
    # Particles and endings are written in hiragana, what follows them mostly isn't.
    return text[at - 1] in "、。！？…」" or (_is_hiragana(text[at - 1]) and not _is_hiragana(text[at]))


def draw_lines(
    lines: tuple[str, ...],
    styles: tuple[TextStyle, ...],
    size: tuple[int, int],
    baseline_px: float,
    *,
    center_px: float | None = None,
    panel: Panel | None = None,
) -> Overlay:
    """Returns the lines, each centred at center_px from the frame's left (None: in its middle), the last one's baseline
    at baseline_px from its top, all on a panel if there is one."""
    width, height = size
    canvas = Image.new("RGBA", size, (0, 0, 0, 0))
    boxes: list[Box] = []
    baseline = baseline_px
    for text, style in reversed(list(zip(lines, styles, strict=True))):
        layer = _draw_line(text, style, size, baseline, width / 2 if center_px is None else center_px)
        x0, y0, x1, y1 = layer.getbbox() or (0, 0, 0, 0)
        boxes.insert(0, Box(x0, y0, x1, y1))
        canvas = Image.alpha_composite(layer, canvas)
        baseline -= LINE_HEIGHT * style.size * height
    if panel is not None:
        canvas = Image.alpha_composite(_draw_panel(panel, canvas.getbbox() or (0, 0, 0, 0), size), canvas)
    even = even_box(canvas.getbbox() or (0, 0, 2, 2), size)
    rgba = np.asarray(canvas.crop((even.x0, even.y0, even.x1, even.y1)), dtype=np.float32) / np.float32(255)
    return overlay_of(rgba, even, tuple(boxes), height)


def even_box(around: tuple[int, int, int, int], size: tuple[int, int]) -> Box:
    """Returns the smallest box with even corners around (x0, y0, x1, y1), within a frame of that size."""
    x0, y0, x1, y1 = around
    width, height = size
    return Box(x0 // 2 * 2, y0 // 2 * 2, -(-x1 // 2) * 2, -(-y1 // 2) * 2).clip(Box(0, 0, width, height))


def fill_box(box: Box, fill: Rgb, alpha: float, height: int) -> Overlay:
    """Returns a box with even corners in one colour, for a frame of that height."""
    rgba = np.empty((box.y1 - box.y0, box.x1 - box.x0, 4), np.float32)
    rgba[:] = (*(value / 255 for value in fill), alpha)
    return overlay_of(rgba, box, (), height)


def _draw_panel(panel: Panel, around: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    pad = panel.pad * size[1]
    picture = Image.new("RGBA", size, (*panel.fill, 0))
    corners = (around[0] - 1.5 * pad, around[1] - pad, around[2] + 1.5 * pad, around[3] + pad)
    ImageDraw.Draw(picture).rounded_rectangle(corners, pad / 2, (*panel.fill, round(255 * panel.alpha)))
    return picture


def _draw_line(text: str, style: TextStyle, size: tuple[int, int], baseline: float, center: float) -> Image.Image:
    em = style.size * size[1]
    font = font_named(style.font, round(em))
    at = (center, baseline)
    stroke = style.outline * em

    def write(on: Image.Image, place: tuple[float, float], fill: int | Rgb, stroke_width: float = 0.0) -> None:
        draw = ImageDraw.Draw(on)
        draw.text(place, text, fill, font, "ms", stroke_width=stroke_width, language=_shapes(style))

    picture = Image.new("RGBA", size, (*style.outline_fill, 0))
    if style.box_alpha:
        ascent, descent = font.getmetrics()
        half, pad = measure(text, style, size[1]) / 2, style.box_pad * em
        # The font's own ascent leaves far more room than a renderer's box does in CJK fonts.
        top, bottom = baseline - min(ascent, 0.95 * em), baseline + min(descent, 0.28 * em)
        corners = (at[0] - half - pad, top - pad / 2, at[0] + half + pad, bottom + pad / 2)
        ImageDraw.Draw(picture).rectangle(corners, fill=(*style.box_fill, round(255 * style.box_alpha)))
    if style.shadow:
        offset = style.shadow * em
        mask = Image.new("L", size, 0)
        write(mask, (at[0] + offset, at[1] + offset), 255, stroke)
        mask = mask.filter(ImageFilter.GaussianBlur(0.02 * em)).point(lambda a: a * style.shadow_alpha)
        shadow = Image.new("RGBA", size, (0, 0, 0, 0))
        shadow.putalpha(mask)
        picture = Image.alpha_composite(picture, shadow)
    if stroke:
        outline = Image.new("RGBA", size, (*style.outline_fill, 0))
        write(outline, at, style.outline_fill, stroke)
        picture = Image.alpha_composite(picture, outline)
    letters = Image.new("RGBA", size, (*style.fill, 0))
    write(letters, at, style.fill)
    return Image.alpha_composite(picture, letters)


def overlay_of(rgba: Float, box: Box, line_boxes: tuple[Box, ...], height: int) -> Overlay:
    """Returns the picture (h, w, 4), RGBA from 0 to 1, for a frame of that height; box, with even corners, is where it
    stands."""
    red_share, blue_share = luma_shares(height)
    alpha = rgba[..., 3]
    red, green, blue = (rgba[..., i] * alpha for i in range(3))
    grey = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    u = 128 * alpha + 112 * (blue - grey) / (1 - blue_share)
    v = 128 * alpha + 112 * (red - grey) / (1 - red_share)
    return Overlay(box, alpha, 16 * alpha + 219 * grey, _halve(alpha), (_halve(u), _halve(v)), line_boxes)


def luma_shares(height: int) -> tuple[float, float]:
    """Returns the shares of red and blue in luma: BT.709 for HD, BT.601 below, as players assume."""
    return (0.2126, 0.0722) if height >= 720 else (0.299, 0.114)


def _halve(plane: Float) -> Float:
    height, width = plane.shape
    halved: Float = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float32)
    return halved


def blend(planes: Planes, overlay: Overlay, opacity: float = 1.0) -> None:
    """Draws the overlay into the planes, in place. opacity runs from 0 to 1."""
    box = overlay.box
    half = Box(box.x0 // 2, box.y0 // 2, box.x1 // 2, box.y1 // 2)
    parts = ((overlay.luma_alpha, overlay.luma, box), *((overlay.chroma_alpha, c, half) for c in overlay.chroma))
    for plane, (alpha, text, where) in zip(planes, parts, strict=True):
        part = plane[where.y0 : where.y1, where.x0 : where.x1]
        part[...] = np.clip(part * (1 - opacity * alpha) + opacity * text + 0.5, 0, 255).astype(np.uint8)
