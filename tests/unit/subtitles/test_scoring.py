"""Scoring: hand-computed cases for every part of the convention, and what must hold for any files."""

from __future__ import annotations

import json
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yivideo_ray.subtitles.scoring import (
    Score,
    TimedText,
    characters,
    format_score,
    match,
    nearest_frame,
    score,
    words,
)

FRAME = 0.04


def cue(start_s: float, end_s: float, *lines: str) -> TimedText:
    return TimedText(start_s, end_s, lines)


# --- characters and words


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Mr. O'Brien", "at 9:45 p.m."), "Mr.O'Brienat9:45p.m."),
        (("你 好\u3000吗\u00a0？",), "你好吗？"),
        (("e\u0301te\u0301",), "été"),
        (("a\u200bb\ufeff",), "ab"),
        (("Ａ１，",), "Ａ１，"),
        ((), ""),
    ],
)
def test_characters_are_nfc_without_white_space_and_keep_their_width(lines: tuple[str, ...], expected: str) -> None:
    assert characters(lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Wait, it's", "9:45 p.m."), ["Wait,", "it's", "9:45", "p.m."]),
        (("我买iPhone 15了。",), ["我", "买", "iPhone", "15", "了", "。"]),
        (("カタカナ です",), ["カ", "タ", "カ", "ナ", "で", "す"]),
        (("한국어 자막",), ["한국어", "자막"]),
        ((" ", ""), []),
    ],
)
def test_words_are_split_at_white_space_and_chinese_and_japanese_by_character(
    lines: tuple[str, ...], expected: list[str]
) -> None:
    assert words(lines) == expected


# --- matching


def test_a_split_cue_is_one_match_one_false_positive_and_one_split() -> None:
    reference = [cue(0, 4, "I heard a noise.")]
    result = [cue(0, 1.5, "I heard a noise."), cue(1.5, 4, "I heard a noise.")]
    matching = match(reference, result)
    # The second piece covers 2.5 of 4 seconds, the first 1.5.
    assert matching.pairs == ((0, 1),)
    assert (matching.false_positives, matching.splits) == ((0,), (0,))
    assert (matching.missed, matching.merges) == ((), ())


def test_a_cue_cut_up_by_its_text_is_a_split_too() -> None:
    result = [cue(0, 2, "The road to Quito"), cue(2, 4, "is blocked.")]
    matching = match([cue(0, 4, "The road to Quito is blocked.")], result)
    assert (matching.pairs, matching.splits) == (((0, 0),), (1,))


def test_merged_cues_are_one_match_and_one_miss() -> None:
    reference = [cue(0, 2, "No."), cue(3, 5, "No.")]
    matching = match(reference, [cue(0, 5, "No.")])
    assert (matching.pairs, matching.missed, matching.merges) == (((0, 0),), (1,), (1,))
    figures = score(reference, [cue(0, 5, "No.")], FRAME)
    assert (figures.recall, figures.precision, figures.merges) == (0.5, 1.0, 1)


def test_the_same_text_twice_is_matched_by_time() -> None:
    reference = [cue(0, 2, "Wait!"), cue(2.4, 4, "Wait!")]
    assert match(reference, [cue(2.4, 4, "Wait!"), cue(0, 2, "Wait!")]).pairs == ((0, 1), (1, 0))


def test_text_decides_where_two_cues_are_shown_at_once() -> None:
    reference = [cue(0, 2, "Meanwhile in Lisbon"), cue(0, 2, "Where is he?")]
    assert match(reference, [cue(0, 2, "Where is he?"), cue(0, 2, "Meanwhile in Lisb0n")]).pairs == ((0, 1), (1, 0))


def test_cues_of_two_bands_may_overlap_without_being_split_or_merged() -> None:
    reference = [cue(0, 5, "Meanwhile in Lisbon"), cue(1, 2, "No."), cue(2, 4, "Where is he?"), cue(3, 6, "No.")]
    matching = match(reference, reference)
    assert matching.pairs == ((0, 0), (1, 1), (2, 2), (3, 3))
    assert (matching.splits, matching.merges) == ((), ())
    lost = match(reference, [reference[0], reference[2], reference[3]])
    assert (lost.pairs, lost.missed, lost.merges) == (((0, 0), (2, 1), (3, 2)), (1,), ())


def test_a_wrong_text_at_the_right_time_is_a_miss_and_a_false_positive() -> None:
    matching = match([cue(0, 2, "Where is he?")], [cue(0, 2, "TAXI")])
    assert (matching.pairs, matching.missed, matching.false_positives) == ((), (0,), (0,))
    assert (matching.splits, matching.merges) == ((), ())


@pytest.mark.parametrize(("start_s", "pairs"), [(2.45, ((0, 0),)), (2.55, ())])
def test_cues_match_up_to_half_a_second_apart(start_s: float, pairs: tuple[tuple[int, int], ...]) -> None:
    assert match([cue(1, 2, "Come here, boy!")], [cue(start_s, 4, "Come here, boy!")]).pairs == pairs


