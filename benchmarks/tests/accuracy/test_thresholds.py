"""The accuracy benchmark's thresholds: each can fail, each holds at its limit, and none passes unmeasured."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.accuracy.cases import CaseResult, Found, score_case
from benchmarks.accuracy.thresholds import THRESHOLDS, Check, Total, checks, format_checks, verdict
from benchmarks.corpus.making import Truth, TruthCue
from yivideo_ray.subtitles.scoring import TimedText

FRAMES = 10_001
TICKS = 512
BOX = (0, 0, 10, 10)
Cue = tuple[int, int, str]
"""First frame, end frame, text."""


def case(language: str, truth: list[Cue], result: list[Cue] | None = None, recognised: int | None = None) -> CaseResult:
    """Returns a case at 25 frames/s; without a result, everything is right."""
    cues = tuple(TruthCue(TICKS * a, TICKS * b, (text,), "bottom", BOX) for a, b, text in truth)
    pts = tuple(range(0, TICKS * FRAMES, TICKS))
    found = tuple(TimedText(a / 25, b / 25, (text,)) for a, b, text in (truth if result is None else result))
    made = Truth(f"{language} case", language, Path("case.mp4"), Fraction(1, 25 * TICKS), pts, cues)
    return score_case(made, Found(found, (), recognised))


def cjk_font(language: str, truth: list[Cue], result: list[Cue]) -> CaseResult:
    """Returns a case whose Latin letters are set in a CJK font."""
    measured = case(language, truth, result)
    return score_case(replace(measured.truth, latin_in_cjk_font=True), measured.found)


def by_libass(language: str, truth: list[Cue], result: list[Cue]) -> CaseResult:
    """Returns a case that libass drew."""
    measured = case(language, truth, result)
    return score_case(replace(measured.truth, renderer="libass"), measured.found)


def fading(truth: list[Cue], result: list[Cue]) -> CaseResult:
    """Returns a case whose cues fade for 0.3 s: 7.5 frames, so the eighth is the first that is fully shown."""
    measured = case("en", truth, result)
    return score_case(replace(measured.truth, fade_s=0.3), measured.found)


def cues(count: int, text: str = "Where is he?") -> list[Cue]:
    return [(100 * n, 100 * n + 50, text) for n in range(count)]


def check(name: str, *cases: CaseResult) -> Check:
    (found,) = (found for found in checks(Total(cases)) if found.threshold.name == name)
    return found


# What makes each threshold fail, and nothing but the truth around it.
FAILS = {
    "cases without a result": replace(case("none", []), error="INPUT_CORRUPT"),
    "recall": case("en", cues(100), cues(99)),
    "precision": case("en", cues(99), cues(100)),
    "phantoms where there are no subtitles": case("none", [], cues(1)),
    "exact cues": case("en", cues(9), [*cues(8), (800, 850, "Where is  he?")]),
    "duplicated or split cues": case("en", cues(100), [*cues(100), (20, 30, "Where is he?")]),
    "CER of Chinese": case("zh", cues(100, "你好吗"), [*cues(99, "你好吗"), (9900, 9950, "你好马")]),
    "CER of Japanese": case("ja", cues(100, "はい。"), [*cues(99, "はい。"), (9900, 9950, "はい.")]),
    "CER of Latin": case("fr", cues(10, "Où est-il?"), [*cues(9, "Où est-il?"), (900, 950, "Ou est-il?")]),
    "WER of English": case("en", cues(10), [*cues(9), (900, 950, "Where ishe?")]),
    "WER of English in a CJK font": cjk_font("en", cues(10), [*cues(8), (800, 850, "Where ishe?"), *cues(10)[9:]]),
    "WER of French": case("fr", cues(10), [*cues(9), (900, 950, "Where ishe?")]),
    "WER of Spanish": case("es", cues(10), [*cues(9), (900, 950, "Where ishe?")]),
    "WER of German": case("de", cues(10), [*cues(9), (900, 950, "Where ishe?")]),
    "WER of what libass draws": by_libass("en", cues(10), [*cues(9), (900, 950, "Where ishe?")]),
    "starts within one frame": case("en", cues(10), [*cues(9), (902, 950, "Where is he?")]),
    "ends within one frame": case("en", cues(10), [*cues(9), (900, 948, "Where is he?")]),
    "furthest start": case("en", cues(100), [*cues(99), (9894, 9950, "Where is he?")]),
    "furthest end": case("en", cues(100), [*cues(99), (9900, 9956, "Where is he?")]),
    "furthest start outside a fade": fading(cues(100), [*cues(99), (9909, 9950, "Where is he?")]),
    "furthest end outside a fade": fading(cues(100), [*cues(99), (9900, 9941, "Where is he?")]),
    "recognised crops per cue": case("en", cues(10), recognised=31),
}


@pytest.mark.parametrize("name", [threshold.name for threshold in THRESHOLDS])
def test_every_threshold_can_fail_and_holds_without_the_error(name: str) -> None:
    wrong = FAILS[name]
    assert check(name, wrong).reached is False
    assert f"{name} " in "\n".join(
        line for line in format_checks(checks(Total([wrong]))).splitlines() if "MISSED" in line
    )
    right = replace(wrong, error=None)
    right = score_case(right.truth, Found(right.reference, (), 3 * len(right.reference)))
    assert check(name, right).reached is True


def test_a_figure_at_its_limit_passes() -> None:
    assert check("recall", case("en", cues(200)[:100] * 2, cues(200)[:100] * 2)).reached
    limit = case("en", cues(20), [*cues(19), (1900, 1950, "Where is he")])
    assert check("exact cues", limit).value == 0.95
    assert check("exact cues", limit).reached
    assert check("furthest start", case("en", cues(1), [(5, 50, "Where is he?")])).reached
    assert check("recognised crops per cue", case("en", cues(10), recognised=30)).reached


def test_within_a_fade_no_start_or_end_is_too_far() -> None:
    inside = fading(cues(2), [(8, 42, "Where is he?"), (100, 150, "Where is he?")])
    assert check("furthest start outside a fade", inside).value == 0
    assert check("furthest end outside a fade", inside).value == 0
    # Cues that fade say nothing about those that don't, and the other way round.
    assert check("furthest start", inside).value is None
    far = case("en", cues(1), [(9, 50, "Where is he?")])
    assert check("furthest start", inside, far).value == 9
    assert check("furthest start outside a fade", inside, far).value == 0
    assert check("starts within one frame", inside).value == 0.5


def test_english_in_a_cjk_font_is_apart_also_in_bilingual_cues() -> None:
    text = "Where is he?"
    bilingual = cjk_font(
        "zh_en", [(0, 50, "他在哪里"), (100, 150, text)], [(0, 50, "他在哪里"), (100, 150, "Where ishe?")]
    )
    assert check("WER of English in a CJK font", bilingual).value == pytest.approx(2 / 3)
    assert check("WER of English", bilingual).value is None
    assert check("CER of Chinese", bilingual).value == 0
    assert check("CER of Latin", bilingual).value == 0


def test_words_that_libass_drew_are_counted_apart_whatever_their_language_and_font() -> None:
    wrong = [(0, 50, "Where ishe?")]
    english, spanish = by_libass("en", cues(1), wrong), by_libass("es", cues(2), cues(2))
    others = case("en", cues(1), wrong), by_libass("zh", cues(1, "你好吗"), [(0, 50, "你好马")])
    assert check("WER of what libass draws", english, spanish, *others).value == pytest.approx(2 / 9)
    assert check("WER of what libass draws", *others).value is None


def test_chinese_and_latin_errors_do_not_thin_each_other_out() -> None:
    chinese = case("zh", cues(10, "你好吗"), [*cues(9, "你好吗"), (900, 950, "你好马")])
    english = case("en", cues(100))
    assert check("CER of Chinese", chinese, english).value == pytest.approx(1 / 30)
    assert check("CER of Latin", chinese, english).value == 0


def test_latin_cer_sums_over_its_languages_and_wer_does_not() -> None:
    french = case("fr", cues(10, "Où est-il?"), [*cues(9, "Où est-il?"), (900, 950, "Ou est-il?")])
    english = case("en", cues(10))
    assert check("CER of Latin", french, english).value == pytest.approx(1 / (90 + 100))
    assert check("WER of French", french, english).value == pytest.approx(1 / 20)
    assert check("WER of English", french, english).value == 0


def test_a_wrong_space_fails_wer_and_not_cer() -> None:
    spaces = FAILS["WER of Spanish"]
    assert check("WER of Spanish", spaces).value == pytest.approx(2 / 30)
    assert check("CER of Latin", spaces).value == 0


def test_phantoms_belong_to_no_language_but_cost_precision() -> None:
    phantom, right = case("none", [], [(0, 50, "TAXI")], recognised=9), case("en", cues(10), recognised=10)
    assert check("CER of Latin", phantom, right).value == 0
    assert check("precision", phantom, right).value == pytest.approx(10 / 11)
    # What the recognition model was given where there are no subtitles is no crop of a cue.
    assert check("recognised crops per cue", phantom, right).value == 1


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = checks(Total([case("none", [])]))
    measured = [check.threshold.name for check in found if check.reached is not None]
    assert measured == ["cases without a result", "phantoms where there are no subtitles"]
    assert verdict(found) == f"All 2 thresholds are reached; {len(found) - 2} could not be measured on these cases."
    assert "not measured" in format_checks(found)


def test_results_without_a_count_of_recognised_crops_leave_it_unmeasured() -> None:
    assert check("recognised crops per cue", case("en", cues(3))).reached is None
    assert check("recognised crops per cue", case("en", cues(3)), case("fr", cues(2), recognised=4)).value == 2
