"""What libass draws: the lines, fonts, sizes and places that were asked for, or an error."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpus import libass, making
from benchmarks.corpus.cases import CASES, CaseSpec, TextStyle
from benchmarks.corpus.encoding import frame_times
from benchmarks.corpus.footage import Planes
from benchmarks.corpus.libass import draw_with_libass, find_ffmpeg
from benchmarks.corpus.spec import WHITE
from benchmarks.corpus.subtitles import SubtitleTrack
from benchmarks.corpus.text import Overlay, blend, draw_lines
from tests.support.fonts import SourceMissingError

WIDTH, HEIGHT = SIZE = 640, 360
FONTS = ("cjk_sans", "cjk_serif", "sans", "serif")


@pytest.fixture
def forget_ffmpeg() -> Iterator[None]:
    find_ffmpeg.cache_clear()
    yield
    find_ffmpeg.cache_clear()


def grey(level: int) -> Planes:
    half = (HEIGHT // 2, WIDTH // 2)
    return np.full((HEIGHT, WIDTH), level, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)


def luma(overlay: Overlay, ground: int = 110) -> NDArray[np.uint8]:
    planes = grey(ground)
    blend(planes, overlay)
    return planes[0]


def ink(picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Returns the box (x0, y0, x1, y1) around what is white, or covered by it by half."""
    rows, columns = np.nonzero(picture > 126)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("font", FONTS)
def test_letters_are_as_large_as_those_that_pillow_draws_in_the_same_style(font: str) -> None:
    style = TextStyle(font, 0.1, outline=0.06)
    by_libass = ink(luma(draw_with_libass(("HITH",), (style,), SIZE, 0.1, top=False)))
    by_pillow = ink(luma(draw_lines(("HITH",), (style,), SIZE, 0.8 * HEIGHT)))
    height, width = by_libass[3] - by_libass[1], by_libass[2] - by_libass[0]
    assert height == pytest.approx(by_pillow[3] - by_pillow[1], abs=1)
    # Advances rounded to pixels add up.
    assert width == pytest.approx(by_pillow[2] - by_pillow[0], abs=3)
    assert (by_libass[0] + by_libass[2]) / 2 == pytest.approx(WIDTH / 2, abs=2)


def test_white_letters_have_a_black_outline_and_nothing_else_is_changed() -> None:
    overlay = draw_with_libass(("HHH",), (TextStyle("sans", 0.2, outline=0.1),), SIZE, 0.1, top=False)
    picture, box = luma(overlay), overlay.box
    inside = picture[box.y0 : box.y1, box.x0 : box.x1]
    assert (inside.max(), inside.min()) == (235, 16)
    outside = np.ones(picture.shape, bool)
    outside[box.y0 : box.y1, box.x0 : box.x1] = False
    assert (picture[outside] == 110).all()
    assert (box.x0 % 2, box.y0 % 2, box.x1 % 2, box.y1 % 2) == (0, 0, 0, 0)


def test_a_box_lets_through_as_much_as_it_is_said_to() -> None:
    style = TextStyle("serif", 0.1, fill=(0, 0, 0), box_alpha=0.75, box_fill=WHITE)
    overlay = draw_with_libass(("I I",), (style,), SIZE, 0.1, top=False)
    assert luma(overlay, 60).max() == pytest.approx(0.75 * 235 + 0.25 * 60, abs=1.5)
    assert luma(overlay, 220).max() == pytest.approx(0.75 * 235 + 0.25 * 220, abs=1.5)


def test_lines_keep_their_order_and_their_own_styles() -> None:
    styles = TextStyle("cjk_sans", 0.1, outline=0.06), TextStyle("sans", 0.05, fill=(120, 120, 120))
    picture = luma(draw_with_libass(("明天", "tomorrow"), styles, SIZE, 0.1, top=False), ground=30)
    white, grey = np.nonzero(picture > 200)[0], np.nonzero((picture > 100) & (picture < 130))[0]
    assert white.max() - white.min() == pytest.approx(0.09 * HEIGHT, abs=4)
    assert np.median(grey) > white.max()


