"""What each corpus case is: size, rate, language, look of the text, encoding. Data only.

Sizes of text are shares of the frame's height, so that one look serves every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["CASES", "CaseSpec", "TextStyle", "case_named"]

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)
YELLOW: Rgb = (255, 232, 32)


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How one line is drawn. font is a key of corpus_text.FONTS; size is the em as a share of the frame's height;
    outline, shadow (offset down and right) and box_pad are shares of the em; alphas run from 0 to 1."""

    font: str
    size: float
    fill: Rgb = WHITE
    outline: float = 0.0
    outline_fill: Rgb = BLACK
    shadow: float = 0.0
    shadow_alpha: float = 0.75
    box_alpha: float = 0.0
    box_fill: Rgb = BLACK
    box_pad: float = 0.18


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One video of the corpus.

    language names the texts: one of corpus_sentences.LANGUAGES. second_style draws the lines of bilingual cues that
    hold no Chinese. margin is the space under the text as a share of the height. clips are the footage: keys of
    corpus_footage.CLIPS. script are cues set by hand (start and end in seconds, lines), in place of drawn ones. preset
    and crf are libx264's; bitrate_kbps takes the place of crf. seed governs everything that varies: footage, texts,
    times.
    """

    name: str
    width: int
    height: int
    rate: str
    language: str
    style: TextStyle
    seed: int
    second_style: TextStyle | None = None
    duration_s: float = 40.0
    vfr: bool = False
    crf: int = 22
    preset: str = "superfast"
    bitrate_kbps: int | None = None
    margin: float = 0.07
    clips: tuple[str, ...] = ("bunny", "street")
    script: tuple[tuple[float, float, tuple[str, ...]], ...] = ()

    @property
    def frame_rate(self) -> Fraction:
        return Fraction(self.rate)


CASES: tuple[CaseSpec, ...] = (
    CaseSpec("en_white_outline_720p25", 1280, 720, "25", "en", TextStyle("sans", 0.060, outline=0.07), seed=101),
    CaseSpec("zh_white_outline_720p25", 1280, 720, "25", "zh", TextStyle("cjk_sans", 0.062, outline=0.06), seed=102),
    CaseSpec(
        "bilingual_720p24",
        1280,
        720,
        "24",
        "zh_en",
        TextStyle("cjk_sans", 0.060, outline=0.06),
        seed=103,
        second_style=TextStyle("cjk_sans", 0.043, outline=0.07),
        margin=0.05,
    ),
    CaseSpec(
        "en_yellow_1080p23976",
        1920,
        1080,
        "24000/1001",
        "en",
        TextStyle("sans_bold", 0.052, fill=YELLOW, outline=0.06, shadow=0.05),
        seed=104,
        duration_s=34.0,
        crf=23,
    ),
    CaseSpec(
        "zh_boxed_480p30",
        854,
        480,
        "30",
        "zh",
        TextStyle("cjk_sans", 0.066, box_alpha=0.78),
        seed=105,
    ),
    CaseSpec(
        "en_boxed_serif_720p2997",
        1280,
        720,
        "30000/1001",
        "en",
        TextStyle("serif", 0.058, box_alpha=0.85),
        seed=106,
    ),
    CaseSpec(
        "en_serif_shadow_1080p25",
        1920,
        1080,
        "25",
        "en",
        TextStyle("serif", 0.056, outline=0.025, shadow=0.06),
        seed=107,
        duration_s=34.0,
        crf=23,
    ),
    CaseSpec(
        "zh_low_bitrate_480p25",
        854,
        480,
        "25",
        "zh",
        TextStyle("cjk_serif", 0.068, outline=0.07),
        seed=108,
        bitrate_kbps=450,
        preset="fast",
    ),
    CaseSpec(
        "en_vfr_720p",
        1280,
        720,
        "30",
        "en",
        TextStyle("noto_sans", 0.056, outline=0.065),
        seed=109,
        vfr=True,
    ),
)


def case_named(name: str) -> CaseSpec:
    """Returns the case of that name. Raises KeyError with the known names."""
    for case in CASES:
        if case.name == name:
            return case
    raise KeyError(f"no corpus case {name!r}; there are: {', '.join(case.name for case in CASES)}")
