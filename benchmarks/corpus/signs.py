"""The other text in pictures of the corpus, none of it a subtitle: what a station adds, and what was filmed. Data only.

All names are invented. The signs come in the shots at 9 s, 14 s, ... so that a case of 30 s has most of them.
"""

from __future__ import annotations

from benchmarks.corpus.spec import BLACK, WHITE, YELLOW, Graphic, Panel, TextStyle

__all__ = ["CLOCK", "CREDITS", "LOGO", "SIGNS", "TICKER"]

LOGO = Graphic(
    "fixed",
    ("ORBIT 4",),
    TextStyle("sans_bold", 0.042),
    x=0.905,
    y=0.075,
    opacity=0.6,
    panel=Panel((30, 60, 150), alpha=0.55, pad=0.014),
)
CLOCK = Graphic("clock", ("21:47:36",), TextStyle("sans", 0.038, outline=0.05), x=0.09, y=0.075, opacity=0.85)
TICKER = Graphic(
    "ticker",
    (
        "Harbor bridge closed until Monday after storm damage",
        "Central bank leaves rates at 2.75 percent",
        "Rovers beat Albion 3-1 in the cup",
        "Heat warning for the southern provinces",
        "Museum finds lost letters of the painter Ilse Varga",
        "Shares of Nordhaven Shipping up 4.2 percent",
    ),
    TextStyle("noto_sans", 0.036),
    x=0.5,
    y=0.957,
    # Four pixels a frame at 720p and 25 frames a second.
    speed=0.078125,
    panel=Panel((150, 20, 30), alpha=0.85, pad=0.012),
)
CREDITS = (
    Graphic(
        "fixed",
        ("Directed by", "Mara Lindqvist"),
        TextStyle("serif", 0.050, shadow=0.05),
        x=0.24,
        y=0.30,
        start_s=0.8,
        end_s=3.4,
        fade_s=0.3,
    ),
    Graphic(
        "fixed",
        ("Music by", "Tobias Ferreira"),
        TextStyle("serif", 0.050, shadow=0.05),
        x=0.74,
        y=0.58,
        start_s=4.2,
        end_s=7.0,
        fade_s=0.3,
    ),
)
SIGNS = (
    Graphic(
        "scene",
        ("TAXI",),
        TextStyle("sans_bold", 0.075, fill=BLACK),
        x=0.50,
        y=0.36,
        panel=Panel(YELLOW, pad=0.02),
        start_s=9.0,
        pan=0.55,
    ),
    Graphic(
        "scene",
        ("BAKERY", "since 1954"),
        TextStyle("serif", 0.062, fill=(250, 236, 200)),
        x=0.66,
        y=0.28,
        panel=Panel((96, 44, 30), pad=0.03),
        start_s=14.0,
        pan=0.08,
    ),
    # Where subtitles stand, and no subtitle.
    Graphic(
        "scene",
        ("HOTEL LUNA",),
        TextStyle("noto_sans", 0.060, fill=WHITE),
        x=0.62,
        y=0.84,
        panel=Panel((20, 70, 60), pad=0.02),
        start_s=19.0,
        pan=-0.35,
    ),
    Graphic(
        "scene",
        ("SPRING FAIR", "MARCH 14", "CITY HALL"),
        TextStyle("sans_bold", 0.055, fill=(150, 20, 40)),
        x=0.32,
        y=0.46,
        panel=Panel((245, 240, 225), pad=0.03),
        start_s=26.0,
        pan=0.02,
    ),
    Graphic(
        "scene",
        ("TAXI",),
        TextStyle("sans_bold", 0.060, fill=WHITE),
        x=0.50,
        y=0.62,
        panel=Panel((16, 16, 18), pad=0.016),
        start_s=33.0,
        pan=-0.5,
    ),
)
