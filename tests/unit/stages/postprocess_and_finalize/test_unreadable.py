"""Layers in a script that the model doesn't know: what they show is told, and nothing of it is taken."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.support.cues import layer, line, track, video
from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize
from yivideo_ray.stages.postprocess_and_finalize.layer_features import OF_READING
from yivideo_ray.stages.postprocess_and_finalize.unreadable import parted_by_script, unreadable_texts
from yivideo_ray.text.line_classes import LINE_CLASSES
from yivideo_ray.types import Band, BandEvidence, CropMeta, CropText, Layer, SubtitleArea, TextLine, UnreadableText

INFO = replace(video(Fraction(1, 1000)), width=1280, height=720)
BAND = Band("bottom", Box(0, 500, 1280, 700), 30.0, BandEvidence(24, 20, 19, 0.9, "made up"))
SPOKEN = ("Where are you going?", "I don't know yet.", "Take the umbrella.", "It will rain soon.", "See you later.")


def scores(name: str, share: float = 0.97) -> tuple[float, ...]:
    rest = (1 - share) / (len(LINE_CLASSES) - 1)
    return tuple(math.log(share if name == other else rest) for other in LINE_CLASSES)


def text_line(text: str, script: str, y0: int = 600) -> TextLine:
    """Returns a line in the middle of the band; one that was not read is as wide as those that were."""
    made = line(text or 20 * "x", x0=None, y0=y0 - BAND.box.y0)
    found = line(text) if text else None
    return TextLine(text, 0.99 if text else 0.0, made.box, found.chars if found else (), scores=scores(script))


def layers(*crops: tuple[TextLine, ...], **settings: Any) -> tuple[Layer, ...]:
    """Returns the layers of a video that shows each of these for a second and a half, every two seconds."""
    times = [(2000 * number, 2000 * number + 1500) for number in range(len(crops))]
    metas = [
        CropMeta(f"{number}", 0, BAND.box, 1.0, start, start, end, 20, 20, 500, end)
        for number, (start, end) in enumerate(times)
    ]
    texts = [CropText(f"{number}", lines) for number, lines in enumerate(crops)]
    return postprocess_and_finalize(INFO, SubtitleArea((BAND,)), metas, texts, PostprocessorSettings(**settings))


def test_text_that_was_not_read_is_told_with_its_script_its_place_and_its_times() -> None:
    (found,) = layers(*((text_line("", "hangul"),) for _ in range(4)))
    assert [(one.script, one.start_pts, one.end_pts) for one in found.unreadable] == [
        ("hangul", start, start + 1500) for start in (0, 2000, 4000, 6000)
    ]
    assert all(one.box == Box(440, 600, 840, 630) for one in found.unreadable)
    assert (found.taken, found.cues) == (False, ())


def test_nonsense_that_was_read_in_it_is_taken_by_those_alone_who_name_the_layer() -> None:
    shown = [(text_line(text, "vietnamese"),) for text in ("anh s ch chin", "nhưng khng phi", "ti mun v nh")]
    (found,) = layers(*shown)
    assert (found.taken, found.cues) == (False, ())
    (named,) = layers(*shown, layers=(1,))
    assert named.taken
    assert named.unreadable == found.unreadable != ()
    assert [cue.text for cue in named.cues] == ["anh s ch chin", "nhưng khng phi", "ti mun v nh"]


def test_it_is_judged_by_its_place_and_its_times_and_not_by_what_was_read_of_it() -> None:
    little, much = (layers(*((text_line(text, "hangul"),) for _ in range(4)))[0] for text in ("", "0i1 l:l"))
    assert little.probability == pytest.approx(much.probability, abs=0.05)
    assert not {reason.feature for reason in (*little.reasons, *much.reasons)} & OF_READING


def test_specks_that_are_no_subtitles_wherever_they_look_unreadable_are_not_told() -> None:
    specks = [(replace(text_line("", "hangul"), box=Box(9 * at, 3 * at, 9 * at + 12, 3 * at + 24)),) for at in range(5)]
    found = layers(*specks, *((text_line(text, "latin"),) for text in 4 * SPOKEN))
    assert len(found) > 1
    assert not any(one.unreadable for one in found)


def test_text_that_is_read_is_not_unreadable() -> None:
    (found,) = layers(*((text_line(text, "latin"),) for text in SPOKEN))
    assert (found.taken, found.unreadable) == (True, ())
    assert [cue.text for cue in found.cues] == list(SPOKEN)


def test_single_lines_that_look_unreadable_are_lost_to_no_text() -> None:
    shown = [(text_line(text, "latin" if number else "greek"),) for number, text in enumerate(SPOKEN)]
    (found,) = layers(*shown)
    assert found.unreadable == ()
    assert [cue.text for cue in found.cues] == list(SPOKEN)


def test_a_translation_beside_text_that_can_not_be_read_is_a_layer_of_its_own() -> None:
    shown = [(text_line("", "thai", 560), text_line(text, "latin", 600)) for text in SPOKEN]
    first, second = sorted(layers(*shown), key=lambda found: len(found.unreadable))
    assert first.unreadable == ()
    assert [cue.text for cue in first.cues] == list(SPOKEN)
    assert {one.script for one in second.unreadable} == {"thai"}


def test_short_lines_of_a_dialogue_that_look_unreadable_are_no_text_of_their_own() -> None:
    short = [(text_line(text, "vietnamese"),) for text in ("Hm.", "Oh!", "Tom?", "Go!")]
    said = [(text_line(text, "latin"),) for text in SPOKEN]
    (found,) = layers(*(crop for both in zip(said, short, strict=False) for crop in both), *said[4:])
    assert found.unreadable == ()
    assert len(found.cues) == len(short) + len(said)


def test_a_line_that_was_not_read_is_no_line_of_a_cue() -> None:
    shown = [(text_line(text, "latin"),) for text in SPOKEN[1:]]
    (found,) = layers((text_line("", "none", 560), text_line(SPOKEN[0], "latin")), *shown)
    assert [cue.text for cue in found.cues] == list(SPOKEN)


def test_a_text_that_comes_again_and_again_is_no_more_evidence_than_once() -> None:
    signs = [replace(line("GENG", x0=None, y0=600), scores=scores("vietnamese", 0.9)) for _ in range(8)]
    again = layer(*(track(1000 * number, 1000 * number + 500, sign) for number, sign in enumerate(signs)))
    others = layer(
        *(
            track(1000 * number, 1000 * number + 500, replace(sign, text=f"GENG {'ABCDEFGH'[number]}"))
            for number, sign in enumerate(signs)
        )
    )
    assert unreadable_texts(again) == ()
    assert len(unreadable_texts(others)) == len(signs)


def test_a_track_is_in_the_script_that_its_sightings_are_in_on_the_whole() -> None:
    seen = [replace(line("gi", x0=None, y0=600), scores=scores("arabic", share)) for share in (0.999, 0.98, 0.999)]
    found = unreadable_texts(layer(track(0, 3000, *seen)))
    assert found == (UnreadableText("arabic", seen[0].box, 0, 3000),)


def test_layers_of_which_no_scores_are_known_stay_as_they_are() -> None:
    known = layer(track(0, 1000, "Where are you?"), track(1000, 2000, "Here."))
    assert parted_by_script([known]) == [known]
    assert unreadable_texts(known) == ()
