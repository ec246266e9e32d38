"""The accuracy benchmark: what it measures, what it calls a failure, what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import differences, failures, score_case
from benchmarks.corpus import Truth, TruthCue
from benchmarks.make_demo import DEMO
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import Score, TimedText
from yivideo_ray.types import EngineFacts

SAMPLES = Path(__file__).parents[2] / "samples"
PTS = tuple(range(0, 512 * 101, 512))
BOX = (0, 0, 10, 10)
TRUTH = Truth(
    "case",
    "en",
    Path("case.mp4"),
    Fraction(1, 12800),
    PTS,
    (
        TruthCue(512 * 10, 512 * 30, ("Where is he?",), "bottom", BOX),
        TruthCue(512 * 30, 512 * 60, ("Room 412", "is empty."), "bottom", BOX),
    ),
)
RIGHT = (TimedText(0.4, 1.2, ("Where is he?",)), TimedText(1.2, 2.4, ("Room 412", "is empty.")))


def test_a_right_result_reaches_every_threshold_and_shows_no_difference() -> None:
    result = score_case(TRUTH, RIGHT, wall_s=1.0)
    assert failures(result.score) == []
    assert differences(result) == []
    assert result.score.exact == 2


def test_every_threshold_can_fail() -> None:
    late = score_case(TRUTH, [TimedText(0.6, 1.5, ("Where is hx?",)), TimedText(3.0, 3.9, ("TAXI",))])
    assert [line.split(":")[0] for line in failures(late.score)] == [t.name for t in accuracy.THRESHOLDS]


def test_a_figure_at_its_limit_passes() -> None:
    assert failures(Score(reference_cues=100, result_cues=100, matched=99)) == []


def test_differences_name_time_kind_truth_and_result() -> None:
    result = score_case(TRUTH, [TimedText(0.48, 1.2, ("Where is he?",)), TimedText(3.0, 3.9, ("TAXI",))])
    assert differences(result) == [
        "     0.400 s  start +2, end +0 frames: 'Where is he?' -> 'Where is he?'",
        "     1.200 s  missed: 'Room 412 / is empty.' -> nothing",
        "     3.000 s  false: nothing -> 'TAXI'",
    ]


def test_given_results_are_scored_and_reported_without_running_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may run")

    monkeypatch.setattr(accuracy, "ensure_corpus", lambda *_: [TRUTH])
    monkeypatch.setattr(accuracy, "run_cases", never)
    (tmp_path / "case.srt").write_text("1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n", encoding="utf-8")
    report = tmp_path / "report.json"
    arguments = ["--quick", "--results", str(tmp_path), "--json", str(report), "--show"]
    assert accuracy.main(arguments) == 1
    printed = capsys.readouterr().out
    assert "MISSED recall: 0.5000, must be at least 0.99" in printed
    assert "missed: 'Room 412 / is empty.' -> nothing" in printed
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["all"]["matched"] == 1
    assert figures["environment"]["cores"] >= 1
    assert figures["cases"][0]["differences"] == ["1.200 s  missed: 'Room 412 / is empty.' -> nothing"]
    (tmp_path / "case.srt").write_text(
        "1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n\n2\n00:00:01,200 --> 00:00:02,400\nRoom 412\nis empty.\n",
        encoding="utf-8",
    )
    assert accuracy.main(arguments) == 0


class _Session:
    """Stands in for the runtime: writes the right subtitles for the first video, fails on the others."""

    def engine_facts(self) -> EngineFacts:
        return EngineFacts("scripted", "cpu", "none", "det", "rec")

    def run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> list[Outcome]:
        (job,) = jobs
        assert job.output_dir is not None
        if job.video != TRUTH.video:
            return [Outcome("w", job.video, (), error={"code": "INPUT_CORRUPT", "message": "No moov."})]
        srt = (
            "1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n\n2\n00:00:01,200 --> 00:00:02,400\nRoom 412\nis empty.\n"
        )
        (job.output_dir / "case.srt").write_text(srt, encoding="utf-8")
        return [Outcome("w", job.video, ())]


def test_a_video_that_fails_counts_as_all_its_cues_missed_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(TRUTH, case="broken", video=Path("broken.mp4"))
    monkeypatch.setattr(accuracy, "ensure_corpus", lambda *_: [TRUTH, broken])
    monkeypatch.setattr(accuracy, "session", lambda _: nullcontext(_Session()))
    assert accuracy.main(["--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "broken: INPUT_CORRUPT: No moov." in printed
    assert "MISSED recall: 0.5000" in printed
    assert "MISSED precision" not in printed
    assert "scripted on cpu (none), models det, rec" in printed


def test_a_missing_result_is_an_error_not_a_bad_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accuracy, "ensure_corpus", lambda *_: [TRUTH])
    assert accuracy.main(["--results", str(tmp_path)]) == 2
    assert "INPUT_NOT_FOUND" in capsys.readouterr().err


def test_the_demo_is_small_and_its_reference_is_what_its_script_says() -> None:
    assert (SAMPLES / "demo.mp4").stat().st_size < 2_000_000
    reference = read_srt(SAMPLES / "demo.reference.srt")
    assert [(cue.start_s, cue.end_s, cue.lines) for cue in reference] == [tuple(cue) for cue in DEMO.script]
