"""Subtitles are drawn in exactly the frames, and the places, that the truth names."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.corpus_cases import CASES, CaseSpec, TextStyle
from benchmarks.corpus_encode import frame_times
from benchmarks.corpus_footage import Planes
from benchmarks.corpus_plan import RAPID_S, PlannedCue
from benchmarks.corpus_subtitles import DrawnCue, SubtitleTrack, opacity

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


def _is_drawn(frame: Planes, box: tuple[int, int, int, int]) -> bool:
    return bool((frame[0][box[1] : box[3], box[0] : box[2]] != GREY).any())


@pytest.mark.parametrize("rate", ["25", "24000/1001", "60"])
def test_a_fading_cue_is_seen_from_its_first_to_its_last_frame_and_in_no_other(rate: str) -> None:
    drawn, frames, _ = _draw(_spec(rate, fade_s=0.2))
    assert len(drawn) >= 3
    for index, frame in enumerate(frames):
        shown = any(cue.first_frame <= index < cue.end_frame for cue in drawn)
        assert bool((frame[0] != GREY).any()) == shown, index


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


def test_a_case_without_a_language_has_no_cues_and_draws_nothing() -> None:
    drawn, frames, _ = _draw(_spec(language="none"))
    assert drawn == []
    assert all((frame[0] == GREY).all() for frame in frames)


@pytest.mark.parametrize("spec", CASES, ids=lambda spec: spec.name)
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
