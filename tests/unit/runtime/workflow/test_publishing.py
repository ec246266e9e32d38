"""What a run finds before it begins, and how its outputs take the place of those of the run before."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cues import cue
from tests.support.videos import make_video
from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.errors import CallError, OutputError
from yivideo_ray.files import write_together
from yivideo_ray.jobs import Event, EventKind, Job, Outcome, StageRecord, StageStatus
from yivideo_ray.locations import Url
from yivideo_ray.media import probe
from yivideo_ray.runtime.session import Session, workflow_id
from yivideo_ray.runtime.workflow import checkpoint, publishing
from yivideo_ray.runtime.workflow.checkpoint import FORGOTTEN_S, Book, forget_abandoned, result_basis
from yivideo_ray.runtime.workflow.outputs import document, output_path, subtitle_files
from yivideo_ray.runtime.workflow.own_files import Digest, record_name
from yivideo_ray.runtime.workflow.publishing import Publication
from yivideo_ray.storage.database import Database
from yivideo_ray.types import STAGES, EngineFacts, Stage, VideoInfo

CUES = (cue(0, 900, "你好", "Hello"), cue(900, 1800, "再见", "there"))
ENDED = tuple(StageRecord(stage, StageStatus.SUCCESS, {"a": 1}, {"b": [2]}, None, 1.5) for stage in STAGES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("videos") / "film.mp4", frames=30)


@pytest.fixture
def video(made: Path, tmp_path: Path) -> Path:
    path = tmp_path / "films" / "film.mp4"
    path.parent.mkdir()
    path.write_bytes(made.read_bytes())
    return path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(asking(tmp_path).storage)
    yield opened
    opened.close()


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database, "w")


def asking(tmp_path: Path, **sections: Mapping[str, object]) -> Settings:
    return Settings(storage={"work_dir": tmp_path / "work"}, **sections)  # type: ignore[arg-type]


class Run:
    """A run of a video, of which only what becomes of its outputs is real."""

    def __init__(self, book: Book, job: Job, settings: Settings) -> None:
        self.job = job
        assert isinstance(job.video, Path)
        self.info = probe(job.video, settings.decoder)
        self.book = book.named(record_name(job.video, output_path(job, ".json").parent))
        self.publication = Publication(job, self.info, settings, book)
        self.tracks = subtitle_files(job, self.info, CUES, settings)
        self.files = self.tracks.data if Stage.POSTPROCESS_AND_FINALIZE in job.chain else {}

    def write(self, warnings: tuple[str, ...] = ()) -> Outcome:
        outputs = (*self.files, output_path(self.job, ".json"))
        self.left = self.publication.prepare(outputs)
        outcome = Outcome(
            "w",
            self.job.video,
            ENDED,
            self.info,
            cues=CUES,
            engine=EngineFacts("scripted", "cpu", "none", "rows", "pattern"),
            outputs=outputs,
            tracks=self.tracks.tracks,
            warnings=warnings,
        )
        asyncio.run(self.publication.put_in_place({**self.files, outputs[-1]: document(outcome)}))
        return outcome


def files(video: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in video.parent.iterdir() if path != video}


def refused(run: Run) -> str:
    """Returns the code with which a run is refused before its work, and again at its end, which changes nothing."""
    assert isinstance(run.job.video, Path)
    before = files(run.job.video)
    with pytest.raises(OutputError) as caught:
        run.publication.require_possible()
    with pytest.raises(OutputError) as again:
        run.write()
    assert files(run.job.video) == before
    assert again.value.code == caught.value.code
    return caught.value.code.name


def test_a_second_run_finds_the_outcome_of_the_first(book: Book, video: Path, tmp_path: Path) -> None:
    settings = asking(tmp_path, subtitles={"split_by_script": True})
    first = Run(book, Job(video), settings)
    assert first.publication.done_before("w") is None
    outcome = first.write(warnings=("It was half dark.",))
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


def test_a_file_by_hand_is_refused_before_and_at_the_end_and_replaced_where_that_is_wanted(
    book: Book, video: Path, tmp_path: Path
) -> None:
    video.with_suffix(".srt").write_bytes(b"by hand")
    assert refused(Run(book, Job(video), asking(tmp_path))) == "OUTPUT_EXISTS"
    run = Run(book, Job(video, overwrite=True), asking(tmp_path))
    run.publication.require_possible()
    run.write()
    assert video.with_suffix(".srt").read_bytes() != b"by hand"
    assert Run(book, Job(video), asking(tmp_path)).publication.done_before("w") is not None


def test_a_result_that_was_corrected_by_hand_is_refused(book: Book, video: Path, tmp_path: Path) -> None:
    Run(book, Job(video), asking(tmp_path)).write()
    srt = video.with_suffix(".srt")
    srt.write_bytes(srt.read_bytes().replace(b"Hello", b"Hullo"))
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    assert refused(run) == "OUTPUT_EXISTS"
    assert refused(Run(book, Job(video, again=True), asking(tmp_path))) == "OUTPUT_EXISTS"


def test_a_directory_in_the_way_is_refused_before_any_work_also_where_all_may_be_overwritten(
    book: Book, video: Path, tmp_path: Path
) -> None:
    video.with_suffix(".srt").mkdir()
    with pytest.raises(OutputError) as caught:
        Run(book, Job(video, overwrite=True), asking(tmp_path)).publication.require_possible()
    assert caught.value.code.name == "OUTPUT_NOT_WRITABLE"


def test_a_track_that_may_come_is_looked_at_before_and_one_that_comes_at_the_end(
    book: Book, video: Path, tmp_path: Path
) -> None:
    settings = asking(tmp_path, subtitles={"split_by_script": True})
    run = Run(book, Job(video), settings)
    run.publication.require_possible()
    # While the video was worked on, somebody has put their own there.
    video.with_suffix(".zh.srt").write_bytes(b"by hand")
    assert refused(run) == "OUTPUT_EXISTS"


def test_files_without_a_successor_go_with_the_run_that_replaces_the_others(
    book: Book, video: Path, tmp_path: Path
) -> None:
    Run(book, Job(video), asking(tmp_path, subtitles={"formats": ["srt", "vtt", "ass"]})).write()
    video.with_suffix(".ass").write_bytes(b"by hand")
    run = Run(book, Job(video), asking(tmp_path, subtitles={"split_by_script": True}))
    run.publication.require_possible()
    run.write()
    assert sorted(files(video)) == ["film.ass", "film.en.srt", "film.json", "film.zh.srt"]
    assert run.left == [
        f"{video.with_suffix('.ass')} is of an earlier run and was changed since: it was left as it is."
    ]
    # It is told once, for it is not ours any more.
    run = Run(book, Job(video), asking(tmp_path))
    run.write()
    assert sorted(files(video)) == ["film.ass", "film.json", "film.srt"]
    assert run.left == []


def test_a_run_without_the_last_stage_leaves_the_subtitles_and_they_stay_ours(
    book: Book, video: Path, tmp_path: Path
) -> None:
    settings = asking(tmp_path, subtitles={"formats": ["vtt"]})
    Run(book, Job(video), settings).write()
    Run(book, Job(video, STAGES[:2]), settings).write()
    assert sorted(files(video)) == ["film.json", "film.vtt"]
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    run.write()
    assert sorted(files(video)) == ["film.json", "film.srt"]


def test_what_can_not_be_removed_is_tried_again_by_the_next_run(
    book: Book, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run(book, Job(video), asking(tmp_path, subtitles={"formats": ["vtt"]})).write()

    def refuse(*_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        Run(book, Job(video), asking(tmp_path)).write()
    assert sorted(files(video)) == ["film.json", "film.srt", "film.vtt"]
    Run(book, Job(video, again=True), asking(tmp_path)).write()
    assert sorted(files(video)) == ["film.json", "film.srt"]


def test_each_directory_has_outputs_of_its_own(book: Book, video: Path, tmp_path: Path) -> None:
    settings, other = asking(tmp_path), asking(tmp_path, subtitles={"formats": ["vtt"]})
    Run(book, Job(video), settings).write()
    Run(book, Job(video, output_dir=tmp_path), other).write()
    assert sorted(files(video)) == ["film.json", "film.srt"]
    assert Run(book, Job(video), settings).publication.done_before("w") is not None
    assert Run(book, Job(video, output_dir=tmp_path), other).publication.done_before("w") is not None


def test_a_video_that_was_fetched_again_replaces_the_outputs_of_the_first(
    book: Book, video: Path, tmp_path: Path
) -> None:
    Run(book, Job(video), asking(tmp_path)).write()
    os.utime(video, ns=(0, 0))
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    run.publication.require_possible()
    run.write()


def test_another_video_of_the_same_stem_replaces_nothing(book: Book, video: Path, tmp_path: Path) -> None:
    Run(book, Job(video), asking(tmp_path)).write()
    other = video.with_suffix(".mkv")
    other.write_bytes(video.read_bytes())
    assert refused(Run(book, Job(other), asking(tmp_path))) == "OUTPUT_EXISTS"


def test_a_run_that_goes_on_from_other_settings_is_never_taken_for_done(
    book: Book, video: Path, tmp_path: Path
) -> None:
    Run(book, Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE), asking(tmp_path)).write()
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    run.publication.require_possible()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_run_that_is_killed_while_it_writes_leaves_nothing_that_the_next_one_refuses(
    book: Book, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: int
) -> None:
    settings = asking(tmp_path)
    earlier = Run(book, Job(video), asking(tmp_path, subtitles={"formats": ["srt", "vtt"]})).write()
    assert [path.suffix for path in earlier.outputs] == [".srt", ".vtt", ".json"]

    def killed(new: Mapping[Path, bytes]) -> None:
        write_together(dict(list(new.items())[:renamed]))
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "write_together", killed)
        run = Run(book, Job(video), settings)
        with pytest.raises(Killed):
            run.write(warnings=("It is another one.",))
    run = Run(book, Job(video), settings)
    assert run.publication.done_before("w") is None
    run.publication.require_possible()
    run.write()
    assert sorted(files(video)) == ["film.json", "film.srt"]
    assert Run(book, Job(video), settings).publication.done_before("w") is not None


def test_a_first_run_that_is_killed_before_its_end_is_kept_leaves_files_that_are_ours(
    book: Book, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Publication, "_remove_obsolete", killed)
        run = Run(book, Job(video), asking(tmp_path))
        with pytest.raises(Killed):
            run.write()
    assert sorted(files(video)) == ["film.json", "film.srt"]
    run = Run(book, Job(video), asking(tmp_path))
    assert run.publication.done_before("w") is None
    run.publication.require_possible()


def test_where_the_disk_is_full_the_outputs_of_the_run_before_are_there_and_known(
    book: Book, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = asking(tmp_path)
    Run(book, Job(video), settings).write()
    before = files(video)

    def full(_: object) -> None:
        raise OutputError("film.srt can't be written.", code="STORAGE_FULL")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "write_together", full)
        run = Run(book, Job(video, again=True), settings)
        with pytest.raises(OutputError, match="can't be written"):
            run.write(warnings=("It is another one.",))
    assert files(video) == before
    assert Run(book, Job(video), settings).publication.done_before("w") is not None


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


def test_the_results_of_an_address_are_looked_at_in_the_current_directory(
    book: Book, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = asking(tmp_path)
    info = replace(probe(video, settings.decoder), path="s3://films/movie.mp4", version="1")
    (tmp_path / "movie.srt").write_bytes(b"by hand")
    publication = Publication(Job(Url("s3://films/movie.mp4")), info, settings, book)
    with pytest.raises(OutputError, match=r": movie\.srt is there"):
        publication.require_possible()
