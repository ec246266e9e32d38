"""A layer's probability follows from its features, and its reasons say which of them it was."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.stages.postprocess_and_finalize.layer_decision import Weights, decide, shipped_weights
from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES

SHIPPED = shipped_weights()
USUAL = dict(zip(SHIPPED.features, SHIPPED.mean, strict=True))
"""A layer of which nothing is unusual."""
SMALL = Weights(
    features=("coverage", "agreement", "moves", "height", "texts"),
    mean=(0.5, 0.9, -3.0, -4.0, 2.0),
    scale=(0.25, 0.1, 1.0, 1.0, 0.5),
    weights=(2.0, 1.0, -0.5, 0.25, 0.125),
    bias=-1.0,
)
MEAN = dict(zip(SMALL.features, SMALL.mean, strict=True))


def turned(feature: str, by: float, features: dict[str, float] = USUAL, weights: Weights = SHIPPED) -> dict[str, float]:
    """Returns the features with one of them so many spreads more than it was."""
    return {**features, feature: features[feature] + by * weights.scale[weights.features.index(feature)]}


def test_the_shipped_weights_are_for_the_features_that_are_computed() -> None:
    assert SHIPPED.features == FEATURES
    assert len(SHIPPED.mean) == len(SHIPPED.scale) == len(SHIPPED.weights) == len(FEATURES)
    assert all(scale > 0 for scale in SHIPPED.scale)
    assert all(math.isfinite(value) for value in (*SHIPPED.mean, *SHIPPED.weights, SHIPPED.bias))


def test_a_layer_of_which_nothing_is_unusual_is_as_probable_as_the_bias_says() -> None:
    probability, reasons = decide(MEAN, SMALL)
    assert probability == pytest.approx(1 / (1 + math.e))
    assert not reasons


def test_what_is_not_known_of_a_layer_decides_nothing() -> None:
    known = turned("coverage", 1, MEAN, SMALL)
    assert decide({"coverage": known["coverage"]}, SMALL)[0] == decide(known, SMALL)[0]


def test_the_odds_are_the_product_of_what_each_feature_says() -> None:
    features = turned("agreement", -3, turned("coverage", 1, MEAN, SMALL), SMALL)
    probability, reasons = decide(features, SMALL)
    assert math.log(probability / (1 - probability)) == pytest.approx(-1.0 + 2.0 - 3.0)
    assert [(reason.feature, reason.weight) for reason in reasons] == [("agreement", -3.0)]


def test_reasons_are_the_fewest_that_outweigh_all_others_the_weightiest_first() -> None:
    features = {name: value + 2 * scale for (name, value), scale in zip(MEAN.items(), SMALL.scale, strict=True)}
    _, reasons = decide(features, SMALL)
    assert [(reason.feature, reason.weight) for reason in reasons] == [("coverage", 4.0)]
    _, reasons = decide(turned("coverage", 1, features, SMALL) | {"coverage": MEAN["coverage"]}, SMALL)
    assert [(reason.feature, reason.weight) for reason in reasons] == [("agreement", 2.0)]
    _, reasons = decide(turned("moves", 1, features, SMALL) | {"coverage": MEAN["coverage"]}, SMALL)
    assert [(reason.feature, reason.weight) for reason in reasons] == [("agreement", 2.0), ("moves", -1.5)]


def test_a_reason_is_in_words_that_turn_with_the_feature() -> None:
    _, (more, *_) = decide(turned("agreement", 4, MEAN, SMALL), SMALL)
    _, (less, *_) = decide(turned("agreement", -4, MEAN, SMALL), SMALL)
    assert (more.feature, more.words, more.weight) == ("agreement", "read the same each time", 4.0)
    assert (less.feature, less.words, less.weight) == ("agreement", "read differently each time", -4.0)


@pytest.mark.parametrize("feature", FEATURES)
def test_turning_one_feature_turns_the_reason_and_the_probability(feature: str) -> None:
    usual, _ = decide(USUAL, SHIPPED)
    sides = [decide(turned(feature, by), SHIPPED) for by in (-20, 20)]
    for probability, (first, *others) in sides:
        assert first.feature == feature
        assert (probability > usual) is (first.weight > 0)
        assert all(other.weight == 0 for other in others)
    (_, (less, *_)), (_, (more, *_)) = sides
    assert less.words != more.words
    assert less.weight == pytest.approx(-more.weight, abs=0.002)


def test_a_mirrored_weight_makes_the_opposite_of_a_feature_speak_for_a_layer() -> None:
    mirrored = replace(SMALL, weights=tuple(-weight for weight in SMALL.weights), bias=-SMALL.bias)
    features = turned("coverage", 1, MEAN, SMALL)
    assert decide(features, SMALL)[0] == pytest.approx(1 - decide(features, mirrored)[0])


@settings(deadline=None)
@given(st.fixed_dictionaries({name: st.floats(-1e6, 1e6) for name in FEATURES}))
def test_any_features_have_a_probability_and_the_same_one_each_time(features: dict[str, float]) -> None:
    probability, reasons = decide(features, SHIPPED)
    assert 0 <= probability <= 1
    weights = [abs(reason.weight) for reason in reasons]
    assert weights == sorted(weights, reverse=True)
    assert decide(dict(reversed(features.items())), SHIPPED) == (probability, reasons)
