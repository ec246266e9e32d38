"""The last stage from a record: in this process, without Ray, without a frame."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.records import recorded
from tests.support.videos import make_video, picture
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Job, Outcome, StageRecord, StageStatus
from yivideo_ray.media import probe
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.storage.database import Database
from yivideo_ray.types import STAGES, Band, Stage, SubtitleArea

LAST = Stage.POSTPROCESS_AND_FINALIZE
HOUR_FRAMES = 360
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an hour of video of few frames."""
    path = tmp_path_factory.mktemp("videos") / "hour.mp4"
    still = picture(0, (160, 90))
    return make_video(
        path, frames=HOUR_FRAMES, size=(160, 90), rate=Fraction(1, 10), gop=50, background=lambda _: still
    )


def made(tmp_path: Path, **sections: dict[str, object]) -> Settings:
    return Settings(storage={"work_dir": tmp_path / "work"}, **sections)  # type: ignore[arg-type]


def rerun(video: Path, settings: Settings, output_dir: Path) -> Outcome:
    with Session(settings) as opened:
        (outcome,) = opened.run([Job(video, start_at=LAST, output_dir=output_dir)], lambda _: None)
    return outcome


def redo(video: Path, tmp_path: Path, crops: int, *options: str) -> tuple[float, str, str]:
    """Runs the command's last stage on a record of so many crops; returns the CPU time of its process in seconds, which
    other work on the machine stretches less than the clock's, its output and its last line of errors."""
    recorded(video, tmp_path / "work", crops)
    code = (
        "import sys, yivideo_ray.cli as c\n"
        f"code = c.main(['run', {str(video)!r}, '-o', {str(tmp_path)!r}, '--from', {LAST.value!r}, *{options!r}])\n"
        "heavy = {'ray', 'paddleocr', 'paddlex', 'onnxruntime', 'pandas', 'PIL'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
        env={**os.environ, "YIVIDEO_STORAGE__WORK_DIR": str(tmp_path / "work")},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, result.stdout, result.stderr.splitlines()[-1]


def test_an_hour_is_redone_without_ray_or_a_model_for_little_more_than_a_minute(hour: Path, tmp_path: Path) -> None:
    for_a_minute, _, _ = redo(hour, tmp_path, crops=24)
    for_an_hour, out, err = redo(hour, tmp_path, crops=1400)
    assert err == "0 []"
    # Starting the process is most of the minute's; the hour's 60 times as many crops took as much again (1.7 to 2.1).
    assert for_an_hour < 3 * for_a_minute
    outcome = json.loads(out.splitlines()[-1])
    assert (outcome["event"], outcome["cues"]) == ("outcome", 700)
    assert (tmp_path / "hour.srt").read_text(encoding="utf-8").count("Where on earth were you last night? ") == 234


def test_other_layers_are_taken_in_less_than_two_seconds(hour: Path, tmp_path: Path) -> None:
    cpu_s, out, err = redo(hour, tmp_path, 100, "--layers", "1")
    assert err == "0 []"
    assert json.loads(out.splitlines()[-1])["cues"] == 50
    # Nearly all of it is the start of the process.
    assert cpu_s < 2


def test_other_settings_give_other_subtitles_from_the_same_record(hour: Path, tmp_path: Path) -> None:
    recorded(hour, tmp_path / "work", 100)
    first = rerun(hour, made(tmp_path), tmp_path)
    assert first.error is None
    assert [path.name for path in first.outputs] == ["hour.srt", "hour.json"]
    assert len(first.cues) == 50
    second = rerun(
        hour, made(tmp_path, postprocessor={"min_confidence": 0.99}, subtitles={"formats": ["vtt"]}), tmp_path
    )
    assert (second.cues, [path.name for path in second.outputs]) == ((), ["hour.vtt", "hour.json"])
    third = rerun(hour, made(tmp_path, subtitles={"split_by_script": True}), tmp_path)
    assert [(track.language, track.cues) for track in third.tracks] == [("zh", 50), ("en", 50)]
    assert third.cues == first.cues


def test_a_file_that_has_changed_has_no_record(hour: Path, tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    video.write_bytes(hour.read_bytes())
    recorded(video, tmp_path / "work", 100)
    assert rerun(video, made(tmp_path), tmp_path).error is None
    os.utime(video, ns=(0, 0))
    error = rerun(video, made(tmp_path), tmp_path / "out").error
    assert error is not None
    assert error["code"] == "RECORD_MISSING"
    assert list((tmp_path / "out").iterdir()) == []


def test_cues_lie_in_the_area_that_their_crops_were_cut_by(hour: Path, tmp_path: Path) -> None:
    recorded(hour, tmp_path / "work", 100)
    settings = made(tmp_path)
    database = Database(settings.storage)
    book = Book(database, workflow_id(probe(hour, settings.decoder)))
    area = book.area(None)
    assert area is not None
    # As a preview with other settings leaves it: the first band is another one.
    (band,) = area.bands
    book.keep_area("other", SubtitleArea((Band("top", band.box.translate(0, -60), 60.0, band.evidence), band)))
    database.close()
    outcome = rerun(hour, settings, tmp_path)
    assert {cue.band for cue in outcome.cues} == {"bottom"}


def test_the_stages_of_the_earlier_run_are_shown_before_the_one_that_runs(hour: Path, tmp_path: Path) -> None:
    records = {stage: StageRecord(stage, StageStatus.SUCCESS, duration=1.0) for stage in STAGES}
    recorded(hour, tmp_path / "work", 100, stages=records)
    outcome = rerun(hour, made(tmp_path), tmp_path)
    assert [stage.stage for stage in outcome.stages] == list(STAGES)
    assert [stage.duration for stage in outcome.stages[:-1]] == [1.0] * 5
    assert outcome.engine is not None
    assert outcome.engine.engine == "scripted"


def test_several_are_run_and_one_without_a_record_stops_no_other(hour: Path, tmp_path: Path) -> None:
    videos = [tmp_path / f"{number}.mp4" for number in range(4)]
    for video in videos:
        video.write_bytes(hour.read_bytes())
    for video in videos[1:]:
        recorded(video, tmp_path / "work", 100)
    with Session(made(tmp_path)) as opened:
        outcomes = opened.run([Job(video, start_at=LAST) for video in videos], lambda _: None)
    assert [outcome.error["code"] if outcome.error else len(outcome.cues) for outcome in outcomes] == [
        "RECORD_MISSING",
        50,
        50,
        50,
    ]


def test_a_part_of_a_video_stays_a_part(hour: Path, tmp_path: Path) -> None:
    recorded(hour, tmp_path / "work", 100, corrupt_packets=3)
    outcome = rerun(hour, made(tmp_path), tmp_path)
    assert outcome.partial
    assert any("3 packets are damaged" in warning.message for warning in outcome.warnings)
