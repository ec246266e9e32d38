"""Draws lines of text in many scripts as videos show them, with every font that has the letters.

The words are in training/words, a file for each language; the fonts are in directories that the caller names, such as
those of Debian's packages fonts-noto-core, fonts-thai-tlwg, fonts-nanum, culmus and fonts-kacst, or of wheels such as
fontpkg-noto-sans and mplfonts: none are kept here. What lies behind the lines is footage of benchmarks.corpus.
"""

from __future__ import annotations

import math
import random
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from fontTools.ttLib import TTCollection, TTFont, TTLibError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.corpus.footage import plan_shots, render
from yivideo_ray.types import Luma

__all__ = [
    "LANGUAGES",
    "DrawnLines",
    "Face",
    "as_seen",
    "draw_lines",
    "faces_by_class",
    "faces_in",
    "footage",
    "line_of",
]

WORDS = Path(__file__).with_name("words")

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "han": ("zh", "zh", "zh_hant"),
    "kana": ("ja",),
    # English is what a third of the lines in Latin letters say.
    "latin": (
        *("en",) * 10,
        *("fr", "de", "es", "pt", "it", "nl", "pl", "cs", "hu", "ro", "tr", "sv", "da", "fi", "hr", "lt", "id"),
        *("pinyin",) * 2,
    ),
    "vietnamese": ("vi",),
    "greek": ("el",),
    "cyrillic": ("ru", "ru", "ru", "uk", "bg", "sr_cyrl"),
    "arabic": ("ar", "ar", "fa", "ur"),
    "hebrew": ("he",),
    "thai": ("th",),
    "devanagari": ("hi", "hi", "mr"),
    "hangul": ("ko",),
}
"""The classes of lines, and the languages that each is drawn in."""

_UNSPACED = ("zh", "zh_hant", "ja")
_CASED = ("latin", "vietnamese", "greek", "cyrillic")
Float = NDArray[np.float32]

SMALLEST_PX, LARGEST_PX = 11, 64
"""Sizes of fonts that lines are drawn in: what is read of large text is shrunk to 48 pixels."""
WIDEST_PX = 2400
_FOOTAGE_S = 180.0
_VISIBLE = 64
# So many lines let shine through what is behind them.
_FAINT = 0.15
_SUFFIXES = {".ttf", ".otf", ".ttc"}
# A font that lacks more of a language's letters than this is not made for it.
_ENOUGH = 0.97


@dataclass(frozen=True, slots=True)
class Face:
    """A font, the design that it belongs to, the characters that it has, and the classes whose letters it has nearly
    all of."""

    path: Path
    index: int
    design: str
    characters: frozenset[int]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLines:
    """Lines as a video shows them: picture is what lies around them, em_px the size of their font."""

    texts: tuple[str, ...]
    script: str
    design: str
    picture: Luma
    em_px: int


@cache
def _words(language: str) -> tuple[str, ...]:
    text = (WORDS / f"{language}.txt").read_text(encoding="utf-8")
    return tuple("".join(text.split()) if language in _UNSPACED else text.split())


