"""From crops and what was read in them to cues: what is no subtitle's text is left out."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.support.cues import line, video
from yivideo_ray.config import PostprocessorSettings
from yivideo_ray.geometry import Box
from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize
from yivideo_ray.types import (
    Band,
    BandEvidence,
    CropMeta,
    CropText,
    Cue,
    RejectedRegion,
    RejectionReason,
    ReviewReason,
    SubtitleArea,
    TextLine,
)

INFO = replace(video(Fraction(1, 1000)), width=1280, height=720)
BAND = Band("bottom", Box(0, 500, 1280, 700), 30.0, BandEvidence(24, 20, 19, 0.9, "made up"))
LOGO = Box(1000, 520, 1100, 552)


def read(text: str, x0: int, y0: int, confidence: float = 0.99, doubtful: str = "") -> TextLine:
    """Returns a line at a place in the frame, as the crop of the whole band has it."""
    made = line(text, confidence, doubtful, x0=x0 - BAND.box.x0, y0=y0 - BAND.box.y0)
    return TextLine(text, confidence, made.box, made.chars)


def cues(
    *crops: tuple[int, int, tuple[TextLine, ...]],
    rejected: tuple[RejectedRegion, ...] = (),
    stroke_px: int = 500,
    **settings: float,
) -> list[Cue]:
    metas = [
        CropMeta(f"0:{start}", 0, BAND.box, 1.0, start, start, end, 20, 20, stroke_px, end) for start, end, _ in crops
    ]
    texts = [CropText(f"0:{start}", lines) for start, _, lines in crops]
    area = SubtitleArea((BAND,), rejected)
    return list(postprocess_and_finalize(INFO, area, metas, texts, PostprocessorSettings(**settings)))


@pytest.mark.parametrize("reason", [RejectionReason.ALWAYS_THERE, RejectionReason.EXCLUDED])
def test_text_that_was_rejected_where_it_stands_is_no_line_of_a_cue(reason: RejectionReason) -> None:
    lines = (read("ORBIT", 1000, 521), read("Where is he?", 500, 620))
    assert [cue.text for cue in cues((0, 1000, lines))] == ["ORBIT\nWhere is he?"]
    assert [cue.text for cue in cues((0, 1000, lines), rejected=(RejectedRegion(LOGO, reason, 24),))] == [
        "Where is he?"
    ]


@pytest.mark.parametrize("reason", [RejectionReason.TOO_RARE, RejectionReason.PAGE, RejectionReason.MOVES])
def test_text_that_was_rejected_because_it_was_seldom_seen_may_be_a_subtitle(reason: RejectionReason) -> None:
    (cue,) = cues((0, 1000, (read("ORBIT", 1000, 521),)), rejected=(RejectedRegion(LOGO, reason, 1),))
    assert cue.text == "ORBIT"


def test_a_line_in_the_row_of_what_was_rejected_stays() -> None:
    # A logo and a clock in one row are one region, with a subtitle's place between them.
    both = RejectedRegion(Box(40, 520, 1240, 552), RejectionReason.ALWAYS_THERE, 24)
    beside = RejectedRegion(LOGO, RejectionReason.ALWAYS_THERE, 24)
    lines = (read("Where is he?", 520, 521),)
    assert [cue.text for cue in cues((0, 1000, lines), rejected=(both, beside))] == ["Where is he?"]


def test_all_of_a_tickers_row_is_left_out() -> None:
    ticker = RejectedRegion(Box(0, 660, 1280, 696), RejectionReason.MOVES, 24)
    lines = (read("Where is he?", 500, 620), read("3-1 in the cup", 300, 663))
    assert [cue.text for cue in cues((0, 1000, lines), rejected=(ticker,))] == ["Where is he?"]


def test_pieces_of_a_row_are_one_line_whose_spaces_outlast_a_vote() -> None:
    first = (read("- Who?", 400, 600), read("- Mo.", 600, 600, doubtful="o"))
    second = (read("- Who?", 400, 600), read("- Me.", 600, 600))
    assert [cue.text for cue in cues((0, 400, first), (400, 1000, second))] == ["- Who? - Me."]


def test_an_unsure_character_is_written_as_the_rest_of_the_video() -> None:
    found = cues(
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
    assert [(cue.text, cue.needs_review) for cue in found[1:]] == [
        ("别打开！", (ReviewReason.UNSURE_CHARACTER,)),
        ("請打开！", (ReviewReason.OTHER_WRITING,)),
    ]


def test_a_brief_cue_at_the_edge_of_the_band_is_to_be_reviewed() -> None:
    (cue,) = cues((0, 200, (read("Where is he?", 500, 501),)))
    assert cue.needs_review == (ReviewReason.BRIEF, ReviewReason.CUT_OFF)


def test_a_bar_alone_is_the_word_i_in_a_video_that_says_it() -> None:
    said = (1000, 2000, (read("So do I know you?", 470, 600),))
    bar = (3000, 4000, (read("0", 625, 600, 0.3),))
    found = cues(said, bar, stroke_px=60)
    assert [(cue.text, cue.needs_review) for cue in found[1:]] == [("I", (ReviewReason.UNSURE_LINE,))]
    assert len(cues(said, bar, stroke_px=200)) == 1
    assert len(cues(bar, stroke_px=60)) == 0
    assert [cue.text for cue in cues(said, bar, stroke_px=60, min_confidence=0.9)] == ["So do I know you?"]


def test_a_character_alone_must_be_read_well() -> None:
    assert cues((0, 1000, (read("8", 625, 600, 0.79),))) == []
    assert [cue.text for cue in cues((0, 1000, (read("?", 625, 600, 0.65),)))] == ["?"]


def test_both_of_two_that_may_be_one_are_to_be_reviewed() -> None:
    who, other = read("Who was that?", 500, 600), read("Nobody.", 560, 600)
    found = cues((0, 1000, (who,)), (1150, 2000, (who,)), (2150, 3000, (other,)))
    assert [cue.needs_review for cue in found] == [(ReviewReason.REPEATED,), (ReviewReason.REPEATED,), ()]
