"""Draws subtitles with libass, the renderer of players and of FFmpeg, through FFmpeg's filter `ass`.

libass sets letters where a font's own measures put them, to a fraction of a pixel, and takes a font's size for that of
its whole line; Pillow rounds every advance to pixels and takes the em. What is read of the one may be lost of the
other.

FFmpeg is that of the PyPI package imageio-ffmpeg (BSD 2-Clause; the program in it is under the GPL, version 3, and is
run, never linked), else the system's. A cue is a subtitle file of its own in an empty folder with the fonts that it
names, so that no font of the system has a say.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont

from benchmarks.corpus.spec import Rgb, TextStyle
from benchmarks.corpus.text import Float, Overlay, even_box, overlay_of
from tests.support.fonts import FONTS, SourceMissingError, packaged_file
from yivideo_ray.geometry import Box

__all__ = ["draw_with_libass", "find_ffmpeg"]

# Weights of variable fonts can't be asked for: what libass draws is a font's default.
DEFAULT_WEIGHT = 400
SUBTITLES, FONT_FOLDER = "cue.ass", "fonts"
TIMEOUT_S = 60
# What libass says of the font that it took: asked for, where it is, its number in the file, its PostScript name.
_TAKEN = re.compile(r"fontselect: \((?P<asked>.+), \d+, \d+\) -> .+, -?\d+, (?P<name>\S+)")
_NOT_FOUND = re.compile(r"(Glyph 0x\w+ not found|fontselect: failed).*")

FILE = """\
[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
Language: {language}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
{styles}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:01:00.00,line0,,0,0,0,,{text}
"""
BOTTOM_CENTRE, TOP_CENTRE = 2, 8
OUTLINED, BOXED = 1, 3


@dataclass(frozen=True, slots=True)
class _Face:
    """A font file: the name by which libass finds it alone, its PostScript name, and the height of its line in ems,
    which is what libass takes a size for."""

    path: Path
    asked: str
    name: str
    line_ems: float


def draw_with_libass(
    lines: Sequence[str], styles: Sequence[TextStyle], size: tuple[int, int], margin: float, *, top: bool
) -> Overlay:
    """Returns the lines as one subtitle in the middle of the frame's width, margin (a share of its height) from its
    bottom, or from its top.

    line_boxes holds one box around all of them. Errors: SourceMissingError, and RuntimeError where libass
    took another font than the one asked for.
    """
    width, height = size
    file = FILE.format(
        width=width,
        height=height,
        language=next((style.language for style in styles if style.language), ""),
        styles="\n".join(_style_line(f"line{n}", style, height, margin, top) for n, style in enumerate(styles)),
        text="\\N".join(f"{{\\rline{n}}}{_escaped(line)}" for n, line in enumerate(lines)),
    )
    on_black, on_white = _run(file, {_face(style.font) for style in styles}, size)
    # What covers the background hides the difference of the two.
    alpha = 1 - (on_white - on_black).mean(axis=2) / 255
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        raise RuntimeError(f"libass drew nothing of {lines}")
    around = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    even = even_box(around, size)
    part = np.dstack((on_black / 255, alpha))[even.y0 : even.y1, even.x0 : even.x1]
    part[..., :3] /= np.maximum(part[..., 3:], 1 / 255)
    return overlay_of(part, even, (Box(*around),), height)


@lru_cache
def find_ffmpeg() -> Path:
    """Returns an FFmpeg that has libass. Errors: SourceMissingError."""
    for program in _programs():
        told = subprocess.run(
            [program, "-hide_banner", "-filters"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if re.search(r"^ \S+ +ass +V->V", told.stdout, re.MULTILINE):
            return program
    raise SourceMissingError(
        "An FFmpeg with libass is needed, from the PyPI package imageio-ffmpeg (pip install --no-deps imageio-ffmpeg) "
        "or from the system (its filters, `ffmpeg -filters`, name ass)."
    )


def _programs() -> list[Path]:
    # Named after system, architecture and version.
    try:
        folder = packaged_file("imageio_ffmpeg", "binaries/README.md", "imageio-ffmpeg").parent
        packaged = [path for path in sorted(folder.glob("ffmpeg-*")) if os.access(path, os.X_OK)]
    except SourceMissingError:
        packaged = []
    found = shutil.which("ffmpeg")
    return [*packaged, *([Path(found)] if found else [])]


@lru_cache
def _face(name: str) -> _Face:
    font = FONTS[name]
    if font.weight not in (None, DEFAULT_WEIGHT):
        raise ValueError(f"libass can't draw {name}: a weight of {font.weight} is not its file's default")
    path = packaged_file(font.module, font.file, font.distribution)
    with TTFont(path, lazy=True) as opened:
        measures = opened["OS/2"]
        line = measures.usWinAscent + measures.usWinDescent
        whole, postscript = (opened["name"].getDebugName(number) for number in (4, 6))
        # A font with PostScript outlines is known by its PostScript name, any other one by its whole name.
        asked = postscript if "CFF " in opened else whole
        return _Face(path, asked, postscript, line / opened["head"].unitsPerEm)


def _style_line(name: str, style: TextStyle, height: int, margin: float, top: bool) -> str:
    face, em = _face(style.font), style.size * height
    boxed = style.box_alpha > 0
    edge = _colour(style.box_fill, style.box_alpha) if boxed else _colour(style.outline_fill)
    fill = _colour(style.fill)
    shadow = _colour((0, 0, 0), style.shadow_alpha)
    sizes = (style.box_pad if boxed else style.outline) * em, style.shadow * em
    fields = (
        *(name, face.asked, f"{em * face.line_ems:.3f}", fill, fill, edge, shadow),
        # Bold to Angle.
        *("0,0,0,0", "100,100", "0,0"),
        *(BOXED if boxed else OUTLINED, *(f"{size:.2f}" for size in sizes)),
        *(TOP_CENTRE if top else BOTTOM_CENTRE, 0, 0, round(margin * height), 1),
    )
    return "Style: " + ",".join(map(str, fields))


def _colour(fill: Rgb, alpha: float = 1.0) -> str:
    red, green, blue = fill
    return f"&H{round(255 * (1 - alpha)):02X}{blue:02X}{green:02X}{red:02X}"


def _escaped(line: str) -> str:
    if "\\" in line:
        raise ValueError(f"libass takes a backslash for the beginning of a command: {line!r}")
    return line.replace("{", r"\{").replace("}", r"\}")


def _run(file: str, faces: set[_Face], size: tuple[int, int]) -> Float:
    """Returns what FFmpeg draws of the subtitle file on black and on white: two RGB pictures (2, h, w, 3), 0 to 255.

    Its own alpha is no use: that of something translucent comes out squared.
    """
    width, height = size
    program = find_ffmpeg()
    grounds = [f"color={colour}:s={width}x{height}:r=1:d=1,format=rgb24[{colour}]" for colour in ("black", "white")]
    graph = f"{';'.join(grounds)};[black][white]concat,ass=filename={SUBTITLES}:fontsdir={FONT_FOLDER}"
    with tempfile.TemporaryDirectory(prefix="libass-") as folder:
        fonts = Path(folder, FONT_FOLDER)
        fonts.mkdir()
        for face in faces:
            (fonts / face.path.name).symlink_to(face.path)
        Path(folder, SUBTITLES).write_text(file, encoding="utf-8", newline="\n")
        done = subprocess.run(
            [
                *(program, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"),
                *("-filter_complex", graph, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
            ],
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    told = done.stderr.decode("utf-8", "replace")
    if done.returncode or len(done.stdout) != 2 * 3 * width * height:
        raise RuntimeError(f"{program} could not draw the subtitles:\n{told[-2000:]}")
    _check_fonts(told, {face.asked: face.name for face in faces})
    return np.frombuffer(done.stdout, np.uint8).reshape(2, height, width, 3).astype(np.float32)


def _check_fonts(told: str, names: dict[str, str]) -> None:
    """Raises RuntimeError unless all was drawn in these fonts: PostScript names by what was asked for."""
    taken = {match["asked"]: match["name"] for match in _TAKEN.finditer(told)}
    missing = _NOT_FOUND.search(told)
    if missing or taken != names:
        raise RuntimeError(f"libass took {taken} for {names}; {missing[0] if missing else 'no glyph missing'}")
