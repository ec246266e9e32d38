"""Subtitles are drawn in exactly the frames, and the places, that the truth names."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corpus.cases import ALL_CASES, CaseSpec, TextStyle
from benchmarks.corpus.encoding import frame_times
from benchmarks.corpus.footage import Planes
from benchmarks.corpus.plan import RAPID_S, WORD_GAP_S, PlannedCue
from benchmarks.corpus.sentences import load_sentences
from benchmarks.corpus.subtitles import DrawnCue, SubtitleTrack, grown, opacity
from benchmarks.corpus.text import draw_lines

STYLE = TextStyle("sans", 0.09, outline=0.08)
GREY = 90


def _spec(rate: str = "25", **more: object) -> CaseSpec:
    facts: dict[str, object] = {"language": "en", "style": STYLE, "seed": 3, "duration_s": 12.0, **more}
    return CaseSpec("small", 320, 180, rate, **facts)  # type: ignore[arg-type]


def _draw(spec: CaseSpec) -> tuple[list[DrawnCue], list[Planes], list[float]]:
    """Returns the cues, every frame as drawn on grey, and the frames' times in seconds."""
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    times = [float(p * time_base) for p in pts]
    track = SubtitleTrack(spec, times)
    frames = []
    for index in range(len(times) - 1):
        luma = np.full((180, 320), GREY, np.uint8)
        planes: Planes = luma, np.full((90, 160), 128, np.uint8), np.full((90, 160), 128, np.uint8)
        track.draw(planes, index)
        frames.append(planes)
    return track.drawn, frames, times


def _changed(frame: Planes) -> NDArray[np.bool_]:
    return np.asarray(frame[0] != GREY)


def _assert_shown_exactly(drawn: list[DrawnCue], frames: list[Planes]) -> None:
    """Every frame shows all of the cues that the truth names for it, and nothing else."""
    for index, frame in enumerate(frames):
        changed = _changed(frame)
        for cue in drawn:
            if cue.first_frame <= index < cue.end_frame:
                x0, y0, x1, y1 = cue.box
                assert changed[y0:y1, x0:x1].any(), (index, cue)
                changed[y0:y1, x0:x1] = False
        assert not changed.any(), index


@pytest.mark.parametrize("rate", ["25", "24000/1001", "60"])
def test_a_fading_cue_is_seen_from_its_first_to_its_last_frame_and_in_no_other(rate: str) -> None:
    drawn, frames, _ = _draw(_spec(rate, fade_s=0.2))
    assert len(drawn) >= 3
    _assert_shown_exactly(drawn, frames)


def test_a_fade_takes_its_time_in_steps_of_a_frame() -> None:
    times = [n / 25 for n in range(101)]
    cue = PlannedCue(10, 50, ("x",))
    steps = [opacity(cue, index, times, 0.2) for index in range(9, 17)]
    assert steps == pytest.approx([0, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1])
    assert [opacity(cue, index, times, 0.2) for index in range(50, 42, -1)] == pytest.approx(steps)
    assert opacity(cue, 10, times, 0.0) == 1


def test_rapid_cues_are_short_and_have_no_gaps() -> None:
    for language, rate in (("en", "25"), ("zh", "30")):
        style = TextStyle("cjk_sans", 0.08)
        drawn, _, times = _draw(_spec(rate, language=language, style=style, rhythm="rapid"))
        assert len(drawn) >= 12
        for before, after in pairwise(drawn):
            assert before.end_frame == after.first_frame
            assert before.lines != after.lines
        for cue in drawn:
            length = times[cue.end_frame] - times[cue.first_frame]
            assert RAPID_S[0] - 0.041 <= length <= RAPID_S[1] + 0.041


def test_cues_at_the_top_and_at_the_bottom_are_shown_in_their_own_frames() -> None:
    drawn, frames, _ = _draw(_spec(duration_s=60.0, top_share=0.3))
    _assert_shown_exactly(drawn, frames)
    top, bottom = ([cue for cue in drawn if cue.band == band] for band in ("top", "bottom"))
    assert 0.2 < len(top) / len(drawn) < 0.4
    assert len(top) + len(bottom) == len(drawn)
    assert max(cue.box[3] for cue in top) < 90 < min(cue.box[1] for cue in bottom)
    assert min(cue.box[1] for cue in top) >= 0.05 * 180
    together = [(a, b) for a in top for b in bottom if a.first_frame < b.end_frame and b.first_frame < a.end_frame]
    assert len(together) >= 2
    for a, b in together:
        assert abs(a.first_frame - b.first_frame) > 2
        assert abs(a.end_frame - b.end_frame) > 2
    for band in (top, bottom):
        assert all(before.end_frame <= after.first_frame for before, after in pairwise(band))