def line_of(script: str, rng: random.Random, characters: frozenset[int] | None = None) -> str:
    """Returns a line of words of a language of the script, in any order, that the characters can write (None: any);
    empty where there are too few."""
    language = rng.choice(LANGUAGES[script])
    if script == "latin" and rng.random() < _OF_FIGURES:
        return " ".join(_figures(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    words = _writable(language, characters)
    mark = rng.choice(("", "", "", ".", "!", "?", ",", "..."))
    if language in _UNSPACED:
        if len(words) < 100:
            return ""
        size = rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16))
        at = rng.randrange(len(words) - size)
        marks = {"": "", ".": "。", "!": "！", "?": "？", ",": "，", "...": "……"}
        line = "".join(words[at : at + size]) + marks[mark]
        if rng.random() < _WITH_GUESTS:
            guest, place = rng.choice((_figures(rng), rng.choice(_writable("en", None)))), rng.randrange(size + 1)
            line = f"{line[:place]}{guest}{line[place:]}"
        return line
    if len(words) < 20:
        return ""
    chosen = [rng.choice(words) for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7)))]
    if rng.random() < 0.06:
        chosen.insert(
            rng.randrange(len(chosen) + 1), rng.choice(("2024", "10", "7", "15:30", "100%", "3", "1990", "5"))
        )
    if language == "pinyin" and rng.random() < _WITHOUT_TONES:
        chosen = ["".join(c for c in unicodedata.normalize("NFD", word) if c.isascii()) for word in chosen]
    line = ("" if language == "th" and rng.random() < 0.6 else " ").join(chosen)
    if script == "greek":
        mark = mark.replace("?", ";")
    if script == "arabic":
        mark = mark.replace("?", "؟").replace(",", "،")
    if script in _CASED:
        how = rng.random()
        line = line.upper() if how < 0.15 else line[:1].upper() + line[1:] if how < 0.7 else line
    return line + mark


# Of lines in Latin letters so many are figures, and of Chinese and Japanese ones so many hold some, or a Latin word.
_OF_FIGURES, _WITH_GUESTS = 0.15, 0.3
_WITHOUT_TONES = 0.5


def _figures(rng: random.Random) -> str:
    """Returns a time, an amount, a date, a code or the like."""
    number, small = rng.randrange(1, 5000), rng.randrange(60)
    return rng.choice(
        (
            f"{small % 24:02}:{rng.randrange(60):02}",
            f"{number}",
            f"{small}%",
            f"{number / 10:.1f}",
            f"{number:,}",
            f"{small}{rng.choice(('kg', 'km', 'mL', 'g', 'cm', 'GB', 'kJ', 'h', '°C', 'x'))}",
            f"{number}({rng.choice(('mg', 'kJ', 'mL', 'g', 'kcal'))})",
            f"{rng.choice('$€£¥')}{number}",
            f"{rng.randrange(1950, 2030)}-{small % 12 + 1:02}-{small % 28 + 1:02}",
            f"{rng.choice(('No. ', '#', '@', 'v', 'S', 'EP'))}{small}",
            f"{''.join(rng.choices('ABCDEFGHKLMNPRSTVXZ', k=rng.randrange(2, 5)))}{number * small}",
            "".join(rng.choices("ABCDEFGHIJKLMNOPRSTUVWXYZabdeghmnrt", k=rng.randrange(1, 4))),
            f"+{small} {rng.randrange(100, 999)} {rng.randrange(10**5, 10**7)}",
            f"www.{''.join(rng.choices('abcdefghiklmnoprstu', k=rng.randrange(4, 10)))}.com",
        )
    )


@lru_cache(maxsize=4096)
def _writable(language: str, characters: frozenset[int] | None) -> tuple[str, ...]:
    """Returns the words of a language, of an unspaced one its characters, that a font has all characters of."""
    return tuple(
        word
        for word in _words(language)
        if characters is None or all(ord(c) in characters for c in word + word.upper())
    )


def faces_in(directories: Iterable[Path]) -> list[Face]:
    """Returns the fonts in directories and below that can draw a class, in the order of their designs.

    The fonts of a folder, as a package has them, are one design, and so are all of Noto's: none may be known from the
    others where the classes are tried on fonts that the fit has not seen.
    """
    found: list[Face] = []
    for path in sorted(path for top in directories for path in top.rglob("*") if path.suffix.lower() in _SUFFIXES):
        try:
            fonts = TTCollection(path).fonts if path.suffix.lower() == ".ttc" else [TTFont(path)]
            for index, font in enumerate(fonts):
                has = frozenset(font.getBestCmap() or ())
                classes = tuple(script for script in LANGUAGES if _draws(script, font, has))
                name = path.name.lower()
                design = "noto" if name.startswith(("noto", "source")) else path.parent.name.removeprefix("files")
                if classes:
                    found.append(Face(path, index, design or path.parent.parent.name, has, classes))
        except (TTLibError, OSError, KeyError, AssertionError):
            continue
    return sorted(found, key=lambda face: (face.design, face.path, face.index))


