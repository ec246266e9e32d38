"""What is said of a layer is what a person sees in it: each feature is tried on two layers that differ in it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import layer, line, track, video
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES, features_of
from yivideo_ray.stages.postprocess_and_finalize.layers import TrackLayer
from yivideo_ray.stages.postprocess_and_finalize.line_tracks import LineTrack
from yivideo_ray.text.line_classes import LINE_CLASSES

INFO = replace(video(Fraction(1, 1000)), width=1280, height=720)
END = 20_000
TEXTS = ("Where is he?", "I don't know.", "He was here before.", "Well then,", "we had better look.")


def features(found: TrackLayer, *others: TrackLayer, end_pts: int = END) -> dict[str, float]:
    return features_of([found, *others], INFO, end_pts)[0]


def talk(*texts: str, length: int = 2000, every: int = 4000, **place: object) -> TrackLayer:
    return layer(*(track(every * at, every * at + length, text, **place) for at, text in enumerate(texts or TEXTS)))


def in_places(*places: tuple[int, int]) -> TrackLayer:
    return layer(*(track(4000 * at, 4000 * at + 2000, TEXTS[at], x0=x0, y0=y0) for at, (x0, y0) in enumerate(places)))


def moving(step: int) -> LineTrack:
    return track(0, 4000, *(line("GRILL BAR", x0=300 + step * at, y0=300) for at in range(4)))


DIALOGUE = talk()
MOON = talk("Moon", "M00N", "Moon", "Noon", "Moon")


@pytest.mark.parametrize(
    ("feature", "less", "more"),
    [
        ("texts", talk("Where is he?", "I don't know."), DIALOGUE),
        ("texts", talk("Where is he?", "where is he"), talk("Where is he?", "Was it him?")),
        ("texts_per_s", talk("Where is he?", "I don't know."), DIALOGUE),
        ("shown_s", talk(length=500), DIALOGUE),
        ("usual_time", DIALOGUE, talk(length=200)),
        ("usual_time", DIALOGUE, layer(track(0, 16_000, "EXIT"))),
        ("coverage", talk(length=500), talk(length=3500)),
        ("coverage", layer(track(0, 4000, "a", y0=560), track(0, 4000, "b")), layer(track(0, 8000, "a"))),
        ("confidence", talk(confidence=0.7), talk(confidence=0.98)),
        ("agreement", layer(track(0, 4000, "GRILL", "GR1IL", "CRILL")), layer(track(0, 4000, "GRILL", "GRILL"))),
        ("repeats", DIALOGUE, MOON),
        ("centred", DIALOGUE, talk(x0=40)),
        ("lined_up", DIALOGUE, in_places((40, 100), (700, 300), (300, 620), (1000, 60))),
        ("lined_up", DIALOGUE, in_places((100, 600), (220, 600), (90, 600), (500, 600))),
        ("height", talk(height=24), talk(height=48)),
        ("usual_height", talk(height=66, y0=580), talk(height=12)),
        ("usual_height", talk(height=66, y0=580), talk("No", "Yes", height=300, y0=200)),
        ("below", talk(y0=60), talk(y0=600)),
        ("middle", talk(y0=345), talk(y0=600)),
        ("middle", talk(y0=345), talk(y0=60)),
        ("length", talk("No.", "Yes.", "Why?"), DIALOGUE),
        ("length", talk("abcd", "efgh"), talk("你好世界", "再见世界")),
        ("letters", talk("12:05", "12:06", "3-1"), DIALOGUE),
        ("moves", layer(moving(0)), layer(moving(20))),
        ("stands", DIALOGUE, layer(track(0, 18_000, "EXIT"))),
        ("turns", talk(every=4000, length=2000), talk(every=4000, length=3900)),
        ("contrast", talk(fill=100, ground=90), talk(fill=230, ground=20)),
        (
            "same_fill",
            talk(fill=235, ground=20),
            layer(track(0, 2000, "a", fill=240, ground=20), track(3000, 5000, "b", fill=60, ground=20)),
        ),
    ],
)
def test_a_feature_is_more_where_there_is_more_of_it(feature: str, less: TrackLayer, more: TrackLayer) -> None:
    assert features(less)[feature] < features(more)[feature]


def test_the_share_of_the_text_counts_what_other_layers_say_and_for_how_long() -> None:
    sign = layer(track(0, 1000, "EXIT", y0=200))
    assert features(DIALOGUE)["share_of_text"] == 1
    assert 0.9 < features(DIALOGUE, sign)["share_of_text"] < 1
    assert features(sign, DIALOGUE)["share_of_text"] < 0.1
    standing = layer(track(0, END, "EXIT", y0=200))
    assert features(DIALOGUE, standing)["share_of_text"] < features(DIALOGUE, sign)["share_of_text"]


def test_a_text_that_can_not_be_read_is_as_much_text_as_it_is_wide() -> None:
    unread = tuple(0.0 if name == "thai" else -9.0 for name in LINE_CLASSES)
    foreign = layer(track(0, 4000, replace(line("i1", y0=200), box=Box(440, 200, 840, 230), scores=unread)))
    latin = layer(track(0, 4000, replace(line("i1", y0=200), box=Box(440, 200, 840, 230))))
    assert features(DIALOGUE, foreign)["share_of_text"] < 0.9 < features(DIALOGUE, latin)["share_of_text"]


def test_time_counts_from_the_first_frame_of_the_video_to_its_last() -> None:
    found = features(DIALOGUE)
    assert found["coverage"] == pytest.approx(0.5)
    assert features(DIALOGUE, end_pts=2 * END)["coverage"] == pytest.approx(0.25)
    assert features(DIALOGUE, end_pts=2 * END)["texts_per_s"] < found["texts_per_s"]
    late = replace(INFO, first_pts=-END)
    assert features_of([DIALOGUE], late, END)[0]["coverage"] == pytest.approx(0.25)


def test_the_size_of_letters_is_judged_against_the_picture_whatever_its_shape() -> None:
    whole = features(DIALOGUE)
    for shape in ((2560, 360), (360, 2560)):
        info = replace(INFO, width=shape[0], height=shape[1])
        (found,) = features_of([DIALOGUE], info, END)
        assert found["height"] == pytest.approx(whole["height"])
        assert found["usual_height"] == pytest.approx(whole["usual_height"])


def test_the_time_base_decides_nothing() -> None:
    finer = layer(*(track(10 * one.start_pts, 10 * one.end_pts, one.text) for one in DIALOGUE.tracks))
    (found,) = features_of([finer], replace(INFO, time_base=Fraction(1, 10_000)), 10 * END)
    assert found == pytest.approx(features(DIALOGUE))


def test_a_text_that_moves_by_itself_is_told_from_a_box_that_found_more_at_one_end() -> None:
    growing = track(0, 3000, *(line("GRILL BAR"[: 5 + 2 * at], x0=300, y0=300) for at in range(3)))
    assert features(layer(growing))["moves"] == features(layer(moving(0)))["moves"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, END - 1),
            st.integers(1, END),
            st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=9),
            st.floats(0, 1),
            st.integers(1, 700),
            st.one_of(st.none(), st.integers(0, 255)),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_feature_of_any_layer_is_a_number(
    shown: list[tuple[int, int, str, float, int, int | None]],
) -> None:
    tracks = [
        track(start, start + length, text, confidence=confidence, height=height, y0=10, x0=3, fill=fill, ground=fill)
        for start, length, text, confidence, height, fill in shown
    ]
    found = features(layer(*tracks))
    assert tuple(found) == FEATURES
    assert all(math.isfinite(value) for value in found.values())
