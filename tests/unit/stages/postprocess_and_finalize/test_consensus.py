"""Crops of one cue agree on its lines, character by character and space by space."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import line, seen
from yivideo_ray.stages.postprocess_and_finalize.consensus import agree
from yivideo_ray.stages.postprocess_and_finalize.observations import Observation, ReadLine


def elected(*observations: Observation) -> list[str]:
    return [one.text for one in agree(observations, 0.01)]


def test_each_letter_has_a_majority_of_its_own() -> None:
    assert elected(seen(0, 10, "wxndow"), seen(10, 20, "winbow"), seen(20, 30, "windov")) == ["window"]


def test_frames_and_confidence_weigh() -> None:
    assert elected(seen(0, 30, "left"), seen(30, 35, "lift"), seen(35, 40, "lift")) == ["left"]
    assert elected(seen(0, 12, "left", confidence=0.5), seen(12, 22, "lift")) == ["lift"]


def test_each_line_is_elected_by_itself() -> None:
    voters = [seen(0, 9, "- Who?", "- Mc."), seen(9, 19, "- Wha?", "- Me."), seen(19, 29, "- Who?", "- Me.")]
    assert elected(*voters) == ["- Who?", "- Me."]


def test_one_stray_space_is_outvoted() -> None:
    assert elected(seen(0, 9, "Wil l you"), seen(9, 19, "Will you"), seen(19, 29, "Wi ll you")) == ["Will you"]


def test_one_missing_space_is_put_in_where_a_letter_is_disputed_too() -> None:
    assert elected(seen(0, 9, "Willyou"), seen(9, 19, "Will yau"), seen(19, 29, "Will you"), seen(29, 39, "Will you"))
    assert elected(seen(0, 9, "Willyou"), seen(9, 19, "Will yau"), seen(19, 39, "Will you")) == ["Will you"]


def test_lines_whose_characters_are_unknown_vote_as_a_whole() -> None:
    bare = [replace(line(text), chars=()) for text in ("window", "windov", "window")]
    assert elected(*(seen(10 * at, 10 * at + 10, one) for at, one in enumerate(bare))) == ["window"]


TEXTS = st.text("abc 你", min_size=1, max_size=8).filter(lambda text: text.strip() == text and "  " not in text)


@settings(deadline=None)
@given(TEXTS, st.lists(st.tuples(st.integers(1, 50), st.floats(0.3, 1)), min_size=1, max_size=5))
def test_where_all_agree_the_line_of_the_most_frames_comes_back_as_it_is(
    text: str, voters: list[tuple[int, float]]
) -> None:
    observations = [seen(0, frames, text, confidence=confidence) for frames, confidence in voters]
    (found,) = agree(observations, 0.01)
    most = max(frames for frames, _ in voters)
    assert any(found is one.lines[0] for one in observations if one.averaged_frames == most)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, st.integers(1, 50), st.floats(0.3, 1)), min_size=1, max_size=5))
def test_no_letter_comes_from_nowhere(voters: list[tuple[str, int, float]]) -> None:
    observations = [seen(0, frames, text, confidence=confidence) for text, frames, confidence in voters]
    found: ReadLine = agree(observations, 0.01)[0]
    assert set(found.text) <= set("".join(text for text, *_ in voters)) | {" "}
    assert "".join(char.text for char in found.chars) == "".join(found.text.split())
