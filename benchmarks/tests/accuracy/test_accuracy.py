"""The accuracy benchmark: what it measures, what it calls a failure, what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.accuracy import __main__ as accuracy
from benchmarks.accuracy import run as accuracy_run
from benchmarks.accuracy.cases import Found, differences, misses, read_found, score_case
from benchmarks.accuracy.run import Task
from benchmarks.accuracy.thresholds import Total, checks
from benchmarks.corpus.cases import DEMO
from benchmarks.corpus.making import Truth, TruthCue
from yivideo_ray.evaluation.misses import Kind
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.subtitles.formats import read_srt
from yivideo_ray.subtitles.scoring import TimedText
from yivideo_ray.types import EngineFacts

SAMPLES = Path(__file__).parents[3] / "samples"
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
RIGHT_SRT = "1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n\n2\n00:00:01,200 --> 00:00:02,400\nRoom 412\nis empty.\n"
RIGHT = (TimedText(0.4, 1.2, ("Where is he?",)), TimedText(1.2, 2.4, ("Room 412", "is empty.")))


def tasks_of(*truths: Truth) -> Callable[..., list[Task]]:
    """Returns what stands in for make_tasks: these cases, with no video made."""

    def make(specs: object, seeds: Sequence[int], out: Path, results: Sequence[Path] | None) -> list[Task]:
        return [Task(t, seed, results[n] if results else out) for n, seed in enumerate(seeds) for t in truths]

    return make


def test_a_right_result_reaches_every_threshold_and_shows_no_difference() -> None:
    result = score_case(TRUTH, Found(RIGHT))
    assert not any(check.reached is False for check in checks(Total([result])))
    assert differences(result) == []
    assert result.score.exact == 2


def test_differences_name_time_kind_truth_and_result() -> None:
    found = Found((TimedText(0.48, 1.2, ("Where is he?",)), TimedText(3.0, 3.9, ("TAXI",))))
    assert differences(score_case(TRUTH, found)) == [
        "     0.400 s  start +2, end +0 frames: 'Where is he?' -> 'Where is he?'",
        "     1.200 s  missed: 'Room 412 / is empty.' -> nothing",
        "     3.000 s  false: nothing -> 'TAXI'",
    ]


def test_every_kind_of_miss_is_told_apart() -> None:
    found = (
        TimedText(0.4, 1.0, ("Where is hx?",)),  # text; ends 5 frames early
        TimedText(1.0, 1.2, ("Where is",)),  # a piece of it
        TimedText(1.3, 2.4, ("Room 412", "is empty.")),  # starts late, by 2.5 frames
        TimedText(3.0, 3.9, ("TAXI",)),
    )
    kinds = [miss.kinds for miss in misses(score_case(TRUTH, Found(found)))]
    assert kinds == [(Kind.TEXT, Kind.END), (Kind.SPLIT,), (Kind.START,), (Kind.FALSE,)]
    merged = score_case(replace(TRUTH, cues=(TRUTH.cues[0], replace(TRUTH.cues[1], lines=("Where is he?",)))), Found())
    assert [miss.kinds for miss in misses(merged)] == [(Kind.MISSED,), (Kind.MISSED,)]
    merged = score_case(merged.truth, Found((TimedText(0.4, 2.4, ("Where is he?",)),)))
    assert [miss.kinds for miss in misses(merged)] == [(Kind.MERGED,), (Kind.START,)]


def test_boxes_and_recognised_crops_are_read_from_the_document_beside_the_subtitles(tmp_path: Path) -> None:
    (tmp_path / "case.srt").write_text("1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n", encoding="utf-8")
    assert read_found(tmp_path, "case") == Found(RIGHT[:1])
    stage = {"stage": "paddleocr.perform_ocr", "output": {"lines": 5, "recognised": 3}}
    document = {"cues": [{"box": [1, 2, 3, 4]}], "stages": [{"stage": "ffmpeg.extract_keyframes"}, stage]}
    (tmp_path / "case.json").write_text(json.dumps(document), encoding="utf-8")
    assert read_found(tmp_path, "case") == Found(RIGHT[:1], ((1, 2, 3, 4),), 3)
    del stage["output"]["recognised"]  # type: ignore[attr-defined]
    document["cues"] = []
    (tmp_path / "case.json").write_text(json.dumps(document), encoding="utf-8")
    # Five lines is the most that can have been recognised; boxes of other cues are no use.
    assert read_found(tmp_path, "case") == Found(RIGHT[:1], (), 5)


def test_given_results_are_scored_and_reported_without_running_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may run")

    monkeypatch.setattr(accuracy, "make_tasks", tasks_of(TRUTH))
    monkeypatch.setattr(accuracy, "run_tasks", never)
    (tmp_path / "case.srt").write_text("1\n00:00:00,400 --> 00:00:01,200\nWhere is he?\n", encoding="utf-8")
    report = tmp_path / "report.json"
    arguments = [
        "--quick",
        "--results",
        str(tmp_path),
        "--json",
        str(report),
        "--show",
        "--html",
        str(tmp_path / "page.html"),
    ]
    assert accuracy.main(arguments) == 1
    printed = capsys.readouterr().out
    assert re.search(r"^recall +0\.5000 +>= 0\.995 +MISSED +1 of 2 cues$", printed, re.MULTILINE)
    assert "thresholds MISSED: recall, exact cues, CER of Latin, WER of English; " in printed
    assert "missed: 'Room 412 / is empty.' -> nothing" in printed
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert set(accuracy.report(figures).splitlines()) <= set(printed.splitlines())
    assert figures["all"]["matched"] == 1
    assert "1 of 2 cues" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"Every miss with its pictures: {tmp_path / 'page.html'}" in printed
    assert figures["groups"]["en"]["matched"] == 1
    assert {"name": "recall", "value": 0.5, "reached": False}.items() <= figures["thresholds"][1].items()
    assert figures["environment"]["cores"] >= 1
    assert figures["cases"][0]["differences"] == ["1.200 s  missed: 'Room 412 / is empty.' -> nothing"]
    (tmp_path / "case.srt").write_text(RIGHT_SRT, encoding="utf-8")
    assert accuracy.main(arguments) == 0
    assert "thresholds are reached; 11 could not be measured on these cases." in capsys.readouterr().out


def test_figures_sum_over_seeds_each_with_its_own_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accuracy, "make_tasks", tasks_of(TRUTH))
    right, empty = tmp_path / "a", tmp_path / "b"
    for directory, text in ((right, RIGHT_SRT), (empty, "")):
        directory.mkdir()
        (directory / "case.srt").write_text(text, encoding="utf-8")
    arguments = [
        "--case",
        "en_vfr_720p",
        "--seed",
        "0",
        "--seed",
        "7",
        "--results",
        str(right),
        "--html",
        str(tmp_path / "p.html"),
    ]
    assert accuracy.main([*arguments, "--results", str(empty)]) == 1
    printed = capsys.readouterr().out
    assert [line.split()[:3] for line in printed.splitlines()[1:5]] == [
        ["case", "2", "1.0000"],
        ["case", "s7", "2"],
        ["English", "4", "0.5000"],
        ["all", "4", "0.5000"],
    ]
    with pytest.raises(SystemExit):
        accuracy.main(arguments)


class _Session:
    """Stands in for the runtime: writes the right subtitles for the first video, fails on the others."""

    def engine_facts(self) -> EngineFacts:
        return EngineFacts("scripted", "cpu", "none", "det", "rec")

    def run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> list[Outcome]:
        (job,) = jobs
        assert job.output_dir is not None
        if job.video != TRUTH.video:
            return [Outcome("w", job.video, (), error={"code": "INPUT_CORRUPT", "message": "No moov."})]
        (job.output_dir / "case.srt").write_text(RIGHT_SRT, encoding="utf-8")
        return [Outcome("w", job.video, ())]


def test_a_video_that_fails_counts_as_all_its_cues_missed_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(TRUTH, case="broken", video=Path("broken.mp4"))
    monkeypatch.setattr(accuracy, "make_tasks", tasks_of(TRUTH, broken))
    monkeypatch.setattr(accuracy_run, "Session", lambda _: nullcontext(_Session()))
    assert accuracy.main(["--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "broken: INPUT_CORRUPT: No moov." in printed
    assert re.search(r"^cases without a result +1 +<= 0 +MISSED +broken$", printed, re.MULTILINE)
    assert "thresholds MISSED: cases without a result, recall, exact cues, CER of Latin, WER of English;" in printed
    assert "scripted on cpu (none), models det, rec" in printed


def test_what_an_earlier_run_left_is_not_taken_for_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(_Session):
        def run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> list[Outcome]:
            return [Outcome("w", jobs[0].video, ())]

    monkeypatch.setattr(accuracy, "make_tasks", tasks_of(TRUTH))
    monkeypatch.setattr(accuracy_run, "Session", lambda _: nullcontext(Silent()))
    (tmp_path / "case.srt").write_text(RIGHT_SRT, encoding="utf-8")
    assert accuracy.main(["--out", str(tmp_path)]) == 2


def test_a_missing_result_is_an_error_not_a_bad_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accuracy, "make_tasks", tasks_of(TRUTH))
    assert accuracy.main(["--results", str(tmp_path)]) == 2
    assert "INPUT_NOT_FOUND" in capsys.readouterr().err


def test_the_demo_is_small_and_its_reference_is_what_its_script_says() -> None:
    assert (SAMPLES / "demo.mp4").stat().st_size < 2_000_000
    reference = read_srt(SAMPLES / "demo.reference.srt")
    assert [(cue.start_s, cue.end_s, cue.lines) for cue in reference] == [tuple(cue) for cue in DEMO.script]