def test_half_of_the_characters_must_agree() -> None:
    assert match([cue(0, 1, "abcd")], [cue(0, 1, "abxy")]).pairs == ((0, 0),)
    assert match([cue(0, 1, "abcd")], [cue(0, 1, "axyz")]).pairs == ()


# --- figures


def test_all_figures_of_a_hand_computed_case() -> None:
    reference = [
        cue(1.00, 2.00, "Stop right there!"),  # read well, one frame late, two frames short
        cue(2.00, 3.00, "He paid €75"),  # "€" read as "E", space lost
        cue(4.00, 5.00, "你好吗？"),  # half width mark, lines right
        cue(6.00, 7.00, "Never found"),  # missed: 10 characters, 2 words
    ]
    result = [
        cue(1.04, 1.92, "Stop right there!"),
        cue(2.00, 3.00, "He paidE75"),
        cue(4.00, 5.00, "你好吗?"),
        cue(8.00, 9.00, "TAXI"),  # a phantom: 4 characters, 1 word
    ]
    figures = score(reference, result, FRAME)
    assert (figures.reference_cues, figures.result_cues, figures.matched, figures.exact) == (4, 4, 3, 1)
    assert (figures.recall, figures.precision) == (0.75, 0.75)
    # 15 + 9 + 4 reference characters in matched cues, an edit each in the second and third.
    text = figures.characters
    assert (text.edits, text.matched, text.missed, text.inserted) == (2, 28, 10, 4)
    assert text.rate_matched == pytest.approx(2 / 28)
    assert text.rate_all == pytest.approx((2 + 10 + 4) / 38)
    # "paid", "€75" became one word: two edits. "？" became "?" : one.
    assert (figures.words.edits, figures.words.matched, figures.words.missed) == (3, 3 + 3 + 4, 2)
    assert figures.starts.ms == pytest.approx((40, 0, 0))
    assert figures.ends.ms == pytest.approx((-80, 0, 0))
    assert (figures.starts.within_one_frame, figures.ends.within_one_frame) == (3, 2)
    assert figures.as_dict()["end"]["frames"]["max"] == pytest.approx(2)


def test_an_exact_cue_has_the_same_lines_and_spaces() -> None:
    reference = [cue(0, 1, "one two", "three"), cue(1, 2, "one two three"), cue(2, 3, "four five")]
    result = [cue(0, 1, "one two three"), cue(1, 2, "onetwo three"), cue(2, 3, " four five ")]
    figures = score(reference, result, FRAME)
    assert figures.exact == 1
    assert figures.characters.edits == 0


def test_a_wrong_space_counts_in_wer_and_not_in_cer() -> None:
    for read in ("Room4 12 isempty.", "Ro om 412 is empty."):
        figures = score([cue(0, 1, "Room 412 is empty.")], [cue(0, 1, read)], FRAME)
        assert figures.characters.rate_all == 0
        assert figures.words.rate_all > 0


@pytest.mark.parametrize(
    ("time_s", "frame"), [(-1.0, 0), (0.0, 0), (0.019, 0), (0.021, 1), (0.1, 2), (0.21, 3), (9.0, 3)]
)
def test_the_nearest_frame_is_by_its_start(time_s: float, frame: int) -> None:
    assert nearest_frame([0.0, 0.04, 0.1, 0.3], time_s) == frame


def test_one_frame_allows_for_the_rounding_to_milliseconds_but_not_for_two_frames() -> None:
    frame_s = 1001 / 30000
    reference = [cue(1, 2, "abc"), cue(3, 4, "def")]
    result = [cue(round(1 + frame_s, 3), 2, "abc"), cue(3 + 2 * frame_s, 4, "def")]
    assert score(reference, result, frame_s).starts.within_one_frame == 1


def test_at_a_variable_rate_errors_count_real_frames() -> None:
    times = [0.0, 0.033, 0.1, 0.4, 0.433, 0.466]
    figures = score([cue(0.1, 0.466, "abc")], [cue(0.4, 0.4, "abc")], 0.033, frame_times_s=times)
    # A gap of 300 ms between two frames is one frame; the end is two frames early.
    assert (figures.starts.frames, figures.starts.within_one_frame) == ((1.0,), 1)
    assert (figures.ends.frames, figures.ends.within_one_frame) == ((-2.0,), 0)


def test_p95_is_by_nearest_rank() -> None:
    reference = [cue(10 * i, 10 * i + 1, "same text") for i in range(20)]
    result = [cue(10 * i + i / 100, 10 * i + 1, "same text") for i in range(20)]
    spread = score(reference, result, FRAME).as_dict()["start"]["ms"]
    assert (spread["p95"], spread["max"], spread["median"]) == pytest.approx((180, 190, 95))


def test_no_subtitles_and_none_found_is_perfect() -> None:
    figures = score([], [], FRAME)
    assert (figures.recall, figures.precision, figures.characters.rate_all) == (1, 1, 0)
    assert figures.starts.share_within_one_frame == 1