@pytest.mark.parametrize("top", [False, True])
def test_the_margin_is_kept_from_the_side_where_the_subtitle_stands(top: bool) -> None:
    style = TextStyle("sans", 0.1, outline=0.05)
    near, far = (draw_with_libass(("Hg",), (style,), SIZE, margin, top=top).box for margin in (0.05, 0.25))
    assert (far.y0 - near.y0 if top else near.y0 - far.y0) == pytest.approx(0.2 * HEIGHT, abs=2)
    assert (near.y0 >= 0.05 * HEIGHT - 2) if top else (near.y1 <= 0.95 * HEIGHT + 2)


def test_braces_are_letters_and_a_backslash_is_refused() -> None:
    style = (TextStyle("sans", 0.1),)
    braces, letters = (ink(luma(draw_with_libass((text,), style, SIZE, 0.1, top=False))) for text in ("{H}", "H"))
    assert braces[2] - braces[0] > letters[2] - letters[0]
    with pytest.raises(ValueError, match="backslash"):
        draw_with_libass(("a\\Nb",), style, SIZE, 0.1, top=False)


def test_a_character_that_the_font_lacks_is_an_error_and_no_other_font() -> None:
    with pytest.raises(RuntimeError, match="Glyph 0x9375 not found"):
        draw_with_libass(("鍵",), (TextStyle("sans", 0.1),), SIZE, 0.1, top=False)


def test_a_weight_that_libass_cannot_ask_for_is_refused() -> None:
    with pytest.raises(ValueError, match="weight of 700"):
        draw_with_libass(("H",), (TextStyle("sans_bold", 0.1),), SIZE, 0.1, top=False)


def test_a_case_drawn_by_libass_shows_its_cues_in_exactly_their_frames() -> None:
    spec = CaseSpec(
        "small",
        WIDTH,
        HEIGHT,
        "25",
        "zh_en",
        TextStyle("cjk_sans", 0.06, outline=0.08),
        seed=3,
        duration_s=9.0,
        renderer="libass",
    )
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    times = [float(p * time_base) for p in pts]
    track = SubtitleTrack(spec, times)
    assert len(track.planned) >= 2
    for index in range(len(times) - 1):
        planes = grey(90)
        track.draw(planes, index)
        changed = planes[0] != 90
        shown = [cue for cue in track.drawn if cue.first_frame <= index < cue.end_frame]
        assert changed.any() == bool(shown), index
        for cue in shown:
            x0, y0, x1, y1 = cue.box
            changed[y0:y1, x0:x1] = False
        assert not changed.any(), index
    assert [cue.lines for cue in track.drawn] == [cue.lines for cue in track.planned]


def test_text_that_grows_is_not_asked_of_libass() -> None:
    spec = CaseSpec(
        "grows",
        WIDTH,
        HEIGHT,
        "25",
        "en",
        TextStyle("sans", 0.06),
        seed=11,
        renderer="libass",
        growing_share=1.0,
    )
    track = SubtitleTrack(spec, [n / 25 for n in range(1001)])
    first = track.planned[0]
    assert first.words_from
    with pytest.raises(ValueError, match="grows is drawn by Pillow only"):
        track.draw(grey(90), first.first_frame)


def test_without_an_ffmpeg_that_has_libass_its_cases_are_left_out_and_said(
    forget_ffmpeg: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ' ... scale   V->V   Scale the input video size.'\n")
    other.chmod(0o755)
    monkeypatch.setattr(libass, "_programs", lambda: [other])
    with pytest.raises(SourceMissingError, match="imageio-ffmpeg"):
        find_ffmpeg()
    drawable = making.drawable(CASES)
    assert {spec.renderer for spec in drawable} == {"pillow"}
    assert 0 < len(drawable) < len(CASES)
    assert "Left out: libass_en_cjk_sans_720p25, " in capsys.readouterr().err
