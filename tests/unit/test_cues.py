"""The same text in consecutive crops is one cue, other text another; a model's doubts decide nothing alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from yivideo_ray.geometry import Box
from yivideo_ray.subtitles.cues import Observation, ReadLine, build_cues, same_text


def line(text: str, confidence: float = 0.99, doubtful: str = "") -> ReadLine:
    bare = "".join(text.split())
    return ReadLine(text, confidence, tuple(0.5 if char in doubtful else 0.99 for char in bare), Box(10, 10, 90, 40))


def seen(start: int, end: int, *texts: str, confidence: float = 0.99, doubtful: str = "") -> Observation:
    lines = tuple(line(text, confidence, doubtful) for text in texts)
    return Observation(start, end, lines, end - start, end - start)


def cues(*observations: Observation, gap: int = 2) -> list[tuple[int, int, str]]:
    return [(cue.start_pts, cue.end_pts, cue.text) for cue in build_cues(observations, "bottom", gap)]


def test_consecutive_crops_with_one_text_are_one_cue() -> None:
    built = build_cues([seen(0, 10, "Hello"), seen(10, 25, "Hello"), seen(25, 30, "Hello")], "bottom", 2)
    assert [(cue.start_pts, cue.end_pts, cue.frames, cue.crops) for cue in built] == [(0, 30, 30, 3)]


def test_one_changed_word_parts_cues() -> None:
    assert cues(seen(0, 10, "I can go there"), seen(10, 20, "I can't go there")) == [
        (0, 10, "I can go there"),
        (10, 20, "I can't go there"),
    ]


def test_the_same_text_after_a_gap_is_another_cue() -> None:
    assert cues(seen(0, 10, "No."), seen(13, 20, "No.")) == [(0, 10, "No."), (13, 20, "No.")]


def test_the_same_text_after_a_flicker_is_the_same_cue() -> None:
    assert cues(seen(0, 10, "No."), seen(12, 20, "No.")) == [(0, 20, "No.")]


def test_the_same_text_after_frames_that_showed_it_all_along_is_the_same_cue() -> None:
    first = replace(seen(0, 10, "No."), stable_end_pts=9)
    assert cues(first, replace(seen(16, 20, "No."), joined_to_pts=9)) == [(0, 20, "No.")]
    assert len(cues(first, replace(seen(16, 20, "No."), joined_to_pts=12))) == 2


def test_a_doubtful_letter_parts_nothing_and_most_frames_win() -> None:
    assert cues(seen(0, 30, "Where is Anna?"), seen(30, 35, "Where is Amna?", doubtful="m")) == [
        (0, 35, "Where is Anna?")
    ]


def test_look_alikes_part_nothing() -> None:
    assert same_text(seen(0, 1, "I'll go"), seen(1, 2, "l'Il go"))


def test_a_second_line_makes_another_cue() -> None:
    assert len(cues(seen(0, 10, "Hello"), seen(10, 20, "Hello", "over there"))) == 2


def test_words_that_come_one_by_one_are_one_cue_with_all_of_them() -> None:
    growing = [seen(0, 5, "You"), seen(5, 9, "You broke"), seen(9, 30, "You broke it,", "so")]
    assert cues(*growing, seen(30, 40, "You broke it,", "so fix")) == [(0, 40, "You broke it,\nso fix")]


def test_a_longer_text_in_another_place_is_another_cue() -> None:
    moved = replace(line("No. Wait here."), box=Box(60, 10, 140, 40))
    longer = replace(seen(10, 20, "No. Wait here."), lines=(moved,))
    assert [text for _, _, text in cues(seen(0, 10, "No."), longer)] == ["No.", "No. Wait here."]


def test_crops_without_text_are_no_cues() -> None:
    assert cues(seen(0, 10)) == []


def test_a_cross_fade_leaves_no_overlap() -> None:
    assert cues(seen(0, 12, "One"), seen(10, 20, "Two")) == [(0, 10, "One"), (10, 20, "Two")]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5), st.sampled_from(["A b", "Other", "第一", ""]))))
def test_cues_are_in_order_and_never_overlap(pieces: list[tuple[int, int, str]]) -> None:
    at, observations = 0, []
    for length, gap, text in pieces:
        observations.append(seen(at, at + length, *([text] if text else [])))
        at += length + gap
    built = cues(*observations)
    assert built == cues(*reversed(observations))
    assert all(start < end for start, end, _ in built)
    assert all(a[1] <= b[0] for a, b in pairwise(built))
