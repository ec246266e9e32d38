"""Lines to fit with: drawn in many fonts by both renderers of the made corpus, and read as a video's crops are.

A line is drawn over footage, as the mean of some frames, compressed, cut out and scaled as a crop is, and read by stage
perform_ocr, gaps between its glyphs included. What was drawn is known, so it is known where its spaces are.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from benchmarks.corpus.footage import Planes, plan_shots, render
from benchmarks.corpus.libass import DEFAULT_WEIGHT, draw_with_libass
from benchmarks.corpus.spec import WHITE, TextStyle
from benchmarks.corpus.text import blend, draw_lines, measure
from tests.support.fonts import FONTS, Font
from training.phrases import LANGUAGES, phrase
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.contract import OcrModels
from yivideo_ray.stages.create_stitched_images import create_stitched_images
from yivideo_ray.stages.crop_subtitle_images.stage import CROP_LINE_PX
from yivideo_ray.stages.perform_ocr import perform_ocr
from yivideo_ray.text.voting import without_look_alikes
from yivideo_ray.types import CharReading, Crop, CropMeta, Luma

__all__ = ["DrawnLine", "draw_and_read", "family_of", "load", "save"]


def _package(name: str, file: str, weight: int | None = None) -> Font:
    return Font(name.replace("-", "_"), f"files/{file}", name, weight)


# Those of pyproject's extra "training", beside what the tests draw with.
FONTS.update(
    {
        "barlow": _package("fontpkg-barlow-condensed", "BarlowCondensed-Medium.ttf"),
        "fira": _package("fontpkg-fira-sans", "FiraSans-Medium.ttf"),
        "garamond": _package("fontpkg-eb-garamond", "EBGaramond[wght].ttf", 400),
        "garamond_italic": _package("fontpkg-eb-garamond", "EBGaramond-Italic[wght].ttf", 400),
        "lato": _package("fontpkg-lato", "Lato-Regular.ttf"),
        "lato_bold": _package("fontpkg-lato", "Lato-Bold.ttf"),
        "merriweather": _package("fontpkg-merriweather", "Merriweather[opsz,wdth,wght].ttf", 400),
        "montserrat": _package("fontpkg-montserrat", "Montserrat[wght].ttf", 500),
        "noto_sans_regular": _package("fontpkg-noto-sans", "NotoSans[wdth,wght].ttf", 400),
        "noto_serif": _package("fontpkg-noto-serif", "NotoSerif[wdth,wght].ttf", 400),
        "open_sans": _package("fontpkg-open-sans", "OpenSans[wdth,wght].ttf", 400),
        "pt_sans": _package("fontpkg-pt-sans", "PT_Sans-Web-Regular.ttf"),
        "pt_sans_bold_italic": _package("fontpkg-pt-sans", "PT_Sans-Web-BoldItalic.ttf"),
        "roboto": _package("fontpkg-roboto", "Roboto[wdth,wght].ttf", 400),
        "roboto_slab": _package("fontpkg-roboto-slab", "RobotoSlab[wght].ttf", 400),
        "source_sans": _package("fontpkg-source-sans-3", "SourceSans3[wght].ttf", 400),
        "cjk_mono": Font("mplfonts", "fonts/NotoSansMonoCJKsc-Regular.otf", "mplfonts"),
    }
)
_SIZES = ((1280, 720), (854, 480), (1920, 1080))
# The share of the line's height, as detection sees it, in its em.
_LINE_EMS = (1.05, 1.35)
_EMS = (0.042, 0.070)
_JPEG = (45, 65, 80, 92)
_AVERAGED = (1, 6, 20)
_LOOKS: tuple[dict[str, float], ...] = (
    {"outline": 0.03, "shadow": 0.05},
    *({"outline": share} for share in (0.06, 0.09, 0.12, 0.14, 0.16, 0.18)),
    {"outline": 0.12, "shadow": 0.05},
    {"shadow": 0.06},
    {"box_alpha": 0.8},
    {"box_alpha": 0.95},
)
_TOGETHER = 40


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line that was drawn, and how it was read: for each character its text, the probability of a space before it,
    and the gap before it."""

    font: str
    renderer: str
    language: str
    text: str
    outline: float
    chars: tuple[tuple[str, float, float | None], ...]

    def readings(self) -> tuple[CharReading, ...]:
        return tuple(CharReading(text, 1.0, 0.0, 1.0, space, gap) for text, space, gap in self.chars)

    def spaces(self) -> list[bool | None]:
        """Returns whether a space was drawn before each character but the first; None where it isn't known, for one of
        the two beside it was misread, and after an apostrophe that a CJK font sets in a full-width cell: whether that
        is a space is for text.spaces to know."""
        drawn, before = [], []
        for word in self.text.split():
            drawn += list(word)
            before += [True] + [False] * (len(word) - 1)
        read = without_look_alikes("".join(text for text, _, _ in self.chars))
        at: dict[int, int] = {}
        for op in Levenshtein.opcodes(read, without_look_alikes("".join(drawn))):
            if op.tag == "equal":
                at.update(zip(range(op.src_start, op.src_end), range(op.dest_start, op.dest_end), strict=True))
        full_width = "’" if family_of(self.font).endswith("CJK") else None
        known = [
            index in at and at.get(index - 1) == at[index] - 1 and drawn[at[index] - 1] != full_width
            for index in range(1, len(self.chars))
        ]
        return [before[at[index]] if holds else None for index, holds in enumerate(known, 1)]