def test_phantoms_where_there_are_no_subtitles_cost_precision() -> None:
    figures = score([], [cue(0, 1, "TAXI")], FRAME)
    assert (figures.recall, figures.precision, figures.characters.inserted) == (1, 0, 4)


def test_the_report_for_people_names_the_counts() -> None:
    report = format_score(score([cue(0, 1, "abcd"), cue(2, 3, "lost")], [cue(0.04, 1, "abcx")], FRAME))
    assert "1 of 2 cues, 1 missed" in report
    assert "0.6250  1 edits, 4 missed and 0 extra in 8 characters; matched cues only 0.2500" in report
    assert "median 40, p95 40, max 40 ms (1.0, 1.0, 1.0 frames)" in report


# --- what holds for any files

texts = st.text(st.sampled_from("abcd 你好，?"), max_size=8)


@st.composite
def files(draw: st.DrawFn) -> list[TimedText]:
    spans = draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), max_size=10))
    return [cue(a / 25, (a + n) / 25, *draw(st.lists(texts, min_size=1, max_size=2))) for a, n in spans]


@settings(deadline=None)
@given(files())
def test_a_file_compared_with_itself_is_perfect(file: list[TimedText]) -> None:
    figures = score(file, file, FRAME)
    assert (figures.matched, figures.exact) == (len(file), len(file))
    assert figures.characters.edits == figures.words.edits == 0
    assert set(figures.starts.ms) <= {0.0}
    assert (figures.splits, figures.merges) == (0, 0)


@settings(deadline=None)
@given(files(), files())
def test_matching_is_one_to_one_and_forgets_no_cue(reference: list[TimedText], result: list[TimedText]) -> None:
    matching = match(reference, result)
    assert sorted([i for i, _ in matching.pairs] + list(matching.missed)) == list(range(len(reference)))
    assert sorted([j for _, j in matching.pairs] + list(matching.false_positives)) == list(range(len(result)))
    assert set(matching.splits) <= set(matching.false_positives)
    assert set(matching.merges) <= set(matching.missed)


@settings(deadline=None)
@given(files(), files())
def test_rates_stay_in_their_ranges(reference: list[TimedText], result: list[TimedText]) -> None:
    figures = score(reference, result, FRAME)
    for share in (figures.recall, figures.precision, figures.exact_share, figures.starts.share_within_one_frame):
        assert 0 <= share <= 1
    assert figures.characters.matched + figures.characters.missed == sum(len(characters(c.lines)) for c in reference)
    assert figures.exact <= figures.matched


@settings(deadline=None)
@given(st.lists(st.tuples(files(), files()), max_size=4))
def test_scores_of_several_videos_add_up_by_their_counts(videos: list[tuple[list[TimedText], list[TimedText]]]) -> None:
    parts = [score(reference, result, FRAME) for reference, result in videos]
    total = reduce(lambda a, b: a + b, parts, Score())
    assert total.matched == sum(part.matched for part in parts)
    assert total.characters.edits == sum(part.characters.edits for part in parts)
    assert len(total.ends.ms) == total.matched
    json.dumps(total.as_dict())


@settings(deadline=None)
@given(files(), st.randoms(use_true_random=False))
def test_the_order_of_cues_in_a_file_does_not_matter_for_a_perfect_result(file: list[TimedText], rng: object) -> None:
    shuffled = list(file)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert score(file, shuffled, FRAME).matched == len(file)


# --- two frames


def test_within_two_frames_is_counted_beside_one() -> None:
    reference = [cue(second, second + 0.8, f"Number {second}") for second in range(4)]
    result = [
        cue(true.start_s + off, true.end_s, *true.lines)
        for true, off in zip(reference, (0, 0.04, -0.081, 0.082), strict=True)
    ]
    starts = score(reference, result, FRAME).starts
    assert (starts.within_one_frame, starts.within_two_frames) == (2, 3)
    assert starts.share_within_two_frames == 0.75
    doubled = starts + starts
    assert (doubled.within_one_frame, doubled.within_two_frames) == (4, 6)


def test_within_two_frames_counts_real_frames_where_their_times_are_known() -> None:
    times = [0, 0.04, 0.5, 0.54, 1.0, 1.04]
    figures = score([cue(0, 1, "Hi")], [cue(0.5, 1.04, "Hi")], FRAME, frame_times_s=times)
    assert (figures.starts.within_two_frames, figures.ends.within_two_frames) == (1, 1)
    assert (figures.starts.within_one_frame, figures.ends.within_one_frame) == (0, 1)


def test_a_score_without_times_keeps_all_else() -> None:
    figures = score([cue(0, 1, "Hi")], [cue(0.5, 1, "Hi")], FRAME)
    soft = figures.without_times()
    assert (soft.starts.ms, soft.ends.ms) == ((), ())
    assert (soft.matched, soft.characters, soft.words) == (figures.matched, figures.characters, figures.words)
