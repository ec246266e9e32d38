"""What each corpus case is: data, and how a case is called."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from benchmarks.corpus.libass_cases import LIBASS_CASES
from benchmarks.corpus.life_cases import LIFE_CASES
from benchmarks.corpus.signs import CLOCK, CREDITS, LOGO, SIGNS, TICKER
from benchmarks.corpus.spec import WHITE, YELLOW, CaseSpec, TextStyle

__all__ = ["ALL_CASES", "CASES", "DEMO", "CaseSpec", "TextStyle", "cases_named"]

# Width and height of the frames, in pixels.
SD, HD, FULL_HD, UHD = (854, 480), (1280, 720), (1920, 1080), (3840, 2160)

CASES: tuple[CaseSpec, ...] = (
    CaseSpec("en_white_outline_720p25", *HD, "25", "en", TextStyle("sans", 0.060, outline=0.07), seed=101),
    CaseSpec("zh_white_outline_720p25", *HD, "25", "zh", TextStyle("cjk_sans", 0.062, outline=0.06), seed=102),
    CaseSpec(
        "bilingual_720p24",
        *HD,
        "24",
        "zh_en",
        TextStyle("cjk_sans", 0.060, outline=0.06),
        seed=103,
        second_style=TextStyle("cjk_sans", 0.043, outline=0.07),
        margin=0.05,
    ),
    CaseSpec(
        "en_yellow_1080p23976",
        *FULL_HD,
        "24000/1001",
        "en",
        TextStyle("sans_bold", 0.052, fill=YELLOW, outline=0.06, shadow=0.05),
        seed=104,
        duration_s=34.0,
        crf=23,
    ),
    CaseSpec("zh_boxed_480p30", *SD, "30", "zh", TextStyle("cjk_sans", 0.066, box_alpha=0.78), seed=105),
    CaseSpec("en_boxed_serif_720p2997", *HD, "30000/1001", "en", TextStyle("serif", 0.058, box_alpha=0.85), seed=106),
    CaseSpec(
        "en_serif_shadow_1080p25",
        *FULL_HD,
        "25",
        "en",
        TextStyle("serif", 0.056, outline=0.025, shadow=0.06),
        seed=107,
        duration_s=34.0,
        crf=23,
    ),
    CaseSpec(
        "zh_low_bitrate_480p25",
        *SD,
        "25",
        "zh",
        TextStyle("cjk_serif", 0.068, outline=0.07),
        seed=108,
        bitrate_kbps=450,
        preset="fast",
    ),
    CaseSpec("en_vfr_720p", *HD, "30", "en", TextStyle("noto_sans", 0.056, outline=0.065), seed=109, vfr=True),
    CaseSpec("en_fades_720p25", *HD, "25", "en", TextStyle("noto_sans", 0.056, outline=0.06), seed=110, fade_s=0.2),
    CaseSpec(
        "en_rapid_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans_bold", 0.058, outline=0.07),
        seed=111,
        duration_s=34.0,
        rhythm="rapid",
    ),
    CaseSpec(
        "zh_rapid_720p30",
        *HD,
        "30",
        "zh",
        TextStyle("cjk_sans", 0.062, outline=0.06),
        seed=112,
        duration_s=34.0,
        rhythm="rapid",
    ),
    CaseSpec("fr_white_outline_720p25", *HD, "25", "fr", TextStyle("sans", 0.058, outline=0.07), seed=113),
    CaseSpec("es_serif_720p25", *HD, "25", "es", TextStyle("serif", 0.058, outline=0.06), seed=114),
    CaseSpec(
        "de_yellow_1080p25",
        *FULL_HD,
        "25",
        "de",
        TextStyle("noto_sans", 0.052, fill=YELLOW, outline=0.06),
        seed=115,
        duration_s=34.0,
        crf=23,
    ),
    CaseSpec(
        "ja_white_outline_720p24", *HD, "24", "ja", TextStyle("cjk_sans", 0.060, outline=0.06, language="ja"), seed=116
    ),
    CaseSpec(
        "en_italic_serif_720p25",
        *HD,
        "25",
        "en",
        TextStyle("serif_italic", 0.060, outline=0.035, shadow=0.05),
        seed=117,
    ),
    CaseSpec(
        "en_boxed_480p_low_bitrate",
        *SD,
        "30000/1001",
        "en",
        TextStyle("sans", 0.064, box_alpha=0.65),
        seed=118,
        bitrate_kbps=420,
        preset="fast",
    ),
    CaseSpec(
        "en_box_white_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans", 0.056, fill=(24, 24, 28), box_alpha=0.82, box_fill=WHITE),
        seed=119,
    ),
    CaseSpec("en_cjk_font_720p24", *HD, "24", "en", TextStyle("cjk_sans", 0.055, outline=0.06), seed=120),
    CaseSpec(
        "bilingual_1080p25",
        *FULL_HD,
        "25",
        "zh_en",
        TextStyle("cjk_sans", 0.056, outline=0.055),
        seed=121,
        second_style=TextStyle("cjk_sans", 0.040, outline=0.07),
        duration_s=34.0,
        crf=23,
        margin=0.05,
    ),
    CaseSpec(
        "en_vertical_motion_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans", 0.058, outline=0.06),
        seed=122,
        camera="vertical",
    ),
    CaseSpec(
        "en_2160p25",
        *UHD,
        "25",
        "en",
        TextStyle("sans", 0.054, outline=0.06),
        seed=123,
        duration_s=20.0,
        crf=25,
        preset="ultrafast",
    ),
    # The street clip shows a sign: only the other one is without any text.
    CaseSpec("none_720p25", *HD, "25", "none", TextStyle("sans", 0.06), seed=124, duration_s=30.0, clips=("bunny",)),
    CaseSpec(
        "en_top_and_bottom_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans", 0.058, outline=0.065),
        seed=125,
        duration_s=45.0,
        top_share=0.3,
    ),
    CaseSpec(
        "en_karaoke_720p25", *HD, "25", "en", TextStyle("sans_bold", 0.058, outline=0.065), seed=126, growing_share=0.5
    ),
    CaseSpec(
        "en_short_words_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans", 0.060, outline=0.07),
        seed=127,
        duration_s=45.0,
        rhythm="short_words",
    ),
    CaseSpec(
        "en_logo_and_ticker_720p25",
        *HD,
        "25",
        "en",
        TextStyle("noto_sans", 0.054, outline=0.06),
        seed=128,
        margin=0.13,
        graphics=(LOGO, CLOCK, TICKER),
    ),
    CaseSpec(
        "en_scene_text_720p25",
        *HD,
        "25",
        "en",
        TextStyle("sans", 0.058, outline=0.065),
        seed=129,
        duration_s=45.0,
        graphics=(*CREDITS, *SIGNS),
    ),
    CaseSpec(
        "none_logo_720p25",
        *HD,
        "25",
        "none",
        TextStyle("sans", 0.06),
        seed=130,
        duration_s=30.0,
        graphics=(LOGO, *SIGNS),
    ),
    *LIBASS_CASES,
)
"""What accuracy measures against its thresholds."""

ALL_CASES = (*CASES, *LIFE_CASES)
"""With the cases from life, which have no thresholds: what is left out of them is a matter of the fit of layers."""

DEMO = CaseSpec(
    name="demo",
    width=960,
    height=540,
    rate="25",
    language="zh_en",
    style=TextStyle("cjk_sans", 0.064, outline=0.06),
    seed=20,
    second_style=TextStyle("sans", 0.050, outline=0.07),
    duration_s=24.0,
    crf=27,
    preset="slow",
    margin=0.06,
    clips=("bunny",),
    script=(
        (0.8, 2.6, ("天亮了",)),
        (2.6, 5.0, ("早上好！", "Good morning!")),
        (5.6, 8.2, ("Mr. O'Brien is still asleep.",)),
        (8.28, 10.6, ("他昨晚9:45才回家",)),
        (11.4, 14.0, ("那只大兔子是谁？", "Who is that big rabbit?")),
        (14.0, 16.0, ("- Is he friendly?", "- I hope so...")),
        (16.8, 18.4, ("别怕。",)),
        (18.92, 20.2, ("别怕。",)),
        (20.2, 23.2, ("他只想晒晒太阳，吃点胡萝卜", "He just wants some sun and a few carrots.")),
    ),
)
"""The video in samples/: Chinese and English, one line and two."""


def cases_named(names: Sequence[str]) -> tuple[CaseSpec, ...]:
    """Returns the cases of those names, each once, in the order asked for; a name may be a pattern, as "libass_*".

    Raises KeyError with the known names where one fits none.
    """
    found: dict[str, CaseSpec] = {}
    for name in names:
        fitting = {case.name: case for case in ALL_CASES if fnmatchcase(case.name, name)}
        if not fitting:
            raise KeyError(f"no corpus case {name!r}; there are: {', '.join(case.name for case in ALL_CASES)}")
        found.update(fitting)
    return tuple(found.values())
