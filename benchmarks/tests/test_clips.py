"""The benchmark of anybody's clips: what it runs, what it leaves, what it says it cost; the session is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from benchmarks.clips import run as clips_run
from benchmarks.clips.__main__ import main, report
from benchmarks.clips.summary import summary
from tests.support.corpora import cue, srt, write_clips, write_results
from tests.support.cues import video
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.types import EngineFacts

TRUTH = {"film": (cue(1, 2, "Where is he?"),), "broken": (cue(1, 2, "At home."),), "NEG_street": None}
FAILED = {"code": "INPUT_CORRUPT", "message": "it is damaged.", "remedy": "", "retryable": False}


class _Session:
    """Writes what the truth is for every job, but for those that are called broken, which fail."""

    settings: Settings
    calls = 0

    def __init__(self, settings: Settings) -> None:
        type(self).settings, type(self).calls = settings, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> list[Outcome]:
        type(self).calls += 1
        return [self._outcome(job) for job in jobs]

    def _outcome(self, job: Job) -> Outcome:
        assert isinstance(job.video, Path)
        assert job.output_dir is not None
        if job.video.stem == "broken":
            return Outcome(workflow_id="w", video=job.video, stages=(), error=FAILED)
        name = job.video.stem
        (job.output_dir / f"{name}.srt").write_text(srt(*(TRUTH[name] or ())))
        return Outcome(workflow_id="w", video=job.video, stages=(), info=video())

    def engine_facts(self) -> EngineFacts:
        return EngineFacts("scripted", "cpu", "none", "none", "none")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> type[_Session]:
    monkeypatch.setattr(clips_run, "Session", _Session)
    return _Session


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "clips", TRUTH)


def figures(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_all_clips_run_in_one_session_and_are_scored_with_what_they_cost(
    clips: Path, tmp_path: Path, session: type[_Session], capsys: pytest.CaptureFixture[str]
) -> None:
    out, told = tmp_path / "out", tmp_path / "told.json"
    assert main([str(clips), "--out", str(out), "--json", str(told)]) == 1
    captured = capsys.readouterr()
    assert session.calls == 1
    assert (out / "film.srt").is_file()
    assert "broken.mp4: INPUT_CORRUPT: it is damaged." in captured.err
    assert "broken counts as empty: " in captured.err
    assert "for 120.0 s of video" in captured.out
    document = figures(told)
    assert (document["all"]["matched"], document["all"]["reference_cues"]) == (1, 2)
    assert document["cost"]["video_s"] == 120
    assert document["cost"]["cpu_s"] >= 0
    assert document["environment"]["engine"] == "scripted"


def test_what_an_earlier_run_left_is_not_taken_for_this_ones(
    clips: Path, tmp_path: Path, session: type[_Session]
) -> None:
    out = write_results(tmp_path / "out", {"broken": TRUTH["broken"] or ()})
    (out / "broken.json").write_text("{}")
    assert main([str(clips), "--out", str(out)]) == 1
    assert not (out / "broken.srt").exists()
    assert not (out / "broken.json").exists()


def test_one_srt_file_is_written_whatever_the_settings_want(
    clips: Path, tmp_path: Path, session: type[_Session]
) -> None:
    config = tmp_path / "config.yml"
    config.write_text("subtitles: {formats: [ass], split_by_script: true}")
    main([str(clips), "--out", str(tmp_path / "out"), "--config", str(config)])
    assert session.settings.subtitles.formats == ("srt",)
    assert not session.settings.subtitles.split_by_script


def test_results_never_go_among_the_clips_whose_truth_they_would_replace(
    clips: Path, session: type[_Session], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in clips.iterdir()}
    assert main([str(clips), "--out", str(clips / ".." / "clips")]) == 2
    assert "among the clips" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in clips.iterdir()} == before


def test_given_results_are_scored_without_running_anything(
    clips: Path, tmp_path: Path, session: type[_Session], capsys: pytest.CaptureFixture[str]
) -> None:
    session.calls = 0
    results = write_results(tmp_path / "results", {name: cues or () for name, cues in TRUTH.items()})
    told = tmp_path / "told.json"
    assert main([str(clips), "--results", str(results), "--json", str(told)]) == 0
    assert session.calls == 0
    assert "CPU time: not measured" in capsys.readouterr().out
    assert figures(told)["cost"] is None


def test_nothing_to_measure_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "INPUT_NOT_FOUND" in capsys.readouterr().err


def test_the_summary_holds_no_name_and_no_text_of_the_clips(
    session: type[_Session], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = write_clips(tmp_path / "clips", TRUTH)
    out, told = tmp_path / "out", tmp_path / "summary.json"
    assert main([str(clips), "--out", str(out), "--summary", str(told), "--soft", "film"]) == 1
    written = told.read_text(encoding="utf-8")
    assert not any(name in written for name in (*TRUTH, "Where is he", "At home"))
    figures = json.loads(written)
    assert (figures["all"]["reference_cues"], figures["empty"], figures["without_subtitles"]["clips"]) == (2, 1, 1)
    assert figures["decided_by"] == "the weights that are shipped"
    assert report(figures).count("0.5000") == 1


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("python -m benchmarks.clips a", "python -m benchmarks.clips a"),
        ("python -m benchmarks.clips a --soft b c", "python -m benchmarks.clips a --soft NAMES"),
        (
            "python -m benchmarks.clips a --soft b --scripts han",
            "python -m benchmarks.clips a --soft NAMES --scripts han",
        ),
    ],
)
def test_the_command_of_a_summary_names_no_clips(command: str, told: str) -> None:
    group = {"clips": 0}
    document: dict[str, Any] = {
        "environment": {"command": command},
        "cost": None,
        "all": group,
        "kinds": {},
        "scripts": {},
        "empty": [],
        "phantoms": {"cues": 0, "clips": {}, "precision_with_phantoms": None},
    }
    assert summary(document, "chance")["environment"]["command"] == told
