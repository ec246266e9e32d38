"""Which files are ours, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yivideo_ray.errors import OutputError
from yivideo_ray.locations import Url
from yivideo_ray.runtime.workflow.own_files import Digest, OwnFiles, digest_at, record_name, require_replaceable

OURS = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"


def own(*paths: Path, data: bytes = OURS) -> OwnFiles:
    return OwnFiles().replaced({path: Digest.of(data) for path in paths}, "basis", ())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film.srt"


def refused(path: Path, known: OwnFiles, *, overwrite: bool = False) -> str | None:
    """Returns the code with which a file is refused and the message without the path; None: it is not."""
    try:
        require_replaceable([path], known, overwrite=overwrite)
    except OutputError as error:
        return error.code.name + error.message.removeprefix(str(path))
    return None


def test_what_is_not_there_and_what_is_as_we_wrote_it_may_be_replaced(path: Path) -> None:
    assert refused(path, OwnFiles()) is None
    path.write_bytes(OURS)
    assert refused(path, own(path)) is None


def test_what_we_did_not_write_and_what_was_changed_is_refused_unless_it_may_be_overwritten(path: Path) -> None:
    path.write_bytes(OURS)
    foreign = refused(path, OwnFiles())
    assert foreign == "OUTPUT_EXISTS is there, and no run on this video is known to have written it."
    for data in (OURS + b"\n", OURS.replace(b"Hello", b"Hallo")):
        path.write_bytes(data)
        assert refused(path, own(path)) == "OUTPUT_EXISTS was changed since it was written."
        assert refused(path, own(path), overwrite=True) is None


def test_a_read_only_file_is_refused_whoever_asks(path: Path) -> None:
    path.write_bytes(OURS)
    path.chmod(0o444)
    assert refused(path, own(path)) == "OUTPUT_EXISTS was made read-only since it was written."
    assert not own(path).holds(path)
    assert refused(path, own(path), overwrite=True) is None


def test_a_link_is_not_what_we_wrote_wherever_it_leads(path: Path) -> None:
    elsewhere = path.with_name("elsewhere.srt")
    path.symlink_to(elsewhere)
    assert (refused(path, own(path)) or "").startswith("OUTPUT_EXISTS")
    elsewhere.write_bytes(OURS)
    assert (refused(path, own(path)) or "").startswith("OUTPUT_EXISTS")
    assert refused(path, own(path), overwrite=True) is None


def test_a_directory_is_never_replaced_nor_is_a_link_to_one(path: Path) -> None:
    path.mkdir()
    link = path.with_name("film.vtt")
    link.symlink_to(path)
    for place in (path, link):
        for overwrite in (False, True):
            assert (
                refused(place, own(place), overwrite=overwrite)
                == "OUTPUT_NOT_WRITABLE can't be written: Is a directory."
            )


def test_a_pipe_is_refused_without_being_opened(path: Path) -> None:
    os.mkfifo(path)
    assert refused(path, own(path)) == "OUTPUT_EXISTS was changed since it was written."


def test_another_name_of_the_same_file_is_no_change(path: Path) -> None:
    path.write_bytes(OURS)
    path.with_name("backup.srt").hardlink_to(path)
    assert refused(path, own(path)) is None


def test_a_foreign_file_of_another_size_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(OURS)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    assert digest_at(path, [len(OURS) + 1]) is None


def test_any_bytes_of_a_name_are_kept(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff \xe5\xad\x97%41.srt")
    path.write_bytes(OURS)
    known = own(path)
    assert all(name.isascii() for name in known.files)
    assert known.holds(path)
    assert known.unchanged_outputs(tmp_path, "basis") == (path,)


def test_outputs_are_unchanged_where_all_are_there_and_the_same_decides_them(tmp_path: Path) -> None:
    paths = (tmp_path / "film.srt", tmp_path / "film.json")
    for path in paths:
        path.write_bytes(OURS)
    known = own(*paths)
    assert known.unchanged_outputs(tmp_path, "basis") == paths
    assert known.unchanged_outputs(tmp_path, "other") == ()
    # Of a run that started in the middle.
    assert OwnFiles(known.files, known.outputs, "").unchanged_outputs(tmp_path, "") == ()
    paths[0].write_bytes(b"edited")
    assert known.unchanged_outputs(tmp_path, "basis") == ()
    paths[0].unlink()
    assert known.unchanged_outputs(tmp_path, "basis") == ()


def test_while_a_file_is_replaced_both_its_old_and_its_new_bytes_are_ours_and_then_the_new_ones(path: Path) -> None:
    path.write_bytes(OURS)
    known = own(path)
    for data in (b"second", b"third"):
        # One that was killed before its file was in place leaves nothing behind in what is kept.
        known = known.replacing({path: Digest.of(data)})
        assert known.holds(path)
        assert len(next(iter(known.files.values()))) == 2
    path.write_bytes(b"third")
    assert known.holds(path)
    assert known.unchanged_outputs(path.parent, "basis") == ()
    path.write_bytes(b"second")
    assert not known.holds(path)
    known = known.replaced({path: Digest.of(b"third")}, "basis", ())
    path.write_bytes(OURS)
    assert not known.holds(path)


def test_a_file_that_is_overwritten_is_not_ours_before_its_new_bytes_are_there(path: Path) -> None:
    path.write_bytes(b"by hand")
    known = OwnFiles().replacing({path: Digest.of(OURS)})
    assert (refused(path, known) or "").startswith("OUTPUT_EXISTS")


def test_files_of_earlier_runs_without_a_successor_are_told_and_whether_they_were_changed(tmp_path: Path) -> None:
    srt, vtt, ass, gone = (tmp_path / f"film.{name}" for name in ("srt", "vtt", "ass", "txt"))
    for path in (srt, vtt, ass):
        path.write_bytes(OURS)
    known = own(srt, vtt, ass, gone)
    assert known.others(tmp_path, [srt]) == ((vtt, ass), ())
    ass.write_bytes(b"by hand")
    vtt.chmod(0o444)
    assert known.others(tmp_path, [srt]) == ((), (vtt, ass))


def test_a_record_is_of_one_video_by_its_name_and_one_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    film = record_name(tmp_path / "real" / "film.mp4", tmp_path)
    assert record_name(tmp_path / "link" / "film.mp4", tmp_path / "real" / "..") == film
    others = {
        record_name(tmp_path / "real" / "film.mp4", tmp_path / "real"),
        record_name(tmp_path / "real" / "film.mkv", tmp_path),
        record_name(Url("s3://films/film.mp4"), tmp_path),
        record_name(Url("s3://films/other.mp4"), tmp_path),
    }
    assert len(others | {film}) == 5


def test_a_link_to_a_video_has_a_record_of_its_own_for_its_outputs_have_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to("film.mp4")
    assert record_name(tmp_path / "film.mp4", tmp_path) != record_name(tmp_path / "link.mp4", tmp_path)
