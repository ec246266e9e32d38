"""Best-path decoding: repeats merge, blanks part, spaces are felt even where they lose."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from yivideo_ray.ocr.ctc import CtcDecoder, within

CHARACTERS = ["a", "b", "c", " "]


def probabilities(path: str, space: dict[int, float] | None = None, best: float = 0.75) -> NDArray[np.float32]:
    """Returns (1, steps, 5) for a path such as "aa-b": "-" is the blank. space: its probability at some steps."""
    steps = np.full((1, len(path), 5), 0.01, np.float32)
    for index, symbol in enumerate(path):
        steps[0, index, 0 if symbol == "-" else 1 + CHARACTERS.index(symbol)] = best
    for index, probability in (space or {}).items():
        steps[0, index, 4] = probability
    return steps


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("----", ""),
        ("a", "a"),
        ("aa-a", "aa"),
        ("aabb", "ab"),
        ("-a- -b-", "a b"),
        ("a--  --b", "a b"),
        ("  a  ", " a "),
        ("abcabc", "abcabc"),
    ],
)
def test_repeats_merge_and_blanks_part(path: str, text: str) -> None:
    (reading,) = CtcDecoder(CHARACTERS)(probabilities(path))
    assert reading.text == text
    assert "".join(char.text for char in reading.chars) == text.replace(" ", "")


def test_a_character_lies_where_its_steps_are() -> None:
    (reading,) = CtcDecoder(CHARACTERS)(probabilities("-aa--b----"))
    assert [(char.x0, char.x1) for char in reading.chars] == [(0.1, 0.3), (0.5, 0.6)]


def test_places_within_a_padded_line_are_shares_of_its_content() -> None:
    (reading,) = CtcDecoder(CHARACTERS)(probabilities("-aa--b----"))
    chars = within(reading, 0.55).chars
    assert chars[0].x0 == pytest.approx(0.1 / 0.55)
    assert chars[1].x1 == 1.0


def test_the_best_losing_space_between_two_characters_is_kept_with_the_second() -> None:
    steps = probabilities("-a-bb-c", {0: 0.6, 2: 0.3, 4: 0.05, 5: 0.02, 6: 0.04})
    (reading,) = CtcDecoder(CHARACTERS)(steps)
    assert [char.text for char in reading.chars] == ["a", "b", "c"]
    assert [char.space_before for char in reading.chars] == pytest.approx([0.0, 0.3, 0.05])


def test_a_space_at_the_last_step_of_one_character_or_the_first_of_the_next_counts() -> None:
    (reading,) = CtcDecoder(CHARACTERS)(probabilities("aab", {1: 0.2}))
    assert reading.chars[1].space_before == pytest.approx(0.2)
    (reading,) = CtcDecoder(CHARACTERS)(probabilities("abb", {1: 0.1, 2: 0.3}))
    assert reading.chars[1].space_before == pytest.approx(0.1)


def test_confidence_is_the_mean_over_kept_characters_at_their_first_step() -> None:
    steps = probabilities("-aab")
    steps[0, 1, 1], steps[0, 2, 1], steps[0, 3, 2] = 0.5, 0.9, 0.7
    (reading,) = CtcDecoder(CHARACTERS)(steps)
    assert reading.confidence == pytest.approx(0.6)
    assert [char.confidence for char in reading.chars] == pytest.approx([0.5, 0.7])


def test_nothing_read_has_no_confidence() -> None:
    assert CtcDecoder(CHARACTERS)(probabilities("---"))[0].confidence == 0.0


def test_lines_of_a_batch_are_decoded_each_for_itself() -> None:
    batch = np.concatenate([probabilities("ab-"), probabilities("--c")])
    assert [reading.text for reading in CtcDecoder(CHARACTERS)(batch)] == ["ab", "c"]


def test_a_character_list_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="classes"):
        CtcDecoder(["a"])(probabilities("a"))


def test_a_model_without_spaces_has_none() -> None:
    (reading,) = CtcDecoder(["a", "b", "c", "d"])(probabilities("a-b"))
    assert [char.space_before for char in reading.chars] == [0.0, 0.0]
