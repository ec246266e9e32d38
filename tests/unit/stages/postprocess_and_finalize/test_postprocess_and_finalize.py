"""From crops and what was read in them to layers with their cues: what stands for good is left out, nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from tests.support.cues import line, video
from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.errors import ConfigError
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize
from yivideo_ray.stages.postprocess_and_finalize.layer_features import FEATURES
from yivideo_ray.stages.postprocess_and_finalize.stage import find_layers
from yivideo_ray.types import (
    Band,
    BandEvidence,
    CropMeta,
    CropText,
    Cue,
    Layer,
    RejectedRegion,
    RejectionReason,
    ReviewReason,
    SubtitleArea,
    TextLine,
    cues_of,
)

INFO = replace(video(Fraction(1, 1000)), width=1280, height=720)
EVIDENCE = BandEvidence(24, 20, 19, 0.9, "made up")
BAND = Band("bottom", Box(0, 500, 1280, 700), 30.0, EVIDENCE)
TOP = Band("top", Box(0, 0, 1280, 200), 30.0, EVIDENCE)
LOGO = Box(1000, 520, 1100, 552)


class Shown(NamedTuple):
    """What a crop shows from start to end, in ms; lines as `read` makes them for the same band."""

    start: int
    end: int
    lines: tuple[TextLine, ...]
    band: int = 0


def read(text: str, x0: int, y0: int, confidence: float = 0.99, doubtful: str = "", *, band: Band = BAND) -> TextLine:
    """Returns a line at a place in the frame, as the crop of a whole band has it."""
    made = line(text, confidence, doubtful, x0=x0 - band.box.x0, y0=y0 - band.box.y0)
    return TextLine(text, confidence, made.box, made.chars)


def centred(text: str, y0: int = 600, band: Band = BAND) -> TextLine:
    return read(text, 640 - 10 * len(text), y0, band=band)


def found(
    *crops: Shown | tuple[int, int, tuple[TextLine, ...]],
    bands: tuple[Band, ...] = (BAND,),
    rejected: tuple[RejectedRegion, ...] = (),
    stroke_px: int = 500,
    **settings: Any,
) -> tuple[SubtitleArea, list[CropMeta], list[CropText], PostprocessorSettings]:
    """Returns the arguments that the stage has for such crops."""
    shown = [Shown(*crop) for crop in crops]
    metas = [
        CropMeta(f"{number}", band, bands[band].box, 1.0, start, start, end, 20, 20, stroke_px, end)
        for number, (start, end, _, band) in enumerate(shown)
    ]
    texts = [CropText(f"{number}", crop.lines) for number, crop in enumerate(shown)]
    return SubtitleArea(bands, rejected), metas, texts, PostprocessorSettings(**settings)


def layers(*crops: Shown | tuple[int, int, tuple[TextLine, ...]], **arguments: Any) -> tuple[Layer, ...]:
    return postprocess_and_finalize(INFO, *found(*crops, **arguments))


def cues(*crops: Shown | tuple[int, int, tuple[TextLine, ...]], **arguments: Any) -> tuple[Cue, ...]:
    """Returns the cues of all layers, whichever are probable."""
    return cues_of(layers(*crops, **{"layers": "all", **arguments}))


@pytest.mark.parametrize("reason", RejectionReason)
def test_text_that_was_rejected_where_it_stands_is_no_line_of_a_cue(reason: RejectionReason) -> None:
    lines = (read("ORBIT", 1000, 521), read("Where is he?", 500, 620))
    assert [cue.text for cue in cues((0, 1000, lines))] == ["ORBIT", "Where is he?"]
    rejected = (RejectedRegion(LOGO, reason, 24),)
    assert [cue.text for cue in cues((0, 1000, lines), rejected=rejected)] == ["Where is he?"]


def test_a_line_in_the_row_of_what_was_rejected_stays() -> None:
    # A logo and a clock in one row are one region, with a subtitle's place between them.
    both = RejectedRegion(Box(40, 520, 1240, 552), RejectionReason.ALWAYS_THERE, 24)
    beside = RejectedRegion(LOGO, RejectionReason.ALWAYS_THERE, 24)
    lines = (read("Where is he?", 520, 521),)
    assert [cue.text for cue in cues((0, 1000, lines), rejected=(both, beside))] == ["Where is he?"]


def test_pieces_of_a_row_are_one_line_whose_spaces_outlast_a_vote() -> None:
    first = (read("- Who?", 400, 600), read("- Mo.", 600, 600, doubtful="o"))
    second = (read("- Who?", 400, 600), read("- Me.", 600, 600))
    assert [cue.text for cue in cues((0, 400, first), (400, 1000, second))] == ["- Who? - Me."]


def test_an_unsure_character_is_written_as_the_rest_of_the_video() -> None:
    shown = cues(
        (
            0,
            1000,
            (
                read("我们这边没有人说话，谁来开门？", 400, 600),
                read("他们说过会来这里找你们的。", 400, 650),
            ),
        ),
        (2000, 3000, (read("別打开！", 500, 600, doubtful="別"),)),
        (4000, 5000, (read("請打开！", 500, 600),)),
    )
    assert [(cue.text, cue.needs_review) for cue in shown[1:]] == [
        ("别打开！", (ReviewReason.UNSURE_CHARACTER,)),
        ("請打开！", (ReviewReason.OTHER_WRITING,)),
    ]


def test_a_brief_cue_at_the_edge_of_the_band_is_to_be_reviewed() -> None:
    (cue,) = cues((0, 200, (read("Where is he?", 500, 501),)))
    assert cue.needs_review == (ReviewReason.BRIEF, ReviewReason.CUT_OFF)


def test_a_bar_alone_is_the_word_i_in_a_video_that_says_it() -> None:
    said = (1000, 2000, (read("So do I know you?", 470, 600),))
    bar = (3000, 4000, (read("0", 625, 600, 0.3),))
    shown = cues(said, bar, stroke_px=60)
    assert [(cue.text, cue.needs_review) for cue in shown[1:]] == [
        ("I", (ReviewReason.UNSURE_LINE, ReviewReason.UNSURE_CHARACTER))
    ]
    assert len(cues(said, bar, stroke_px=200)) == 1
    assert len(cues(bar, stroke_px=60)) == 0


def test_a_character_alone_must_be_read_well() -> None:
    assert cues((0, 1000, (read("8", 625, 600, 0.74),))) == ()
    assert [cue.text for cue in cues((0, 1000, (read("?", 625, 600, 0.65),)))] == ["?"]


@pytest.mark.parametrize("height", [20, 58])
def test_subtitles_may_be_lower_or_higher_than_the_lines_that_their_region_was_found_by(height: int) -> None:
    said = [line(text, x0=500, y0=60, height=height) for text in TALK]
    shown = [
        (3000 * at, 3000 * at + 2000, (TextLine(one.text, 0.99, one.box, one.chars),)) for at, one in enumerate(said)
    ]
    assert [cue.text for cue in cues(*shown)] == list(TALK)


def test_a_cue_must_be_shown_for_as_long_as_the_settings_say() -> None:
    assert len(cues((0, 260, (read("Where is he?", 500, 600, 0.8),)))) == 1
    assert cues((0, 260, (read("Where is he?", 500, 600, 0.9),)), min_duration_ms=300) == ()


def test_both_of_two_that_may_be_one_are_to_be_reviewed() -> None:
    who, other = read("Who was that?", 500, 600), read("Nobody.", 560, 600)
    shown = cues((0, 1000, (who,)), (1150, 2000, (who,)), (2150, 3000, (other,)))
    assert [cue.needs_review for cue in shown] == [(ReviewReason.REPEATED,), (ReviewReason.REPEATED,), ()]


TALK = (
    "Where is he?",
    "I have not seen him.",
    "He was here before lunch.",
    "Then we had better look.",
    "Did you ask the neighbours?",
    "They are not at home.",
)


def talk(band: int = 0, y0: int = 600, start: int = 0, bands: tuple[Band, ...] = (BAND,)) -> list[Shown]:
    """Returns a dialogue in the middle of a row: 2 s for each line, 1 s without one."""
    return [
        Shown(start + 3000 * at, start + 3000 * at + 2000, (centred(text, y0, bands[band]),), band)
        for at, text in enumerate(TALK)
    ]


SIGN_BAND = Band("middle", Box(0, 250, 1280, 450), 30.0, EVIDENCE)
SIGN = [
    Shown(7000 + 300 * at, 7300 + 300 * at, (read(text, 200 + 40 * at, 300, 0.7, band=SIGN_BAND),), 1)
    for at, text in enumerate(("GR1LL B", "CRILL 8", "GRIIL R"))
]


def test_no_crops_and_crops_without_text_are_no_layer() -> None:
    assert layers() == ()
    assert layers((0, 1000, ()), (1000, 2000, ())) == ()


def test_layers_are_numbered_from_the_most_probable_and_each_has_cues_of_its_own() -> None:
    dialogue, sign = layers(*SIGN, *talk(), bands=(BAND, SIGN_BAND))
    assert (dialogue.number, sign.number) == (1, 2)
    assert dialogue.probability > 0.9
    assert sign.probability < 0.1
    assert (dialogue.taken, sign.taken) == (True, False)
    assert [cue.text for cue in dialogue.cues] == [*TALK]
    assert all(SIGN_BAND.box.y0 < cue.box.y0 < SIGN_BAND.box.y1 for cue in sign.cues)
    assert (dialogue.line_height_px, sign.line_height_px) == (30, 30)


def test_a_sign_that_is_read_differently_each_time_says_so() -> None:
    _, sign = layers(*talk(), *SIGN, bands=(BAND, SIGN_BAND))
    said = {reason.feature: reason for reason in sign.reasons}
    assert said["agreement"].words == "read differently each time"
    assert said["agreement"].weight < 0
    steady = [replace_text(crop, "GRILL B") for crop in SIGN]
    _, sign = layers(*talk(), *steady, bands=(BAND, SIGN_BAND))
    assert "read differently each time" not in [reason.words for reason in sign.reasons]


def replace_text(crop: Shown, text: str) -> Shown:
    (only,) = crop.lines
    return crop._replace(lines=(replace(only, text=text, chars=line(text, only.confidence).chars),))


@pytest.mark.parametrize(
    ("wanted", "taken"), [("auto", [True, False]), ("all", [True, True]), ((2,), [False, True]), ((2, 1), [True, True])]
)
def test_the_settings_say_which_layers_are_taken(wanted: object, taken: list[bool]) -> None:
    shown = layers(*talk(), *SIGN, bands=(BAND, SIGN_BAND), layers=wanted)
    assert [layer.taken for layer in shown] == taken
    assert len(cues_of(shown)) == sum(len(layer.cues) for layer in shown if layer.taken)


@pytest.mark.parametrize(("crops", "number", "there_are"), [(talk(), 9, 1), ([*talk(), *SIGN], 3, 2), ([], 1, 0)])
def test_a_layer_that_there_is_not_can_not_be_taken(crops: list[Shown], number: int, there_are: int) -> None:
    with pytest.raises(ConfigError) as caught:
        layers(*crops, bands=(BAND, SIGN_BAND), layers=(number,))
    assert caught.value.code.name == "LAYER_UNKNOWN"
    assert f"no layer {number}: {there_are} were found" in str(caught.value)


def test_two_layers_at_once_keep_their_own_times_and_their_cues_are_in_the_order_of_time() -> None:
    bands = (BAND, TOP)
    above = talk(1, 60, start=1500, bands=bands)
    first, second = layers(*talk(), *above, bands=bands)
    for layer in (first, second):
        assert [cue.text for cue in layer.cues] == [*TALK]
    starts = {
        layer.cues[0].start_pts: [(cue.start_pts, cue.end_pts) for cue in layer.cues] for layer in (first, second)
    }
    assert starts == {
        at: [(at + 3000 * number, at + 3000 * number + 2000) for number in range(len(TALK))] for at in (0, 1500)
    }
    assert [cue.start_pts for cue in cues_of((first, second))] == [1500 * number for number in range(2 * len(TALK))]


def test_a_lower_third_beside_a_subtitle_in_its_row_joins_no_cue() -> None:
    shown = talk()
    name = read("Ann Lee, editor", 20, 600)
    with_name = [crop._replace(lines=(name, *crop.lines)) if crop.start in (3000, 6000) else crop for crop in shown]
    between = Shown(5000, 6000, (name,))
    dialogue, lower_third = layers(*sorted([*with_name, between]))
    assert [cue.text for cue in dialogue.cues] == [*TALK]
    assert [(cue.start_pts, cue.end_pts, cue.text) for cue in lower_third.cues] == [(3000, 8000, "Ann Lee, editor")]


def test_a_translation_of_another_size_above_is_the_first_line_of_the_cue() -> None:
    small = Band("bottom", BAND.box, 40.0, EVIDENCE)
    above = line("Wo ist er denn?", x0=None, y0=75, height=24)
    lines = (TextLine(above.text, 0.99, above.box, above.chars), read("你到底去哪里了？", 560, 605))
    (layer,) = layers((0, 2000, lines), bands=(small,))
    assert [cue.lines for cue in layer.cues] == [("Wo ist er denn?", "你到底去哪里了？")]


def test_lines_of_one_cue_that_two_regions_show_are_one_cue() -> None:
    upper = Band("bottom", Box(0, 500, 1280, 595), 30.0, EVIDENCE)
    lower = Band("bottom-2", Box(0, 595, 1280, 700), 30.0, EVIDENCE)
    bands = (upper, lower)
    crops = [
        Shown(0, 2000, (centred("What they say", 562, upper),), 0),
        Shown(0, 2040, (centred("takes two lines.", 600, lower),), 1),
        Shown(3000, 5000, (centred("And this one.", 600, lower),), 1),
    ]
    (layer,) = layers(*crops, bands=bands)
    assert [(cue.start_pts, cue.end_pts, cue.lines) for cue in layer.cues] == [
        (0, 2040, ("What they say", "takes two lines.")),
        (3000, 5000, ("And this one.",)),
    ]


def test_what_overlapping_regions_show_twice_is_one_cue() -> None:
    other = Band("bottom-2", Box(0, 540, 1280, 700), 30.0, EVIDENCE)
    bands = (BAND, other)
    twice = [crop._replace(lines=(centred(TALK[at], 600, other),), band=1) for at, crop in enumerate(talk())]
    (layer,) = layers(*talk(), *twice, bands=bands)
    assert [cue.text for cue in layer.cues] == [*TALK]


def test_the_order_in_which_crops_and_texts_are_given_decides_nothing() -> None:
    area, metas, texts, settings = found(*talk(), *SIGN, bands=(BAND, SIGN_BAND))
    straight = postprocess_and_finalize(INFO, area, metas, texts, settings)
    assert postprocess_and_finalize(INFO, area, metas[::-1], texts[::-1], settings) == straight
    assert postprocess_and_finalize(INFO, area, metas, [text for text in texts if text.lines], settings) == straight


def test_what_weights_are_fitted_to_has_all_features_of_each_layer_and_decides_nothing() -> None:
    both = find_layers(INFO, *found(*talk(), *SIGN, bands=(BAND, SIGN_BAND)))
    assert [tuple(one.features) for one in both] == [FEATURES, FEATURES]
    assert [len(one.layer.tracks) for one in both] == [len(TALK), 1]


def test_the_video_lasts_as_long_as_its_crops_also_those_without_text() -> None:
    (short,) = find_layers(INFO, *found(*talk()))
    (long,) = find_layers(INFO, *found(*talk(), Shown(17_000, 34_000, ())))
    assert long.features["coverage"] == pytest.approx(short.features["coverage"] / 2)
