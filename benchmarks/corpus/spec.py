"""What a corpus case may specify: look of the text, rhythm, footage, other text in the picture, encoding. Types only.

Sizes of text are shares of the frame's height, so that one look serves every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

__all__ = ["BLACK", "WHITE", "YELLOW", "CaseSpec", "Graphic", "Panel", "Rgb", "TextStyle"]

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)
YELLOW: Rgb = (255, 232, 32)


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How one line is drawn, by either renderer. font is a key of FONTS; size is the em as a share of the frame's
    height; outline, shadow (offset down and right) and box_pad are shares of the em; alphas run from 0 to 1; language
    (BCP 47) picks between the shapes that a font has for one character."""

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
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """What a sign is written on; pad, the room around the text, is a share of the frame's height."""

    fill: Rgb
    alpha: float = 1.0
    pad: float = 0.02


@dataclass(frozen=True, slots=True)
class Graphic:
    """Text in the picture that is no subtitle, its centre at (x, y), shares of the frame's width and height.

    fixed   stands in the frame from start_s to end_s (None: to the end of the video), fading over fade_s
    clock   the same, its only line a time (HH:MM:SS) that goes on with the video
    ticker  all lines in a row that runs to the left without end, speed frame widths a second; its panel is a bar
    scene   part of what was filmed: shown during the shot in which start_s lies, in the middle of it whole and at
            (x, y), moving with the scene while the camera pans by pan frame widths to the right
    moving  goes over the frame from start_s to end_s, speed frame widths a second to the left and rise frame heights a
            second upward; at (x, y) in the middle of that time
    """

    kind: Literal["fixed", "clock", "ticker", "scene", "moving"]
    lines: tuple[str, ...]
    style: TextStyle
    x: float
    y: float
    opacity: float = 1.0
    panel: Panel | None = None
    start_s: float = 0.0
    end_s: float | None = None
    fade_s: float = 0.0
    speed: float = 0.0
    pan: float = 0.0
    rise: float = 0.0


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One video of the corpus.

    language is that of the texts: one of sentences.LANGUAGES, or "none" for no subtitles; texts names their file where
    it isn't that of the language. second_style draws the lines of bilingual cues that hold no Chinese. renderer draws
    the subtitles: Pillow, or libass as players and FFmpeg do; graphics are Pillow's. margin is the space under the text
    (over it, at the top) as a share of the height. clips are the footage: keys of footage.CLIPS; camera "vertical"
    replaces the varied movements
    by steady pans up and down. rhythm says how cues follow each other: see plan. fade_s is how long each cue
    takes to appear, and again to vanish, within its time; top_share and growing_share say how many cues stand at the
    top and how many grow word by word. graphics are other texts in the picture, under the subtitles. script are cues
    set by hand (start and end in seconds, lines), in place of drawn ones. preset and crf are libx264's; bitrate_kbps
    takes the place of crf. seed governs everything that varies: footage, texts, times.
    """

    name: str
    width: int
    height: int
    rate: str
    language: str
    style: TextStyle
    seed: int
    second_style: TextStyle | None = None
    renderer: Literal["pillow", "libass"] = "pillow"
    texts: str | None = None
    duration_s: float = 40.0
    vfr: bool = False
    crf: int = 22
    preset: str = "superfast"
    bitrate_kbps: int | None = None
    margin: float = 0.07
    clips: tuple[str, ...] = ("bunny", "street")
    camera: Literal["varied", "vertical"] = "varied"
    rhythm: Literal["normal", "rapid", "short_words"] = "normal"
    fade_s: float = 0.0
    top_share: float = 0.0
    growing_share: float = 0.0
    graphics: tuple[Graphic, ...] = ()
    script: tuple[tuple[float, float, tuple[str, ...]], ...] = ()

    @property
    def frame_rate(self) -> Fraction:
        return Fraction(self.rate)

    @property
    def latin_style(self) -> TextStyle:
        """The style of lines without Chinese or Japanese characters."""
        return self.second_style or self.style

    @property
    def latin_in_cjk_font(self) -> bool:
        """Whether lines in Latin letters are set in a Chinese font."""
        return self.language not in ("zh", "ja", "none") and self.latin_style.font.startswith("cjk_")
