"""The page: whole without anything else, everything escaped, every miss with its texts, times and pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.accuracy import report as accuracy_report
from benchmarks.accuracy.cases import CaseResult, Found, score_case
from benchmarks.accuracy.exhibits import Exhibit
from benchmarks.accuracy.miss import Pictures
from benchmarks.accuracy.pictures import Picture
from benchmarks.accuracy.report import render, write_page
from benchmarks.accuracy.thresholds import Total, checks
from benchmarks.corpus.making import Truth, TruthCue
from tests.support.videos import make_video
from yivideo_ray.subtitles.scoring import TimedText

FACTS = {
    "date": "2024-05-01 12:00+00:00",
    "commit": "abc <1>",
    "cpu": "A & B",
    "cores": 2,
    "memory_gib": 8.0,
    "system": "Linux x86_64",
    "engine": None,
    "device": None,
    "provider": None,
    "models": [],
    "versions": {"python": "3.11.7", "ray": "2.60.0"},
}
TRUTH = Truth(
    "case",
    "en",
    Path("case.mp4"),
    Fraction(1, 12800),
    tuple(range(0, 512 * 41, 512)),
    (
        TruthCue(512 * 2, 512 * 12, ("Where is he?",), "bottom", (100, 140, 220, 160)),
        TruthCue(512 * 20, 512 * 30, ("<script>alert(1)</script>",), "bottom", (90, 140, 230, 160)),
    ),
)
RIGHT = (TimedText(0.08, 0.48, ("Where is he?",)), TimedText(0.8, 1.2, ("<script>alert(1)</script>",)))
WRONG = (TimedText(0.2, 0.48, ("Where ishe?",)), TimedText(1.3, 1.5, ("TAXI & <BUS>",)))


class _Checker(HTMLParser):
    """Collects attributes and complains about elements that are closed out of order."""

    VOID = frozenset({"meta", "br", "img", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: set[str] = set()
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def no_pictures(case: CaseResult, shown: Sequence[Exhibit]) -> Pictures:
    return {}


def all_pictures(case: CaseResult, shown: Sequence[Exhibit]) -> Pictures:
    return {shot: Picture(b"jpeg", 160, 90, (320, 180)) for one in shown for shot in one.shots}


def page_of(*cases: CaseResult, pictures: accuracy_report.TakePictures = all_pictures) -> str:
    total = Total(cases)
    page = render(total, checks(total), FACTS, pictures)
    _Checker(page)
    return page


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("</style>")[2]).split())


def test_a_page_needs_nothing_else_and_is_well_formed() -> None:
    page = page_of(score_case(TRUTH, Found(WRONG, ((90, 140, 230, 160), (0, 0, 9, 9)))))
    found = _Checker(page).attributes
    for tag, name, value in found:
        if name in ("src", "href"):
            assert value.startswith(("data:image/jpeg;base64,", "#")), (tag, value)
    assert not re.search(r"https?:|url\(|@import|<link|<script", page)
    assert {value.removeprefix("#") for _, name, value in found if name == "href"} == {
        value for _, name, value in found if name == "id"
    }


def test_texts_and_facts_are_escaped() -> None:
    case = score_case(replace(TRUTH, case="<case>"), Found(WRONG), error="BAD: <stuff> & more")
    page = page_of(case)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for text in ("abc &lt;1&gt;", "A &amp; B", "&lt;case&gt;", "No result: BAD: &lt;stuff&gt; &amp; more"):
        assert text in page


def test_the_head_says_what_was_measured_and_the_verdict() -> None:
    case, right = score_case(TRUTH, Found(WRONG), seed=7), score_case(replace(TRUTH, case="right"), Found(RIGHT))
    words = words_of(page_of(case, right))
    assert re.search(r"thresholds MISSED: recall, precision,", words)
    for text in ("2024-05-01 12:00+00:00", "2 cores of A &amp; B, 8.0 GiB", "python 3.11.7, ray 2.60.0", "seeds 0, 7"):
        assert text in words
    assert "2 videos, 0.1 minutes, 4 cues" in words
    assert "unknown, results were given" in words
    engine = {"engine": "onnxruntime", "device": "cpu", "provider": "CPU", "models": ["det", "rec"]}
    total = Total([right])
    words = words_of(render(total, checks(total), {**FACTS, **engine}, no_pictures))
    assert "onnxruntime on cpu (CPU)" in words
    assert "det, rec" in words


def test_every_threshold_has_its_figure_its_limit_and_a_word() -> None:
    page = page_of(score_case(TRUTH, Found(WRONG)))
    words = words_of(page)
    assert "recall MISSED 0.5000 &gt;= 0.995 1 of 2 cues" in words
    assert "cases without a result reached 0 &lt;= 0" in words
    assert "CER of Chinese not measured - &lt;= 0.003" in words
    assert '<td class="left bad-word">MISSED</td>' in page
    assert '<td class="left good-word">reached</td>' in page
    assert 'class="verdict bad"' in page


def test_the_table_has_cases_languages_and_the_sum_with_their_misses() -> None:
    wrong, right = score_case(TRUTH, Found(WRONG)), score_case(replace(TRUTH, case="right"), Found(RIGHT))
    page = page_of(wrong, right)
    words = words_of(page)
    # 2 matched of 2 and 1 of 2: a wrong cue, a missed one, a false one.
    assert "case 3 2 0.5000 0.5000" in words
    assert "right 0 2 1.0000 1.0000" in words
    assert "English 4 0.7500 0.7500" in words
    assert "all 3 4 0.7500 0.7500" in words
    assert '<a href="#case-0">case</a>' in page
    assert 'href="#case-1"' not in page
    assert "Without a miss right" in words


def test_a_miss_shows_kind_texts_times_in_seconds_and_frames_and_both_boxes() -> None:
    page = page_of(score_case(TRUTH, Found(WRONG, ((101, 141, 219, 159), (0, 0, 9, 9)))))
    words = words_of(page)
    assert "1 text not exact start off start +3 frames (+120 ms), end +0 frames (+0 ms)" in words
    assert "0.080 s to 0.480 s, frames 2 to 11" in words
    assert "0.200 s to 0.480 s, frames 5 to 11" in words
    assert "␣ U+0020 → nothing" in words
    assert '<rect class="truth" x="100" y="140" width="120" height="20"/>' in page
    assert '<rect class="result" x="101" y="141" width="118" height="18"/>' in page
    assert "Around the start" in words
    assert "Around the end" not in words
    assert "frame 4, 0.160 s truth shown , result not shown" in words
    assert "frame 5, 0.200 s truth shown , result shown" in words
    assert "2 missed at 0.800 s truth" in words
    assert "3 false: nothing is shown there at 1.300 s truth nothing" in words


def test_pictures_are_left_out_where_there_are_none_and_the_page_says_why() -> None:
    def broken(case: CaseResult, shown: Sequence[Exhibit]) -> Pictures:
        raise OSError("case.mp4 can't be read: No such file <or> directory")

    page = page_of(score_case(TRUTH, Found(WRONG)), pictures=broken)
    assert "<img" not in page
    assert "No pictures: case.mp4 can&#x27;t be read: No such file &lt;or&gt; directory" in page
    assert "0.080 s to 0.480 s" in page


def test_beyond_the_limit_misses_are_listed_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy_report, "MOST_PICTURED", 1)
    page = page_of(score_case(TRUTH, Found(WRONG)))
    assert page.count("<article>") == 3
    assert "Pictures are shown for 1 of them" in page
    assert "<img" not in page.split("<article>")[2]


def test_a_case_without_a_result_is_shown_even_if_it_has_no_cue() -> None:
    words = words_of(page_of(score_case(replace(TRUTH, cues=()), Found(), error="INPUT_CORRUPT: No moov.")))
    assert "case failed 0" in words
    assert "No result: INPUT_CORRUPT: No moov." in words
    assert "Without a miss" not in words


def test_a_run_without_a_miss_says_so() -> None:
    page = page_of(score_case(TRUTH, Found(RIGHT)))
    assert "<h2>0 misses</h2>" in page
    assert 'class="verdict good"' in page


def test_cues_that_fade_say_so() -> None:
    words = words_of(page_of(score_case(replace(TRUTH, fade_s=0.2), Found(WRONG))))
    assert "end +0 frames (+0 ms); cues fade over 5 frames" in words


def test_a_written_page_has_pictures_of_the_video_and_stays_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_video(tmp_path / "case.mp4", frames=40)
    case = score_case(replace(TRUTH, video=video), Found(WRONG, ((101, 141, 219, 159), (0, 0, 9, 9))))
    total = Total([case])
    path = tmp_path / "new" / "accuracy.html"
    write_page(path, total, checks(total), FACTS)
    page = path.read_text(encoding="utf-8")
    # Three frames, three crops, and frames 1 to 6 around the start.
    assert page.count("data:image/jpeg;base64,/9j/") == 12
    assert path.stat().st_size < 500_000
    assert "taking pictures for the page" in capsys.readouterr().err
