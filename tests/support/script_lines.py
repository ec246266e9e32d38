"""Lines in scripts that the recognition model doesn't know, drawn as subtitles, with fonts of installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from tests.support.fonts import SourceMissingError, packaged_file
from yivideo_ray.types import Luma

__all__ = ["READABLE", "UNREADABLE_LINES", "draw_script_line"]

_NOTO = ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf", "fontpkg-noto-sans")
_DEJAVU = ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf", "matplotlib")
_CJK = ("mplfonts", "fonts/NotoSansCJKsc-Regular.otf", "mplfonts")
_THAI = ("fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf", "fontpkg-noto-sans-thai")

UNREADABLE_LINES: Mapping[str, tuple[tuple[str, str, str], tuple[str, ...]]] = {
    "cyrillic": (_NOTO, ("Куда ты спешишь так рано?", "Поезд уже ушёл со станции.", "Возьми зонтик, будет дождь.")),
    "greek": (_NOTO, ("Πού πηγαίνεις τόσο νωρίς;", "Το τρένο έφυγε από τον σταθμό.", "Πάρε ομπρέλα, θα βρέξει.")),
    "devanagari": (_NOTO, ("इतनी सुबह कहाँ जा रहे हो?", "गाड़ी स्टेशन से निकल चुकी है।", "छाता ले लो, बारिश होगी।")),
    "vietnamese": (
        _NOTO,
        (
            "Bạn đi đâu mà sớm thế?",
            "Chuyến tàu đã rời khỏi ga rồi.",
            "Nhớ mang ô, trời sắp đổ mưa đấy.",
            "Chúng ta sẽ gặp lại ở bến xe.",
            "Đừng quên khóa cửa trước khi ngủ.",
            "Cậu ấy chẳng hiểu gì cả.",
        ),
    ),
    "hangul": (_CJK, ("이렇게 일찍 어디 가세요?", "기차는 벌써 역을 떠났어요.", "우산 챙겨, 비가 올 거야.")),
    "arabic": (_DEJAVU, ("إلى أين تذهب في هذا الصباح؟", "غادر القطار المحطة منذ قليل.", "خذ المظلة فسوف تمطر.")),
    "hebrew": (_DEJAVU, ("לאן אתה הולך כל כך מוקדם?", "הרכבת כבר יצאה מהתחנה.", "קח מטרייה, עוד מעט יירד גשם.")),
    "thai": (_THAI, ("คุณจะไปไหนแต่เช้า", "รถไฟออกจากสถานีไปแล้ว", "เอาร่มไปด้วยฝนจะตก")),
}
"""For each of text.line_classes.UNREADABLE a font, as packaged_file takes it, and lines of one text."""

READABLE: Mapping[str, tuple[tuple[str, str, str], tuple[str, ...]]] = {
    "en": (_NOTO, ("Where are you going so early?", "The train has left the station.", "Take an umbrella with you.")),
    "fr": (_NOTO, ("Où vas-tu si tôt ce matin ?", "Le train a déjà quitté la gare.", "Prends ton parapluie, là-bas.")),
    "cs": (_NOTO, ("Kam jdeš tak brzy ráno?", "Vlak už odjel ze stanice.", "Vezmi si deštník, bude pršet.")),
    "zh": (_CJK, ("这么早你要去哪里", "火车已经离开车站了", "带上雨伞吧快下雨了")),
    "ja": (_CJK, ("こんなに早くどこへ行くの", "電車はもう駅を出ました", "傘を持って行ってね")),
}


@cache
def _font(font: tuple[str, str, str], size_px: int) -> ImageFont.FreeTypeFont:
    if not features.check("raqm"):
        pytest.skip("Pillow has no libraqm here, which joins letters")
    try:
        return ImageFont.truetype(str(packaged_file(*font)), size_px)
    except SourceMissingError as error:
        pytest.skip(str(error))


def draw_script_line(font: tuple[str, str, str], text: str, size_px: int = 34) -> Luma:
    """Returns white text with an outline on soft grey shapes. Skips the test if the font is not installed."""
    drawn = _font(font, size_px)
    x0, y0, x1, y1 = (round(value) for value in drawn.getbbox(text))
    margin = size_px
    width, height = x1 - x0 + 2 * margin, y1 - y0 + 2 * margin
    shapes = 90 + 30 * np.sin(np.arange(width) / 17)[None, :] * np.cos(np.arange(height) / 13)[:, None]
    picture = Image.fromarray(shapes.astype(np.uint8))
    ImageDraw.Draw(picture).text((margin - x0, margin - y0), text, 235, drawn, stroke_width=2, stroke_fill=16)
    return np.asarray(picture, np.uint8)
