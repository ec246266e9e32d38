"""The corpus cases that libass draws. Data only.

Noto Sans CJK with a thick outline is what many translators' tools set English in, under a Chinese line or alone. Its
spaces are narrow, and outlines of a seventh of the em, as Aegisub's default style has, close them.
"""

from __future__ import annotations

from benchmarks.corpus.spec import WHITE, YELLOW, CaseSpec, TextStyle

__all__ = ["LIBASS_CASES"]

LIBASS_CASES: tuple[CaseSpec, ...] = (
    CaseSpec(
        "libass_en_cjk_sans_720p25",
        1280,
        720,
        "25",
        "en",
        TextStyle("cjk_sans", 0.047, outline=0.14),
        seed=131,
        renderer="libass",
        texts="en_thin",
        duration_s=60.0,
        margin=0.05,
    ),
    CaseSpec(
        "libass_bilingual_cjk_720p24",
        1280,
        720,
        "24",
        "zh_en",
        TextStyle("cjk_sans", 0.050, outline=0.12),
        seed=132,
        second_style=TextStyle("cjk_sans", 0.042, outline=0.14),
        renderer="libass",
        texts="zh_en_thin",
        duration_s=60.0,
        margin=0.04,
    ),
    CaseSpec(
        "libass_en_cjk_sans_480p30",
        854,
        480,
        "30",
        "en",
        TextStyle("cjk_sans", 0.054, outline=0.12, shadow=0.04),
        seed=133,
        renderer="libass",
        crf=24,
        margin=0.05,
    ),
    CaseSpec(
        "libass_en_cjk_serif_720p25",
        1280,
        720,
        "25",
        "en",
        TextStyle("cjk_serif", 0.050, outline=0.14),
        seed=134,
        renderer="libass",
        texts="en_thin",
        margin=0.05,
    ),
    CaseSpec(
        "libass_en_sans_1080p23976",
        1920,
        1080,
        "24000/1001",
        "en",
        TextStyle("sans", 0.048, fill=YELLOW, outline=0.15, shadow=0.05),
        seed=135,
        renderer="libass",
        texts="en_thin",
        duration_s=34.0,
        crf=23,
        top_share=0.3,
    ),
    CaseSpec(
        "libass_fr_serif_boxed_720p25",
        1280,
        720,
        "25",
        "fr",
        TextStyle("serif", 0.050, box_alpha=0.8),
        seed=136,
        renderer="libass",
    ),
    CaseSpec(
        "libass_en_serif_720p25",
        1280,
        720,
        "25",
        "en",
        TextStyle("serif", 0.048, outline=0.15),
        seed=137,
        renderer="libass",
        texts="en_thin",
    ),
    CaseSpec(
        "libass_en_box_white_cjk_720p25",
        1280,
        720,
        "25",
        "en",
        TextStyle("cjk_sans", 0.047, fill=(24, 24, 28), box_alpha=0.85, box_fill=WHITE, box_pad=0.12),
        seed=138,
        renderer="libass",
        texts="en_thin",
    ),
)