def test_a_growing_cue_is_one_cue_from_its_first_word_on() -> None:
    spec = _spec(seed=11, duration_s=40.0, growing_share=0.5)
    drawn, frames, _ = _draw(spec)
    still, _, times = _draw(replace(spec, growing_share=0.0))
    assert drawn == still, "growing changes neither times nor text nor box"
    _assert_shown_exactly(drawn, frames)
    growing = {cue.first_frame: cue for cue in SubtitleTrack(spec, times).planned if cue.words_from}
    assert len(growing) >= 4
    assert any(len(cue.lines) > 1 for cue in growing.values())
    for cue in drawn:
        shown = [_changed(frames[index]) for index in range(cue.first_frame, cue.end_frame)]
        whole = shown[-1]
        assert np.flatnonzero(whole.any(axis=0))[-1] == cue.box[2] - 1, "the last word is there in the end"
        if cue.first_frame not in growing:
            assert all(np.array_equal(each, whole) for each in shown)
            continue
        plan = growing[cue.first_frame]
        assert plan.words_from[0] == cue.first_frame
        assert plan.words_from[-1] <= cue.first_frame + 0.8 * len(shown), "there is time to read the whole"
        assert len(plan.words_from) == len(" ".join(cue.lines).replace("- ", "-").split())
        assert 0 < shown[0].sum() < 0.7 * whole.sum()
        for before, after in pairwise(shown):
            assert not (before & ~after).any(), "a word never vanishes"
        steps = [cue.first_frame + n for n, (a, b) in enumerate(pairwise(shown), 1) if not np.array_equal(a, b)]
        assert steps == sorted(set(plan.words_from[1:]))


def test_the_second_line_waits_for_the_first() -> None:
    lines = ("Where is", "my hat?")
    overlay = draw_lines(lines, (STYLE, STYLE), (1280, 720), 640)
    steps = grown(overlay, lines, (STYLE, STYLE), (1280, 720))
    first, second = (slice(box.y0 - overlay.box.y0, box.y1 - overlay.box.y0) for box in overlay.line_boxes)
    assert len(steps) == 4
    assert np.array_equal(steps[1].luma_alpha[first], overlay.luma_alpha[first])
    assert not steps[1].luma_alpha[second].any()
    assert 0 < steps[2].luma_alpha[second].sum() < overlay.luma_alpha[second].sum()
    for step, row in zip(steps, (first, first, second, second), strict=True):
        last = np.flatnonzero(step.luma_alpha[row].any(axis=0))[-1]
        assert not overlay.luma_alpha[row][:, last + 1 : last + 2].any(), "no letter is cut"
    assert np.array_equal(steps[3].luma_alpha, overlay.luma_alpha)
    assert np.array_equal(steps[3].chroma[0], overlay.chroma[0])


def test_single_words_come_again_and_again_after_short_gaps() -> None:
    spec = _spec(duration_s=90.0, rhythm="short_words")
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    times = [float(p * time_base) for p in pts]
    cues = SubtitleTrack(spec, times).planned
    words = set(load_sentences("en_words"))
    single = [cue for cue in cues if cue.lines in words]
    assert 0.6 < len(single) / len(cues) < 1
    lengths = [times[cue.end_frame] - times[cue.first_frame] for cue in single]
    assert 0.25 < min(lengths) < 0.6
    assert 1.0 < max(lengths) < 1.55
    again = [times[b.first_frame] - times[a.end_frame] for a, b in pairwise(cues) if a.lines == b.lines]
    assert len(again) >= 8
    assert WORD_GAP_S[0] - 0.041 <= min(again)
    assert max(again) <= WORD_GAP_S[1] + 0.041


def test_a_case_without_a_language_has_no_cues_and_draws_nothing() -> None:
    drawn, frames, _ = _draw(_spec(language="none"))
    assert drawn == []
    assert all((frame[0] == GREY).all() for frame in frames)


@pytest.mark.parametrize("spec", ALL_CASES, ids=lambda spec: spec.name)
def test_cues_of_the_same_text_never_touch_for_nobody_could_tell_them_apart(spec: CaseSpec) -> None:
    for seed in range(8):
        time_base, pts = frame_times(spec, random.Random(seed))
        cues = SubtitleTrack(replace(spec, seed=seed), [float(p * time_base) for p in pts]).planned
        for band in ("top", "bottom"):
            for before, after in pairwise(cue for cue in cues if cue.band == band):
                assert before.lines != after.lines or before.end_frame < after.first_frame


@pytest.mark.parametrize("spec", ALL_CASES, ids=lambda spec: spec.name)
def test_a_plan_is_the_same_each_time_and_another_with_another_seed(spec: CaseSpec) -> None:
    time_base, pts = frame_times(spec, random.Random(spec.seed))
    times = [float(p * time_base) for p in pts]
    plans = [SubtitleTrack(spec, times).planned for _ in range(2)]
    assert plans[0] == plans[1]
    if spec.language != "none":
        assert len(plans[0]) >= 5
        other = replace(spec, seed=spec.seed + 1)
        assert SubtitleTrack(other, times).planned != plans[0]
        assert [cue.first_frame for cue in plans[0]] == sorted(cue.first_frame for cue in plans[0])
