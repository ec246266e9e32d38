"""What is told of the layers of a video: what was left, what is in doubt, and the option that decides otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.cues import cue, video
from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.errors import ResultWarning
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.layer_warnings import warnings_of
from yivideo_ray.types import Cue, Layer, UnreadableText

FROM = "--from paddleocr.postprocess_and_finalize"
HELLO = cue(3_725_000, 3_727_000, "Hello", "there")
SIGN = cue(5_000, 6_000, "BAKERY", top=True)


def layer(number: int, probability: float, *cues: Cue, **changes: Any) -> Layer:
    """Returns a layer that is taken if it is probable, unless said otherwise."""
    made = Layer(number, probability, probability >= 0.5, (), Box(400, 600, 880, 660), 30.0, cues)
    return replace(made, **changes)


def told(*layers: Layer, **settings: Any) -> Sequence[ResultWarning]:
    return warnings_of(layers, video(), PostprocessorSettings(**settings))


def the_one(code: str, *layers: Layer, **settings: Any) -> ResultWarning:
    (warning,) = [warning for warning in told(*layers, **settings) if warning.code == code]
    return warning


def test_what_is_sure_needs_no_word() -> None:
    assert told() == ()
    assert told(layer(1, 0.97, HELLO), layer(2, 0.03, SIGN)) == ()


def test_text_that_nobody_took_is_told_with_an_example_its_place_and_the_option_that_takes_it() -> None:
    warning = the_one("NONE_CHOSEN", layer(1, 0.15, HELLO), layer(2, 0.03, SIGN))
    assert warning.message == (
        "Text was seen, and no layer of it was taken for subtitles. Layer 1, the most probable of 2 layers, "
        '"Hello / there" at 1:02:05, x 400 to 880, y 600 to 660, is subtitles with a probability of 0.15. '
        f"--layers 1 {FROM} takes it."
    )
    assert warning.facts == {
        "layer": 1,
        "probability": 0.15,
        "taken": False,
        "text": "Hello\nthere",
        "at_s": 3725.0,
        "box": Box(400, 600, 880, 660),
        "seen": 2,
        "layers": [1],
    }
    assert "Layer 1, the only one, " in the_one("NONE_CHOSEN", layer(1, 0.15, HELLO)).message


def test_a_layer_without_a_cue_is_no_layer_to_take() -> None:
    warning = the_one("NONE_CHOSEN", layer(1, 0.9), layer(2, 0.1, SIGN))
    assert warning.facts["layers"] == []
    assert "min_confidence" in warning.message


def test_what_is_offered_is_called_the_most_probable_only_where_it_is() -> None:
    unread = replace(layer(1, 0.9, taken=False), unreadable=(UnreadableText("thai", Box(0, 0, 9, 9), 0, 9),))
    warning = the_one("NONE_CHOSEN", unread, layer(2, 0.1, SIGN))
    assert "Layer 2, one of 2 layers, " in warning.message
    assert (
        "Layer 1, the most probable of 2 layers, " in the_one("NONE_CHOSEN", layer(1, 0.3, SIGN), layer(2, 0.1)).message
    )


def test_text_that_was_read_too_badly_to_be_shown_is_told_with_the_settings_that_say_so() -> None:
    warning = the_one("NONE_CHOSEN", layer(1, 0.9), layer(2, 0.1), min_confidence=0.7)
    assert "confidence of 0.7 (postprocessor.min_confidence)" in warning.message
    assert "200 ms (postprocessor.min_duration_ms)" in warning.message
    assert "--layers" not in warning.message
    assert (warning.facts["seen"], warning.facts["layers"]) == (2, [])
    assert [warning.code for warning in told(layer(1, 0.9), layers="all")] == ["NONE_CHOSEN"]


@pytest.mark.parametrize(("probability", "doubted"), [(0.19, False), (0.2, True), (0.8, True), (0.81, False)])
def test_a_layer_is_in_doubt_between_a_fifth_and_four_fifths(probability: float, doubted: bool) -> None:
    codes = [warning.code for warning in told(layer(1, 0.99, HELLO), layer(2, probability, SIGN))]
    assert codes == (["LAYER_IN_DOUBT"] if doubted else [])


def test_where_nothing_was_taken_the_layer_that_is_named_for_that_is_not_named_again_for_its_doubt() -> None:
    found = told(layer(1, 0.45, HELLO), layer(2, 0.3, SIGN))
    assert [(warning.code, warning.facts["layer"]) for warning in found] == [("NONE_CHOSEN", 1), ("LAYER_IN_DOUBT", 2)]


def test_a_doubtful_layer_that_was_left_is_told_with_the_option_that_takes_it_beside_the_others() -> None:
    warning = the_one("LAYER_IN_DOUBT", layer(1, 0.99, HELLO), layer(2, 0.41, SIGN))
    assert warning.message == (
        'Layer 2, "BAKERY" at 0:00:05, x 400 to 880, y 600 to 660, was not taken and may be subtitles: its probability '
        f"is 0.41. --layers 1,2 {FROM} takes it."
    )
    assert (warning.facts["layer"], warning.facts["taken"], warning.facts["layers"]) == (2, False, [1, 2])


def test_a_doubtful_layer_that_was_taken_is_told_with_the_option_that_leaves_it_out() -> None:
    doubtful = layer(2, 0.62, SIGN)
    beside = the_one("LAYER_IN_DOUBT", layer(1, 0.99, HELLO), doubtful)
    assert "was taken and may be no subtitles: its probability is 0.62." in beside.message
    assert beside.message.endswith(f"--layers 1 {FROM} leaves it out.")
    instead = the_one("LAYER_IN_DOUBT", layer(1, 0.62, HELLO), layer(2, 0.1, SIGN))
    assert instead.message.endswith(f"--layers 2 {FROM} takes another one instead.")
    alone = the_one("LAYER_IN_DOUBT", doubtful, layer(3, 0.1))
    assert alone.message.endswith("There is no other text.")
    assert [warning.facts["layers"] for warning in (beside, instead, alone)] == [[1], [2], []]


@pytest.mark.parametrize("layers", ["all", (1, 2)])
def test_where_somebody_has_decided_nothing_is_in_doubt(layers: object) -> None:
    whole = cue(0, 60_000, "Hello")
    assert told(layer(1, 0.6, whole), layer(2, 0.3, SIGN, taken=True), layers=layers) == ()


def test_a_long_example_is_cut() -> None:
    long = cue(0, 1000, "This is a line that goes on and on and on, further than a message should")
    message = the_one("NONE_CHOSEN", layer(1, 0.1, long)).message
    assert '"This is a line that goes on and on an..." at' in message


def test_text_that_stands_for_all_of_a_clip_and_is_taken_is_told() -> None:
    whole = cue(0, 54_000, "Testing, testing")
    warning = the_one("STILL_TEXT", layer(1, 0.95, HELLO), layer(2, 0.9, SIGN, whole))
    assert warning.message == (
        'Layer 2, "BAKERY" at 0:00:05, x 400 to 880, y 600 to 660, stands for all of the video and was taken. '
        f"--layers 1 {FROM} leaves it out."
    )
    assert told(layer(1, 0.95, cue(0, 53_900, "Testing, testing"))) == ()
    assert [warning.code for warning in told(layer(1, 0.1, whole))] == ["NONE_CHOSEN"]


def test_a_script_that_the_models_do_not_know_is_told_once_with_where_it_is_seen_first() -> None:
    seen = [UnreadableText("Cyrillic", Box(10, 20, 200, 50), start, start + 900) for start in (9_000, 61_000)]
    other = UnreadableText("Arabic", Box(0, 0, 9, 9), 0, 500)
    late = UnreadableText("Cyrillic", Box(1, 2, 3, 4), 4_000, 5_000)
    found = told(layer(1, 0.9, unreadable=(*seen, other)), layer(2, 0.9, HELLO, unreadable=(late,)))
    assert [(warning.code, warning.facts["script"], warning.facts["texts"]) for warning in found] == [
        ("UNREADABLE_SCRIPT", "Cyrillic", 3),
        ("UNREADABLE_SCRIPT", "Arabic", 1),
    ]
    assert found[0].message == (
        "Text in what looks like Cyrillic was seen 3 times, first at 0:00:04, x 1 to 3, y 2 to 4. The models don't "
        "know this script, so it was not read. The JSON result has all places and times under unreadable."
    )
    assert (found[0].facts["layers"], found[0].facts["at_s"]) == ([1, 2], 4.0)


def test_where_all_that_was_seen_is_unreadable_nothing_is_there_to_take() -> None:
    cyrillic = UnreadableText("Cyrillic", Box(10, 20, 200, 50), 0, 900)
    unread = layer(1, 0.9, unreadable=(cyrillic,))
    assert [warning.code for warning in told(unread)] == ["UNREADABLE_SCRIPT"]
    assert [warning.code for warning in told(unread, layer(2, 0.1, SIGN))] == ["UNREADABLE_SCRIPT", "NONE_CHOSEN"]