def family_of(font: str) -> str:
    """Returns which family a font belongs to: to know how well a font does that was never seen, all of its family are
    left out."""
    found = FONTS[font]
    if found.distribution != "mplfonts":
        return found.distribution
    return "Noto Serif CJK" if "Serif" in found.file else "Noto Sans CJK"


def draw_and_read(models: OcrModels, seed: int, lines_per_font: int) -> Iterator[DrawnLine]:
    """Yields lines in every font, by each renderer that can draw it. Lines that detection cuts, or misses, are left
    out. Errors: SourceMissingError."""
    rng = random.Random(seed)
    grounds = [(size, ground) for size in _SIZES for ground in _grounds(rng, size)]
    for font, entry in FONTS.items():
        renderers = ("pillow", "libass") if entry.weight in (None, DEFAULT_WEIGHT) else ("pillow",)
        for renderer in renderers:
            drawn: list[tuple[DrawnLine, Luma]] = []
            while len(drawn) < lines_per_font:
                drawn += _draw(rng, font, renderer, *rng.choice(grounds))
            for start in range(0, len(drawn), _TOGETHER):
                yield from _read(models, drawn[start : start + _TOGETHER])


def save(lines: Iterable[DrawnLine], path: Path) -> None:
    """Writes lines, one a row, as compressed JSON."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")


def load(path: Path) -> list[DrawnLine]:
    """Returns the lines that save wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(row) for row in file]
    return [DrawnLine(**{**row, "chars": tuple(tuple(char) for char in row["chars"])}) for row in rows]


def _grounds(rng: random.Random, size: tuple[int, int], count: int = 14) -> Iterator[Planes]:
    shots = plan_shots(rng, 60.0)
    for _ in range(count):
        shot = rng.choice(shots)
        start_s = rng.uniform(shot.start_s, shot.end_s)
        times = [min(start_s + 0.08 * n, shot.end_s) for n in range(rng.choice(_AVERAGED))]
        frames = [render(shot, time_s, size) for time_s in times]
        y, u, v = (
            np.asarray(np.mean(planes, axis=0, dtype=np.float32), np.uint8) for planes in zip(*frames, strict=True)
        )
        yield y, u, v


def _draw(
    rng: random.Random, font: str, renderer: str, size: tuple[int, int], ground: Planes
) -> list[tuple[DrawnLine, Luma]]:
    """Returns a line and its picture, or nothing where the line is too long or the font lacks a character of it."""
    has_chinese = FONTS[font].distribution == "mplfonts"
    # Some more often, as they are met more often.
    language = rng.choice((*LANGUAGES, "en", "en", "zh", "zh"))
    language = "en" if language == "zh" and not has_chinese else language
    text, look, em = phrase(rng, language), rng.choice(_LOOKS), rng.uniform(*_EMS)
    dark_on_light = look.get("box_alpha", 0) > 0.9
    colours = {"fill": (20, 20, 20), "box_fill": WHITE} if dark_on_light else {}
    style = TextStyle(font, em, **look, **colours)  # type: ignore[arg-type]
    if measure(text, style, size[1]) > 0.94 * size[0]:
        return []
    try:
        overlay = (
            draw_with_libass((text,), (style,), size, 0.06, top=False)
            if renderer == "libass"
            else draw_lines((text,), (style,), size, 0.9 * size[1])
        )
    except RuntimeError:
        return []
    planes = (ground[0].copy(), ground[1].copy(), ground[2].copy())
    blend(planes, overlay)
    picture = _as_crop(rng, planes[0], overlay.box, em * size[1])
    return [(DrawnLine(font, renderer, language, text, look.get("outline", 0.0), ()), picture)]


def _as_crop(rng: random.Random, luma: Luma, text: Box, em_px: float) -> Luma:
    margin = round(0.9 * em_px)
    box = Box(text.x0 - margin, text.y0 - margin // 2, text.x1 + margin, text.y1 + margin // 2)
    box = box.clip(Box(0, 0, luma.shape[1], luma.shape[0]))
    part = luma[box.y0 : box.y1, box.x0 : box.x1]
    _, packed = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, rng.choice(_JPEG)])
    picture = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    scale = min(1.0, CROP_LINE_PX / (rng.uniform(*_LINE_EMS) * em_px))
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _read(models: OcrModels, drawn: Sequence[tuple[DrawnLine, Luma]]) -> Iterator[DrawnLine]:
    crops = []
    for number, (_, picture) in enumerate(drawn):
        height, width = picture.shape
        # Far apart in time, so that none is taken for the one before it.
        meta = CropMeta(
            str(number), 0, Box(0, 0, width, height), 1.0, 10 * number, 10 * number, 10 * number + 1, 5, 5, 999
        )
        crops.append(Crop(meta, picture))
    for text in perform_ocr(create_stitched_images(crops), models):
        if len(text.lines) == 1 and text.lines[0].chars:
            line, _ = drawn[int(text.crop_id)]
            chars = tuple((char.text, char.space_before, char.gap_before) for char in text.lines[0].chars)
            yield DrawnLine(line.font, line.renderer, line.language, line.text, line.outline, chars)
