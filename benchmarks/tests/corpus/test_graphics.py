"""Other text in the picture is seen where it should be, moves as it should, and is never in the truth."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpus import footage as corpus_footage
from benchmarks.corpus.cases import ALL_CASES, CaseSpec, TextStyle
from benchmarks.corpus.footage import Planes, Shot, Window, pan_sideways, plan_shots, render, seen_at
from benchmarks.corpus.graphics import GraphicsTrack, stage
from benchmarks.corpus.making import ensure_corpus
from benchmarks.corpus.sentences import load_sentences
from benchmarks.corpus.spec import Graphic, Panel

SIZE = (320, 180)
GREY = 90
STYLE = TextStyle("sans_bold", 0.12)
WHITE_PANEL = Panel((255, 255, 255), pad=0.03)
SIGN = Graphic("scene", ("TAXI",), STYLE, 0.5, 0.4, panel=WHITE_PANEL, start_s=3.0, pan=0.4)


def _shots(duration_s: float = 12.0) -> tuple[Shot, ...]:
    return plan_shots(random.Random(4), duration_s)


def _planes(graphic: Graphic, time_s: float) -> Planes:
    """Returns a grey frame with the graphic in it."""
    luma = np.full((180, 320), GREY, np.uint8)
    planes: Planes = luma, np.full((90, 160), 128, np.uint8), np.full((90, 160), 128, np.uint8)
    GraphicsTrack([graphic], stage(_shots(), [graphic]), SIZE, 12.0).draw(planes, time_s)
    return planes


def _drawn(graphic: Graphic, time_s: float) -> NDArray[np.uint8]:
    return _planes(graphic, time_s)[0]


def _center(luma: NDArray[np.uint8]) -> tuple[float, float]:
    rows, columns = np.nonzero(luma != GREY)
    return (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2


def test_a_logo_stands_in_its_corner_all_the_time_and_lets_the_picture_through() -> None:
    logo = Graphic("fixed", ("ORBIT",), STYLE, 0.8, 0.15, opacity=0.5, panel=WHITE_PANEL)
    frames = [_drawn(logo, at) for at in (0.0, 5.0, 11.96)]
    assert all(np.array_equal(frame, frames[0]) for frame in frames)
    assert _center(frames[0]) == pytest.approx((256, 27), abs=3)
    assert frames[0].max() == pytest.approx((235 + GREY) / 2, abs=1)


def test_a_credit_comes_and_goes_at_its_times() -> None:
    credit = Graphic("fixed", ("Mara",), STYLE, 0.3, 0.4, start_s=2.0, end_s=4.0, fade_s=0.4)
    brightest = [int(_drawn(credit, at).max()) for at in (1.96, 2.2, 3.0, 3.8, 4.0)]
    half = pytest.approx((235 + GREY) / 2, abs=2)
    assert brightest == [GREY, half, 235, half, GREY]


def test_a_clock_changes_once_a_second() -> None:
    clock = Graphic("clock", ("23:59:58",), STYLE, 0.5, 0.5)
    frames = [_drawn(clock, at) for at in (0.0, 0.96, 1.0, 2.0)]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])
    midnight = Graphic("fixed", ("00:00:00",), STYLE, 0.5, 0.5)
    assert np.array_equal(frames[3], _drawn(midnight, 0.0))


def test_a_ticker_fills_the_width_and_runs_to_the_left() -> None:
    ticker = Graphic("ticker", ("Rain tomorrow", "Sun"), STYLE, 0.5, 0.9, speed=0.25, panel=Panel((0, 0, 0)))
    frames = [_drawn(ticker, at) for at in (0.0, 1.0, 11.0)]
    bright = [frame > 200 for frame in frames]
    assert np.array_equal(bright[0][:, 80:], bright[1][:, :-80])
    assert not np.array_equal(bright[0], bright[1])
    for frame, letters in zip(frames, bright, strict=True):
        assert letters[:, :60].any()
        assert letters[:, -60:].any()
        assert (frame[:140] == GREY).all()
        assert (frame[162] < GREY).any()


def test_what_moves_goes_its_way_and_is_in_its_place_in_the_middle_of_its_time() -> None:
    moving = Graphic("moving", ("Rain",), STYLE, 0.5, 0.5, start_s=1.0, end_s=3.0, speed=0.25, rise=0.1)
    there = _drawn(replace(moving, kind="fixed"), 2.0) > 200
    assert np.array_equal(_drawn(moving, 2.0) > 200, there)
    earlier = _drawn(moving, 1.5) > 200
    # In half a second an eighth of the width to the left, and a twentieth of the height up.
    across, up = round(0.125 * SIZE[0] / 2) * 2, round(0.05 * SIZE[1] / 2) * 2
    assert np.array_equal(np.roll(earlier, (-up, -across), (0, 1)), there)
    assert not (_drawn(moving, 0.9) > 200).any()
    assert not (_drawn(moving, 3.0) > 200).any()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("clip_size", [(640, 360), (640, 272)])
def test_a_point_of_the_scene_is_seen_where_the_footage_shows_it(
    monkeypatch: pytest.MonkeyPatch, mirrored: bool, clip_size: tuple[int, int]
) -> None:
    width, height = clip_size
    rows, columns = np.indices((height, width))
    source = (40 + 190 * np.exp(-((rows - 154) ** 2 + (columns - 304) ** 2) / 128)).astype(np.uint8)
    planes = (
        source,
        np.full((height // 2, width // 2), 128, np.uint8),
        np.full((height // 2, width // 2), 128, np.uint8),
    )
    monkeypatch.setattr(corpus_footage, "_clip", lambda _: (planes,))
    shot = Shot("bunny", 1.0, 5.0, 0, 1, mirrored, Window(0.3, 0.4, 0.9), Window(0.6, 0.7, 0.6), 1.0, 0.0, 1.0, 0.0)

    def spot(at: float) -> tuple[float, float, float]:
        light = render(shot, at, SIZE)[0].astype(float) - 40
        rows, columns = np.indices(light.shape) + 0.5
        return (columns * light).sum() / light.sum(), (rows * light).sum() / light.sum(), light.sum()

    x, y, amount = spot(1.5)
    for at in (1.0, 3.0, 4.9):
        there_x, there_y, there_amount = spot(at)
        seen_x, seen_y, zoom = seen_at(shot, (x, y), 1.5, at, SIZE)
        assert (seen_x, seen_y) == pytest.approx((there_x, there_y), abs=0.3)
        assert zoom == pytest.approx((there_amount / amount) ** 0.5, rel=0.05)


@pytest.mark.parametrize("pan", [0.4, -0.4, 0.08])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_camera_that_pans_to_the_right_moves_the_scene_to_the_left(pan: float, mirrored: bool) -> None:
    for shot in _shots():
        panned = pan_sideways(replace(shot, mirrored=mirrored), pan)
        x, y, zoom = seen_at(panned, (160, 90), shot.start_s, shot.end_s, SIZE)
        assert x == pytest.approx(160 - 320 * pan, abs=1)
        assert (y, zoom) == pytest.approx((90, 1))


def test_a_filmed_sign_moves_with_its_shot_and_is_in_no_other() -> None:
    shots = _shots()
    shot = next(s for s in shots if s.start_s <= SIGN.start_s < s.end_s)
    middle = (shot.start_s + shot.end_s) / 2
    quarter = (shot.end_s - shot.start_s) / 4
    x, y = _center(_drawn(SIGN, middle))
    assert (x, y) == pytest.approx((160, 72), abs=3)
    for side in (-1, 1):
        assert _center(_drawn(SIGN, middle + side * quarter)) == pytest.approx((x - side * 0.1 * 320, y), abs=1.5)
    for outside in (shot.start_s - 0.02, shot.end_s):
        assert (_drawn(SIGN, outside) == GREY).all()
    assert len(stage(shots, [SIGN])) == len(shots)


def test_a_filmed_sign_is_drawn_as_it_is_in_the_middle_of_its_shot() -> None:
    sign = replace(SIGN, panel=Panel((200, 30, 60)))
    shot = next(s for s in _shots() if s.start_s <= sign.start_s < s.end_s)
    middle = (shot.start_s + shot.end_s) / 2
    still = replace(sign, kind="fixed", start_s=0.0)
    for filmed, drawn in zip(_planes(sign, middle), _planes(still, middle), strict=True):
        # Rounding of a position that is a sum of fractions may cost a grey level at an edge.
        assert np.abs(filmed.astype(int) - drawn.astype(int)).max() <= 3
    red_early, red_late = (np.nonzero(_planes(sign, middle + dt)[2] != 128)[1].mean() for dt in (-0.4, 0.4))
    early, late = (_center(_drawn(sign, middle + dt))[0] for dt in (-0.4, 0.4))
    assert 2 * (red_early - red_late) == pytest.approx(early - late, abs=3), "its colour moves with it"


def test_a_sign_that_leaves_the_frame_is_cut_off_at_its_edge() -> None:
    leaving = Graphic("scene", ("TAXI",), STYLE, 0.2, 0.4, panel=WHITE_PANEL, start_s=3.0, pan=0.8)
    shot = next(s for s in _shots() if s.start_s <= 3.0 < s.end_s)
    at = [shot.start_s + share * (shot.end_s - shot.start_s) for share in (0.3, 0.5, 0.8, 0.999)]
    area = [int((_drawn(leaving, when) != GREY).sum()) for when in at]
    assert area[0] == pytest.approx(area[1], rel=0.1)
    assert area[1] > 1.3 * area[2] > area[3] == 0


def test_only_subtitles_are_in_the_truth(tmp_path: Path) -> None:
    graphics = (
        Graphic("fixed", ("ORBIT",), STYLE, 0.8, 0.15, panel=WHITE_PANEL),
        Graphic("ticker", ("Rain",), STYLE, 0.5, 0.93, speed=0.1, panel=WHITE_PANEL),
        SIGN,
    )
    style = TextStyle("sans", 0.09, outline=0.08)
    none = CaseSpec("none", *SIZE, "25", "none", style, seed=4, duration_s=4.0, graphics=graphics)
    some = CaseSpec("some", *SIZE, "25", "en", style, seed=4, duration_s=6.0, graphics=graphics)
    plain = CaseSpec("plain", *SIZE, "25", "en", style, seed=4, duration_s=6.0)
    nothing, with_graphics, without = ensure_corpus([none, some, plain], tmp_path, jobs=1)
    assert (nothing.language, nothing.cues) == ("none", ())
    assert (tmp_path / "none.reference.srt").read_text(encoding="utf-8") == ""
    assert with_graphics.cues == without.cues != ()
    with av.open(str(nothing.video)) as container:
        luma = next(container.decode(video=0)).to_ndarray(format="gray8")
    assert luma[20:30, 270:276].mean() > 180, "the logo is there all the same"


def test_no_graphic_of_a_case_could_be_taken_for_one_of_its_subtitles() -> None:
    for spec in ALL_CASES:
        said = {text for entry in load_sentences(spec.language) for text in entry}
        assert not said & {line for graphic in spec.graphics for line in graphic.lines}
    assert {graphic.kind for spec in ALL_CASES for graphic in spec.graphics} == {
        "fixed",
        "clock",
        "ticker",
        "scene",
        "moving",
    }
