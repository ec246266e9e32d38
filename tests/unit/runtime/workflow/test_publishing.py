"""Which files are in the way of a run's outputs, and how these take the place of those of the run before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runtime.workflow.conftest import Run, asking
from yivideo_ray.errors import OutputError, ResultWarning
from yivideo_ray.files import write_together
from yivideo_ray.jobs import Job
from yivideo_ray.locations import Url
from yivideo_ray.media import probe
from yivideo_ray.runtime.workflow import publishing
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.publishing import Publication
from yivideo_ray.types import STAGES


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
    changed = video.with_suffix(".ass")
    assert [warning.code for warning in run.left] == ["FILE_LEFT"]
    assert run.left[0].message == f"{changed} was left as it is. It is of an earlier run and was changed since."
    assert run.left[0].facts == {"path": changed}
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
            run.write(warnings=(ResultWarning("OTHER", "It is another one."),))
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
            run.write(warnings=(ResultWarning("OTHER", "It is another one."),))
    assert files(video) == before
    assert Run(book, Job(video), settings).publication.done_before("w") is not None


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
