"""Fonts for tests that draw text, out of installed packages, so that no system package is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import ImageFont

__all__ = ["CJK", "cjk_font", "latin_font"]


def _in_package(package: str, path: str) -> Path | None:
    # Looked up, not imported: mplfonts needs matplotlib, its fonts don't.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    font = Path(spec.submodule_search_locations[0]) / path
    return font if font.is_file() else None


CJK = _in_package("mplfonts", "fonts/NotoSansCJKsc-Regular.otf")
"""The path of Noto Sans CJK, None where the package mplfonts is not installed."""


def latin_font(size_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Returns Pillow's own font, which has Latin letters only."""
    return ImageFont.load_default(size_px)


def cjk_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Returns Noto Sans CJK. Raises LookupError where mplfonts is not installed."""
    if CJK is None:
        raise LookupError("the package mplfonts, which carries Noto Sans CJK, is not installed")
    return ImageFont.truetype(str(CJK), size_px)
