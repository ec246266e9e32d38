"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from yivideo_ray.errors import OutputError
from yivideo_ray.files import private_directory, write_atomically, write_together


def test_a_file_is_written_and_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "字幕 🎬.srt"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_the_file_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "a.srt", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.srt").stat().st_mode & 0o777 == 0o644


def test_a_name_of_255_bytes_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".srt")
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "code", "retryable"),
    [
        (errno.ENOSPC, "STORAGE_FULL", True),
        (errno.EDQUOT, "STORAGE_FULL", True),
        (errno.EROFS, "OUTPUT_NOT_WRITABLE", False),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, retryable: bool
) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError) as caught:
        write_atomically(path, b"new")
    assert (caught.value.code.name, caught.value.retryable) == (code, retryable)
    assert isinstance(caught.value.__cause__, OSError)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_and_a_directory_in_the_way_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.srt").mkdir()
    (tmp_path / "a.srt" / "full").touch()
    for path in (tmp_path / "none" / "a.srt", tmp_path / "a.srt"):
        with pytest.raises(OutputError) as caught:
            write_atomically(path, b"x")
        assert caught.value.code.name == "OUTPUT_NOT_WRITABLE"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.srt"]


def test_of_several_files_none_is_replaced_before_all_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("a.srt", "b.srt", "c.srt")]
    for path in paths:
        path.write_bytes(b"old")
    sync, calls = os.fsync, 0

    def full_at_the_third(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full_at_the_third)
    with pytest.raises(OutputError) as caught:
        write_together(dict.fromkeys(paths, b"new"))
    assert caught.value.code.name == "STORAGE_FULL"
    assert caught.value.facts["path"] == str(paths[2])
    assert sorted(tmp_path.iterdir()) == paths
    assert [path.read_bytes() for path in paths] == [b"old"] * 3
    monkeypatch.undo()
    write_together(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"new"] * 3
    assert sorted(tmp_path.iterdir()) == paths


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o1777


def test_a_private_directory_is_made_so_and_those_above_it_as_usual(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        private_directory(tmp_path / "cache" / "yivideo")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "cache") == 0o755
    assert mode_of(tmp_path / "cache" / "yivideo") == 0o700


@pytest.mark.parametrize(("mode", "then"), [(0o755, 0o700), (0o2770, 0o700), (0o500, 0o500), (0o1777, 0o1777)])
def test_one_that_is_there_is_closed_unless_it_is_open_to_all_on_purpose(tmp_path: Path, mode: int, then: int) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(mode)
    private_directory(tmp_path / "work")
    assert mode_of(tmp_path / "work") == then


def test_somebody_elses_directory_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    private_directory(tmp_path / "work")
    assert mode_of(tmp_path / "work") == 0o755


def test_a_file_where_the_directory_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "work").write_bytes(b"")
    with pytest.raises(FileExistsError):
        private_directory(tmp_path / "work")
