"""The corpus: its videos show what its truth says, and its texts can be drawn."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus.__main__ import main
from benchmarks.corpus.cases import CaseSpec, TextStyle, cases_named
from benchmarks.corpus.encoding import frame_times
from benchmarks.corpus.footage import SOURCE_RATE, plan_shots, render
from benchmarks.corpus.libass_cases import LIBASS_CASES
from benchmarks.corpus.making import ensure_corpus
from benchmarks.corpus.plan import LONGEST_S, REPEAT_GAP_S, SHORTEST_S, plan_cues
from benchmarks.corpus.sentences import LANGUAGES
from benchmarks.corpus.text import blend, draw_lines, measure, wrap_lines
from tests.support.fonts import SourceMissingError, packaged_file
from yivideo_ray.subtitles.formats import read_srt

BOXED = TextStyle("sans", 0.09, box_alpha=1.0)
SMALL = CaseSpec("small", 320, 180, "24000/1001", "en", BOXED, seed=5, duration_s=9.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    ensure_corpus([SMALL], out)
    return out


def test_a_cue_is_seen_in_exactly_the_frames_that_the_truth_names(made: Path) -> None:
    (truth,) = ensure_corpus([SMALL], made)
    assert len(truth.cues) >= 2
    shown = []
    with av.open(str(truth.video)) as container:
        assert container.streams.video[0].time_base == truth.time_base
        for frame in container.decode(video=0):
            assert frame.pts is not None
            luma = frame.to_ndarray(format="gray8")
            boxes = {cue.box for cue in truth.cues if cue.start_pts <= frame.pts < cue.end_pts}
            # Inside the opaque box everything but letters is black; footage there is not.
            seen = {
                cue.box for cue in truth.cues if np.median(luma[cue.box[1] : cue.box[3], cue.box[0] : cue.box[2]]) < 22
            }
            assert boxes <= seen, frame.pts
            shown.append(frame.pts)
            if not boxes:
                assert not seen, frame.pts
    assert tuple(shown) == truth.frame_pts[:-1]


def test_the_reference_srt_says_what_the_truth_says(made: Path) -> None:
    (truth,) = ensure_corpus([SMALL], made)
    read = read_srt(made / "small.reference.srt")
    assert [event.lines for event in read] == [cue.lines for cue in truth.cues]
    for event, cue in zip(read, truth.cues, strict=True):
        assert event.start_s == pytest.approx(float(cue.start_pts * truth.time_base), abs=0.000501)
        assert event.end_s == pytest.approx(float(cue.end_pts * truth.time_base), abs=0.000501)


def test_a_case_is_made_once_and_again_when_its_specification_changes(tmp_path: Path) -> None:
    spec = CaseSpec("tiny", 160, 92, "25", "en", BOXED, seed=1, duration_s=2.5)
    ensure_corpus([spec], tmp_path)
    before = (tmp_path / "tiny.mp4").stat().st_mtime_ns
    ensure_corpus([spec], tmp_path)
    assert (tmp_path / "tiny.mp4").stat().st_mtime_ns == before
    ensure_corpus([CaseSpec("tiny", 160, 92, "25", "en", BOXED, seed=2, duration_s=2.5)], tmp_path)
    assert (tmp_path / "tiny.mp4").stat().st_mtime_ns != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.mp4", "tiny.reference.srt", "tiny.truth.json"]


def test_an_unknown_case_is_refused_with_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--case", "nothing"]) == 2
    assert "bilingual_720p24" in capsys.readouterr().err


def test_a_pattern_names_the_cases_that_fit_it_each_once() -> None:
    names = [case.name for case in cases_named(["libass_*", "libass_en_sans_1080p23976"])]
    assert names == [case.name for case in LIBASS_CASES]
    assert [case.name for case in cases_named(["zh_boxed_480p30", "en_white*"])] == [
        "zh_boxed_480p30",
        "en_white_outline_720p25",
    ]


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(SourceMissingError, match="pip install --no-deps no-such-fonts"):
        packaged_file("no_such_fonts", "a.ttf", "no-such-fonts")


@given(st.integers(0, 10**6), st.floats(1, 90))
@settings(deadline=None)
def test_shots_cover_the_video_and_stay_inside_their_clip(seed: int, duration_s: float) -> None:
    shots = plan_shots(random.Random(seed), duration_s)
    assert (shots[0].start_s, shots[-1].end_s) == (0, duration_s)
    assert all(a.end_s == b.start_s for a, b in pairwise(shots))
    for shot in shots:
        first = shot.first_source_frame
        last = first + shot.speed * SOURCE_RATE * (shot.end_s - shot.start_s)
        # In one direction and never over the clip's end: so no source frame comes round twice.
        assert round(min(first, last)) >= 0
        assert round(max(first, last)) <= {"bunny": 131, "street": 249}[shot.clip]


def test_a_shot_moves_and_stays_within_limited_range() -> None:
    shot = plan_shots(random.Random(3), 4.0)[0]
    early, late = (render(shot, at, (320, 180))[0].astype(int) for at in (shot.start_s, shot.end_s - 0.1))
    assert np.abs(early - late).mean() > 2
    assert (early.min(), early.max()) >= (16, 16)
    assert early.max() <= 235


@given(st.integers(0, 10**6), st.sampled_from(LANGUAGES), st.sampled_from(["25", "24000/1001"]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_cues_keep_their_order_their_lengths_and_their_distance(seed: int, language: str, rate: str, vfr: bool) -> None:
    spec = CaseSpec("x", 1280, 720, rate, language, TextStyle("cjk_sans", 0.06), seed=seed, vfr=vfr)
    time_base, pts = frame_times(spec, random.Random(seed))
    times = [float(p * time_base) for p in pts]

    def wrap(text: str, prefer_two: bool) -> tuple[str, ...]:
        return wrap_lines(text, spec.style, (1280, 720), prefer_two)

    cues = plan_cues(random.Random(seed), language, times[:-1], wrap)
    longest_frame = max(b - a for a, b in pairwise(times))
    assert len(cues) >= 5
    for cue in cues:
        length = times[cue.end_frame] - times[cue.first_frame]
        assert SHORTEST_S - longest_frame <= length <= LONGEST_S + longest_frame
        assert 1 <= len(cue.lines) <= 2
        assert max(measure(line, spec.style, 720) for line in cue.lines) <= 0.95 * 1280
    for before, after in pairwise(cues):
        assert after.first_frame >= before.end_frame
        if after.lines == before.lines:
            assert times[after.first_frame] - times[before.end_frame] >= REPEAT_GAP_S[0] - 1e-9
    assert cues[-1].end_frame < len(times) - 1


def test_a_variable_rate_really_varies_and_only_grows() -> None:
    time_base, pts = frame_times(CaseSpec("x", 320, 180, "30", "en", BOXED, seed=1, vfr=True), random.Random(1))
    gaps = np.diff(pts)
    assert time_base == Fraction(1, 90000)
    assert gaps.min() > 0
    assert gaps.max() > 1.9 * np.median(gaps)


def test_white_letters_are_drawn_in_the_white_of_limited_range() -> None:
    overlay = draw_lines(("HHH",), (TextStyle("sans_bold", 0.3, outline=0.1),), (320, 180), 120)
    planes = (np.full((180, 320), 90, np.uint8), np.full((90, 160), 60, np.uint8), np.full((90, 160), 200, np.uint8))
    before = [plane.copy() for plane in planes]
    blend(planes, overlay)
    box = overlay.box
    inside = planes[0][box.y0 : box.y1, box.x0 : box.x1]
    assert (inside.max(), inside.min()) == (235, 16)
    assert set(np.unique(planes[1])) >= {60, 128}
    outside = np.ones((180, 320), bool)
    outside[box.y0 : box.y1, box.x0 : box.x1] = False
    assert np.array_equal(planes[0][outside], before[0][outside])


def test_a_transparent_overlay_changes_nothing() -> None:
    overlay = draw_lines(("HHH",), (TextStyle("sans_bold", 0.3),), (320, 180), 120)
    planes = (np.full((180, 320), 90, np.uint8), np.full((90, 160), 60, np.uint8), np.full((90, 160), 200, np.uint8))
    blend(planes, overlay, opacity=0.0)
    assert (np.unique(planes[0]).tolist(), np.unique(planes[1]).tolist()) == ([90], [60])
