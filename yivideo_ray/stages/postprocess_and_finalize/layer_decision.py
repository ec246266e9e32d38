"""Which layers are the video's subtitles, how probable that is, and why: a logistic model, fitted by training.layers.

Its weights are data (layer_weights.json): for each feature of layer_features its mean and its spread over the layers
that it was fitted to, and what one spread more adds to the log odds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES
from yivideo_ray.types import LayerReason

__all__ = ["DOUBT", "Weights", "decide", "shipped_weights"]

DOUBT = 0.2
"""A layer is in doubt if it, or its opposite, is at least as probable."""

# What a feature says where it is above the usual, and where it is below.
_WORDS: Mapping[str, tuple[str, str]] = {
    "texts": ("many different texts", "few different texts"),
    "texts_per_s": ("its texts change often", "its texts hardly change"),
    "shown_s": ("each text stays long", "each text stays briefly"),
    "usual_time": ("texts stay unusually long or briefly", "texts stay about as long as it takes to read them"),
    "coverage": ("there most of the time", "seldom there"),
    "confidence": ("read with confidence", "read with little confidence"),
    "agreement": ("read the same each time", "read differently each time"),
    "repeats": ("the same text comes again and again", "each text is another one"),
    "centred": ("beside the middle of the picture", "centred"),
    "lined_up": ("every text in another place", "all texts in one place"),
    "height": ("large letters", "small letters"),
    "usual_height": ("letters of an unusual size", "letters of the usual size"),
    "below": ("low in the picture", "high in the picture"),
    "middle": ("near the upper or the lower edge", "in the middle of the picture"),
    "length": ("long lines", "short lines"),
    "letters": ("made of letters", "made of marks and digits"),
    "moves": ("moves with the picture", "stands still"),
    "stands": ("one text stands all along", "no text stands all along"),
    "turns": ("texts follow each other without a gap", "texts stand alone"),
    "share_of_text": ("most of the text in the video", "a small part of the text in the video"),
    "share_of_style": ("most of the text looks like it", "most of the text looks otherwise"),
    "contrast": ("brighter than what is around it", "hardly brighter than what is around it"),
    "same_fill": ("texts of different brightness", "texts of the same brightness"),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted model. All lists are in the order of features."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float


@cache
def shipped_weights() -> Weights:
    """Returns the weights that the package carries."""
    found = json.loads(files(__package__).joinpath("layer_weights.json").read_text(encoding="utf-8"))
    return Weights(
        tuple(found["features"]), tuple(found["mean"]), tuple(found["scale"]), tuple(found["weights"]), found["bias"]
    )


def decide(features: Mapping[str, float], weights: Weights) -> tuple[float, tuple[LayerReason, ...]]:
    """Returns the probability that a layer with such features (layer_features.features_of) is subtitles, and what
    weighs most for or against it, the weightiest first: as few as outweigh all others. A feature that isn't known
    weighs nothing."""
    terms = [
        (name, (features.get(name, mean) - mean) / scale, weight)
        for name, mean, scale, weight in zip(
            weights.features, weights.mean, weights.scale, weights.weights, strict=True
        )
    ]
    log_odds = weights.bias + sum(value * weight for _, value, weight in terms)
    terms.sort(key=lambda term: -abs(term[1] * term[2]))
    reasons = []
    others = sum(abs(value * weight) for _, value, weight in terms)
    given = 0.0
    for name, value, weight in terms:
        if given >= others:
            break
        reasons.append(LayerReason(name, round(value * weight, 3), _WORDS[name][value < 0]))
        given, others = given + abs(value * weight), others - abs(value * weight)
    # The logistic function, of any number.
    return (1 + math.tanh(log_odds / 2)) / 2, tuple(reasons)


assert set(_WORDS) == set(FEATURES), "every feature has its words"