def _draws(script: str, font: TTFont, has: frozenset[int]) -> bool:
    """Returns whether a font has nearly all letters of the first language of a class, and joins those of Arabic."""
    letters = [ord(char) for word in _words(LANGUAGES[script][0]) for char in word if char.isalpha()]
    if sum(letter in has for letter in letters) < _ENOUGH * len(letters):
        return False
    if script != "arabic":
        return True
    features = (
        {record.FeatureTag for record in font["GSUB"].table.FeatureList.FeatureRecord} if "GSUB" in font else set()
    )
    return {"init", "medi", "fina"} <= features


@lru_cache(maxsize=512)
def _font(path: Path, index: int, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(path), size, index)
    try:
        axes = font.get_variation_axes()
    except OSError:
        return font
    values = []
    for axis in axes:
        least, usual, most = (float(axis[key] or 0) for key in ("minimum", "default", "maximum"))
        values.append(min(max(weight, least), most) if axis["name"] == b"Weight" else usual)
    font.set_variation_by_axes(values)
    return font


def draw_lines(script: str, face: Face, rng: random.Random) -> DrawnLines | None:
    """Returns one or two lines of a class in a font; None where the font can't write them, or too wide ones."""
    texts = [line_of(script, rng, face.characters) for _ in range(rng.choice((1, 1, 2)))]
    em = round(math.exp(rng.uniform(math.log(SMALLEST_PX), math.log(LARGEST_PX))))
    font = _font(face.path, face.index, em, rng.choice((400, 500, 600, 700, 800)))
    language = {"kana": "ja", "han": "zh-Hans"}.get(script)
    boxes = [tuple(map(round, font.getbbox(text, language=language))) for text in texts]
    width = max(x1 - x0 for x0, _, x1, _ in boxes)
    if not all(texts) or not em / 2 <= width <= WIDEST_PX:
        return None
    margin, pitch = 2 * em, round(em * rng.uniform(1.15, 1.5))
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    size = (width + 2 * margin, bottom - top + pitch * (len(texts) - 1) + 2 * margin)
    letters = Image.new("L", size, 0)
    draw = ImageDraw.Draw(letters)
    spread = rng.choice((0, 0, 1))
    for number, (text, (x0, _, x1, _)) in enumerate(zip(texts, boxes, strict=True)):
        x = margin - x0 + spread * (width - (x1 - x0)) // 2
        draw.text((x, margin - top + number * pitch), text, 255, font, language=language)
    mask = _slanted(np.asarray(letters), rng)
    if rng.random() < _FAINT:
        mask = np.asarray(cv2.convertScaleAbs(mask, alpha=rng.uniform(0.4, 0.9)), np.uint8)
    if mask.max() < _VISIBLE:
        return None
    ground = footage(rng, size).astype(np.float32)
    _draw_on(ground, mask, em, rng)
    return DrawnLines(tuple(texts), script, face.design, as_seen(ground, em, rng), em)


def footage(rng: random.Random, size: tuple[int, int]) -> Luma:
    """Returns a piece of footage of a size (width, height), or a plain ground."""
    if rng.random() < 0.2:
        return np.full((size[1], size[0]), rng.choice((16, 16, 24, 60, 120, 200, 235)), np.uint8)
    frame = rng.choice(_frames())
    scale = max(1.0, size[0] / 1280, size[1] / 720)
    if scale > 1:
        frame = np.asarray(cv2.resize(frame, None, fx=scale, fy=scale), np.uint8)
    x, y = rng.randrange(frame.shape[1] - size[0] + 1), rng.randrange(frame.shape[0] - size[1] + 1)
    piece = frame[y : y + size[1], x : x + size[0]]
    # What moves behind a text that stands is blurred by the mean over its frames.
    if rng.random() < 0.5:
        piece = np.asarray(cv2.GaussianBlur(piece, (0, 0), rng.uniform(1, 8)), np.uint8)
    return np.ascontiguousarray(piece)


