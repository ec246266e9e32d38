"""Cases of kinds that people bring: much in the picture that is no subtitle, and pictures of other shapes. Data only.

All names are invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.corpus.signs import CLOCK, LOGO
from benchmarks.corpus.spec import WHITE, YELLOW, CaseSpec, Graphic, Panel, Rgb, TextStyle

__all__ = ["LIFE_CASES"]

HD, FULL_HD, PHONE, STRIP = (1280, 720), (1920, 1080), (540, 960), (1280, 106)

_ROLES = (
    ("Directed by", "Mara Lindqvist"),
    ("Written by", "Otto Brandauer"),
    ("Produced by", "Ivy Castellan", "Tobias Ferreira"),
    ("Camera", "Jun Ogawa"),
    ("Sound", "Petra Novotna"),
    ("Music by", "The Harbour Quartet"),
    ("Edited by", "Lale Demir"),
    ("Costumes", "Nils Aakeson"),
    ("With thanks to", "the town of Ilsund"),
)
_COMMENTS = (
    "first time here",
    "that boat again",
    "who else came for the music",
    "so quiet",
    "look behind him",
    "best scene of all",
    "is this the harbour",
    "I know that street",
    "wait for it",
    "no way",
    "play it again",
    "what a morning",
)
_CAPTIONS: tuple[tuple[str, Rgb], ...] = (
    ("WOW!", YELLOW),
    ("SO FAST", (255, 96, 64)),
    ("WHAT NOW?", (96, 220, 255)),
    ("TOO LATE", (255, 120, 200)),
    ("ROUND TWO", YELLOW),
)
_GUESTS = (
    ("Ilse Varga", "Painter"),
    ("Bruno Keller", "Harbour master"),
    ("Dr. Amina Sow", "University of Ilsund"),
)
_HEADLINES = (
    "STORM CLOSES HARBOUR BRIDGE",
    "LETTERS OF PAINTER FOUND IN MUSEUM CELLAR",
    "ROVERS WIN CUP AFTER EXTRA TIME",
)


def _rolling(roles: Sequence[Sequence[str]], x: float, start_s: float, rise: float) -> Iterator[Graphic]:
    """Yields credits that follow each other up through the frame."""
    crossing_s = 1.3 / rise
    for at, lines in enumerate(roles):
        begin_s = start_s + at * 0.22 / rise
        yield Graphic(
            "moving",
            tuple(lines),
            TextStyle("sans", 0.040, outline=0.02),
            x=x,
            y=0.5,
            start_s=begin_s,
            end_s=begin_s + crossing_s,
            rise=rise,
        )


def _flying(comments: Sequence[str]) -> Iterator[Graphic]:
    """Yields comments that fly through the upper part of the frame, a row below each other."""
    for at, comment in enumerate(comments):
        yield Graphic(
            "moving",
            (comment,),
            TextStyle("noto_sans", 0.038, outline=0.04),
            x=0.5,
            y=0.08 + 0.075 * (at % 4),
            opacity=0.9,
            start_s=0.5 + 3.1 * at,
            end_s=8.5 + 3.1 * at,
            speed=0.18 + 0.01 * (at % 3),
        )


def _captions() -> Iterator[Graphic]:
    for at, (text, fill) in enumerate(_CAPTIONS):
        yield Graphic(
            "fixed",
            (text,),
            TextStyle("sans_bold", 0.115 + 0.01 * (at % 3), fill=fill, outline=0.09),
            x=(0.36, 0.64, 0.5)[at % 3],
            y=(0.34, 0.44, 0.28)[at % 3],
            start_s=3.3 + 7.3 * at,
            end_s=4.9 + 7.3 * at,
        )


def _lower_thirds() -> Iterator[Graphic]:
    for at, lines in enumerate(_GUESTS):
        yield Graphic(
            "fixed",
            lines,
            TextStyle("sans", 0.036, fill=(24, 24, 32)),
            x=0.2,
            y=0.68,
            panel=Panel((236, 232, 222), alpha=0.92, pad=0.016),
            start_s=2.2 + 12.4 * at,
            end_s=6.8 + 12.4 * at,
            fade_s=0.2,
        )


def _headlines() -> Iterator[Graphic]:
    for at, text in enumerate(_HEADLINES):
        yield Graphic(
            "fixed",
            (text,),
            TextStyle("sans_bold", 0.050, fill=WHITE),
            x=0.44,
            y=0.87,
            panel=Panel((170, 20, 30), alpha=0.95, pad=0.02),
            start_s=1.0 + 9.7 * at,
            end_s=9.4 + 9.7 * at,
            fade_s=0.2,
        )


_ON_A_PHONE = (
    Graphic("fixed", ("@ilsund_daily",), TextStyle("sans_bold", 0.020), x=0.22, y=0.90, opacity=0.95),
    Graphic("fixed", ("The last boat of the day", "#harbour #evening"), TextStyle("sans", 0.018), x=0.28, y=0.935),
    Graphic("fixed", ("12.4K",), TextStyle("sans_bold", 0.016), x=0.93, y=0.58),
    Graphic("fixed", ("318",), TextStyle("sans_bold", 0.016), x=0.93, y=0.66),
)

LIFE_CASES: tuple[CaseSpec, ...] = (
    CaseSpec(
        "life_en_credits_roll_720p25",
        *HD,
        "25",
        "en",
        TextStyle("noto_sans", 0.050, outline=0.06),
        seed=161,
        graphics=tuple(_rolling(_ROLES, 0.88, 1.0, 0.1)),
    ),
    CaseSpec(
        "life_none_credits_roll_720p25",
        *HD,
        "25",
        "none",
        TextStyle("sans", 0.06),
        seed=162,
        duration_s=30.0,
        clips=("bunny",),
        graphics=tuple(_rolling(_ROLES, 0.5, -4.0, 0.12)),
    ),
    CaseSpec(
        "life_zh_comments_720p25",
        *HD,
        "25",
        "zh",
        TextStyle("cjk_sans", 0.060, outline=0.06),
        seed=163,
        graphics=tuple(_flying(_COMMENTS)),
    ),
    CaseSpec(
        "life_en_captions_720p30",
        *HD,
        "30",
        "en",
        TextStyle("sans_bold", 0.056, outline=0.07),
        seed=164,
        graphics=tuple(_captions()),
    ),
    CaseSpec(
        "life_en_guests_1080p25",
        *FULL_HD,
        "25",
        "en",
        TextStyle("sans", 0.052, outline=0.06),
        seed=165,
        crf=23,
        graphics=(LOGO, *_lower_thirds()),
    ),
    CaseSpec(
        "life_none_news_720p25",
        *HD,
        "25",
        "none",
        TextStyle("sans", 0.06),
        seed=166,
        duration_s=30.0,
        graphics=(LOGO, CLOCK, *_headlines()),
    ),
    CaseSpec(
        "life_en_phone_960p30",
        *PHONE,
        "30",
        "en",
        TextStyle("sans_bold", 0.030, outline=0.07),
        seed=167,
        margin=0.26,
        graphics=_ON_A_PHONE,
    ),
    CaseSpec(
        "life_zh_strip_106p25", *STRIP, "25", "zh", TextStyle("cjk_sans", 0.36, outline=0.06), seed=168, margin=0.2
    ),
)
"""Everything is drawn by Pillow; the texts, times and footage of a case follow from its seed as in any other."""
