"""Which video counts as done before, so that a run does nothing of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runtime.workflow.conftest import Run, asking
from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, ConfigError, ResultWarning
from yivideo_ray.jobs import Event, EventKind, Job, Outcome
from yivideo_ray.media import probe
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.session import Session
from yivideo_ray.runtime.workflow import checkpoint
from yivideo_ray.runtime.workflow.checkpoint import FORGOTTEN_S, Book, forget_abandoned, result_basis
from yivideo_ray.runtime.workflow.own_files import Digest
from yivideo_ray.storage.database import Database
from yivideo_ray.types import STAGES, Stage, VideoInfo


def test_a_second_run_finds_the_outcome_of_the_first(book: Book, video: Path, tmp_path: Path) -> None:
    settings = asking(tmp_path, subtitles={"split_by_script": True})
    first = Run(book, Job(video), settings)
    assert first.publication.done_before("w") is None
    outcome = first.write(warnings=(ResultWarning("OTHER", "It was half dark.", {"share": 0.5}),))
    assert [path.name for path in outcome.outputs] == ["film.zh.srt", "film.en.srt", "film.json"]
    done = Run(book, Job(video), settings).publication.done_before("w")
    assert done == replace(outcome, already_done=True, expected_s=None)


def test_what_may_change_the_result_is_done_anew_and_what_only_makes_it_faster_is_not(
    book: Book, video: Path, tmp_path: Path
) -> None:
    Run(book, Job(video), asking(tmp_path)).write()

    def is_done(job: Job, **sections: Mapping[str, object]) -> bool:
        return Run(book, job, asking(tmp_path, **sections)).publication.done_before("w") is not None

    assert is_done(Job(video, overwrite=True))
    assert is_done(Job(video), gpu={"device": "cpu"}, pipeline={"chunk_s": 5}, ocr={"threads": 1, "batch_size": 3})
    assert not is_done(Job(video, again=True))
    assert not is_done(Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE))
    assert not is_done(Job(video, STAGES[:5]))
    assert not is_done(Job(video, output_dir=tmp_path))
    assert not is_done(Job(video), subtitles={"formats": ["srt", "vtt"]})
    assert not is_done(Job(video), ocr={"recognition_model": "other"})
    assert not is_done(Job(video), postprocessor={"min_confidence": 0.5})
    assert not is_done(Job(video), decoder={"strict": True})


def test_another_version_or_another_content_of_the_video_is_another_basis(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = asking(tmp_path)
    info = probe(video, settings.decoder)
    basis = result_basis(info, STAGES, settings)
    assert result_basis(info, STAGES, settings) == basis
    assert result_basis(replace(info, size_bytes=info.size_bytes + 1), STAGES, settings) != basis
    monkeypatch.setattr(checkpoint, "__version__", __version__ + ".1")
    assert result_basis(info, STAGES, settings) != basis


def test_the_settings_that_decide_nothing_are_settings() -> None:
    for name, keys in checkpoint._DECIDES_NOTHING.items():
        section = type(getattr(Settings(), name))
        assert keys is True or set(keys) < set(section.model_fields)


def test_a_video_is_done_again_where_an_output_is_missing_or_its_result_can_not_be_read(
    book: Book, video: Path, tmp_path: Path
) -> None:
    settings = asking(tmp_path)
    outcome = Run(book, Job(video), settings).write()
    outcome.outputs[0].unlink()
    assert Run(book, Job(video), settings).publication.done_before("w") is None
    run = Run(book, Job(video), settings)
    run.publication.require_possible()
    run.write()
    # Written by a version whose results are not those of this one, although it has the same number.
    video.with_suffix(".json").write_bytes(b"{}")
    own = run.book.own_files()
    outputs = {path: Digest.of(path.read_bytes()) for path in outcome.outputs}
    run.book.keep_own_files(own.replaced(outputs, own.basis, ()))
    assert Run(book, Job(video), settings).publication.done_before("w") is None


def test_a_run_that_goes_on_from_other_settings_is_never_taken_for_done(
    book: Book, video: Path, tmp_path: Path
) -> None:
    Run(book, Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE), asking(tmp_path)).write()
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    run.publication.require_possible()


def test_what_is_ours_is_known_for_a_year(book: Book, database: Database, video: Path, tmp_path: Path) -> None:
    Run(book, Job(video), asking(tmp_path)).write()
    forget_abandoned(database, time.time() + FORGOTTEN_S - 60)
    assert Run(book, Job(video), asking(tmp_path)).publication.done_before("w") is not None
    forget_abandoned(database, time.time() + FORGOTTEN_S + 60)
    assert Run(book, Job(video), asking(tmp_path)).publication.done_before("w") is None


def test_work_that_somebody_has_named_has_a_directory_of_its_own_and_nothing_is_kept_of_it(
    book: Book, video: Path, tmp_path: Path
) -> None:
    job = Job(video, output_dir=tmp_path / "out", workflow_id="wf-1")
    (tmp_path / "out").mkdir()
    Run(book, job, asking(tmp_path)).write()
    assert Run(book, job, asking(tmp_path)).publication.done_before("wf-1") is None


def run(settings: Settings, *jobs: Job) -> tuple[list[Outcome], list[Event]]:
    events: list[Event] = []
    with Session(settings) as opened:
        return opened.run(jobs, events.append), events


def test_a_session_refuses_a_file_by_hand_and_takes_up_a_finished_video_without_ray(
    database: Database, video: Path, tmp_path: Path
) -> None:
    settings = asking(tmp_path)
    info: VideoInfo = probe(video, settings.decoder)
    earlier = Run(Book(database, workflow_id(info)), Job(video), settings).write()
    other = video.with_name("other.mp4")
    other.write_bytes(video.read_bytes())
    other.with_suffix(".json").write_bytes(b"{}")
    (done, refused), events = run(settings, Job(video), Job(other))
    assert done == replace(earlier, workflow_id=workflow_id(info), already_done=True, expected_s=None)
    assert refused.error is not None
    assert refused.error["code"] == "OUTPUT_EXISTS"
    assert str(other.with_suffix(".json")) in refused.error["message"]
    assert {event.kind for event in events} == {EventKind.WORKFLOW_STARTED, EventKind.WORKFLOW_FINISHED}
    (end,) = (event for event in events if event.message.startswith("2 cues."))
    assert end.message == "2 cues. It was already done; --again does it again."
    assert end.data == {"succeeded": True, "already_done": True}


def test_a_session_refuses_two_videos_of_one_name_before_any_work_unless_nothing_is_written(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(_: Session) -> None:
        raise CallError("No cluster.", code="CLUSTER_UNAVAILABLE")

    monkeypatch.setattr(Session, "tools", start)
    other = tmp_path / "others" / "film.mkv"
    other.parent.mkdir()
    other.write_bytes(video.read_bytes())
    with Session(asking(tmp_path)) as opened:
        with pytest.raises(ConfigError, match=r"would both write .*film\.json") as caught:
            opened.extract([video, other], output_dir=tmp_path / "out")
        results = opened.extract([video, other])
    assert caught.value.code.name == "CONFIG_INVALID"
    assert not (tmp_path / "out").exists()
    assert [result.error and result.error["code"] for result in results] == ["CLUSTER_UNAVAILABLE"] * 2


def test_where_nothing_is_in_the_way_nobody_waits_for_the_database_before_ray_starts(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(_: Session) -> None:
        raise CallError("No cluster.", code="CLUSTER_UNAVAILABLE")

    monkeypatch.setattr(Session, "tools", start)
    monkeypatch.setattr(Session, "open_database", lambda _: pytest.fail("the database was opened"))
    video.with_suffix(".vtt").write_bytes(b"by hand")
    (outcome,), _ = run(asking(tmp_path), Job(video))
    assert outcome.error is not None
    assert outcome.error["code"] == "CLUSTER_UNAVAILABLE"