@cache
def _frames() -> tuple[Luma, ...]:
    shots = plan_shots(random.Random(7), _FOOTAGE_S)
    return tuple(
        render(shot, shot.start_s + at * (shot.end_s - shot.start_s), (1280, 720))[0]
        for shot in shots
        for at in (0.1, 0.5, 0.9)
    )


def _slanted(letters: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    """Returns the letters, some slanted as renderers do where a font has no italics, or turned as signs are."""
    height, width = letters.shape
    how = rng.random()
    if how < 0.08:
        change: NDArray[Any] = np.array([[1, -0.2, 0.1 * height], [0, 1, 0]], np.float64)
    elif how < 0.18 and width < 12 * height:
        change = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-4, 4), 1.0)
    else:
        return letters
    return np.asarray(cv2.warpAffine(letters, change, (width, height)), np.uint8)


def _draw_on(ground: Float, mask: NDArray[np.uint8], em: int, rng: random.Random) -> None:
    """Draws letters on a ground in a style of subtitles, in place."""
    dark = rng.random() < 0.15
    light, black = rng.uniform(150, 235), rng.uniform(16, 60)
    fill, edge = (black, max(190.0, light)) if dark else (light, black)
    style = rng.choices(("outline", "box", "shadow", "plain"), (50, 20, 18, 12))[0]
    if style == "box" or (dark and style != "outline"):
        ys, xs = np.nonzero(mask > _VISIBLE)
        pad, alpha = round(em * rng.uniform(0.1, 0.35)), rng.choice((0.5, 0.7, 0.85, 1.0))
        part = ground[max(0, ys.min() - pad) : ys.max() + pad, max(0, xs.min() - pad) : xs.max() + pad]
        part += alpha * (edge - part)
    stroke = max(1, round(em * rng.uniform(0.03, 0.13))) if style == "outline" else 0
    thick = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * stroke + 1, 2 * stroke + 1)))
    if style == "shadow" or rng.random() < 0.2:
        offset = max(1, round(em * rng.uniform(0.03, 0.09)))
        shadow = np.roll(thick, (offset, offset), (0, 1))
        _blend(ground, cv2.GaussianBlur(shadow, (0, 0), 0.5 + 0.03 * em), edge)
    if stroke:
        _blend(ground, thick, edge)
    _blend(ground, mask, fill)


def _blend(ground: Float, mask: Any, value: float) -> None:
    ground += mask.astype(np.float32) / 255 * (value - ground)


def as_seen(picture: Float, em: int, rng: random.Random) -> Luma:
    """Returns a picture as it comes out of a video: scaled, blurred and compressed."""
    height, width = picture.shape
    if rng.random() < 0.35 and em > SMALLEST_PX:
        scale = rng.uniform(max(0.45, SMALLEST_PX / em), 1.0)
        low = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(low, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.4 + 0.03 * em)), np.float32)
    if rng.random() < 0.3:
        grain = np.random.default_rng(rng.randrange(1 << 30))
        picture = picture + grain.normal(0, rng.uniform(1, 7), picture.shape).astype(np.float32)
    plain = np.clip(picture, 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, rng.choice((20, 30, 40, 50, 60, 75, 90))])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def faces_by_class(faces: Sequence[Face]) -> dict[str, dict[str, list[Face]]]:
    """Returns the fonts of each class, by their designs."""
    found: dict[str, dict[str, list[Face]]] = defaultdict(lambda: defaultdict(list))
    for face in faces:
        for script in face.classes:
            found[script][face.design].append(face)
    return found
