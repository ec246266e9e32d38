"""Backups of an SQLite database, and copies made before it is upgraded."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.unit.storage.test_migrations import load, opened, snapshot, within
from yivideo_ray.config import Settings, StorageSettings
from yivideo_ray.errors import ConfigError, YivideoError
from yivideo_ray.storage import backup
from yivideo_ray.storage.backup import back_up, restore
from yivideo_ray.storage.migrations.upgrade import copy_of, revision_ids
from yivideo_ray.storage.ownership import Ownership


def storage_of(work_dir: Path, **more: Any) -> StorageSettings:
    return Settings(storage={"work_dir": work_dir, **more}).storage


def code_of(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(YivideoError) as caught:
        call(*arguments, **more)
    return caught.value.code.name


def test_a_backup_of_one_in_use_holds_all_that_was_committed_and_is_private(tmp_path: Path) -> None:
    database = opened(tmp_path / "work")
    (tmp_path / "work").mkdir()
    load(database)
    database.open()
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO yivideo_owner VALUES (7, 'last')")
        made = back_up(storage_of(tmp_path / "work"), None)
    assert made.parent == tmp_path / "work" / "backups"
    assert [made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777] == [0o600, 0o700]
    assert (7, "last") not in snapshot_of(made)["yivideo_owner"][1]
    again = back_up(storage_of(tmp_path / "work"), tmp_path / "again.sqlite")
    assert snapshot_of(again) == snapshot(database)
    assert code_of(back_up, storage_of(tmp_path / "work"), again) == "OUTPUT_EXISTS"
    back_up(storage_of(tmp_path / "work"), again, overwrite=True)
    assert code_of(back_up, storage_of(tmp_path / "work"), database.path, overwrite=True) == "OUTPUT_EXISTS"
    assert code_of(back_up, storage_of(tmp_path / "none"), None) == "INPUT_NOT_FOUND"
    assert not list(tmp_path.rglob("*.part*"))
    database.close()


def snapshot_of(path: Path) -> Any:
    database = opened(path.parent)
    database.url = database.url.set(database=str(path))
    return snapshot(database)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_backup_is_put_back_and_what_was_there_is_kept_beside_it(tmp_path: Path, damaged: bool) -> None:
    database = opened(tmp_path)
    load(database)
    database.open()
    made = back_up(storage_of(tmp_path), tmp_path / "backup.sqlite")
    before = snapshot(database)
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM yivideo_workflows")
    after = snapshot(database)
    database.close()
    if damaged:
        database.path.write_bytes(b"noise" * 1000)
    kept = restore(storage_of(tmp_path), made)
    assert snapshot(database) == before
    assert kept is not None
    assert kept.read_bytes()[:5] == b"noise" if damaged else snapshot_of(kept) == after
    assert database.path.stat().st_mode & 0o777 == 0o600


def test_a_backup_of_an_older_version_is_upgraded_when_it_is_used(tmp_path: Path) -> None:
    database = opened(tmp_path)
    load(database)
    older = tmp_path / "older.sqlite"
    shutil.copy(database.path, older)
    database.path.unlink()
    assert restore(storage_of(tmp_path), older) is None
    database.open()
    assert len(snapshot(database)["yivideo_workflows"][1]) == 4
    database.close()


def test_a_backup_is_not_put_under_a_running_service(tmp_path: Path) -> None:
    database = opened(tmp_path)
    owner = Ownership(database)
    owner.take()
    made = back_up(storage_of(tmp_path), tmp_path / "backup.sqlite")
    before = snapshot(database)
    assert code_of(restore, storage_of(tmp_path), made) == "SERVICE_RUNNING"
    assert snapshot(database) == before
    owner.release()
    restore(storage_of(tmp_path), made)
    database.close()


def test_what_is_no_backup_is_refused_and_the_database_left_as_it_is(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.open()
    before = snapshot(database)
    made = back_up(storage_of(tmp_path), tmp_path / "newer.sqlite")
    with sqlite3.connect(made) as connection:
        connection.execute("UPDATE yivideo_revision SET version_num = '9999'")
    connection.close()
    others = tmp_path / "others.sqlite"
    with sqlite3.connect(others) as connection:
        connection.execute("CREATE TABLE theirs (number)")
    connection.close()
    noise = tmp_path / "noise"
    noise.write_bytes(b"noise" * 1000)
    for given, code in (
        (made, "STORAGE_NEWER"),
        (others, "INPUT_UNRECOGNIZED"),
        (noise, "INPUT_UNRECOGNIZED"),
        (tmp_path / "none", "INPUT_NOT_FOUND"),
        (database.path, "INPUT_UNRECOGNIZED"),
    ):
        assert code_of(restore, storage_of(tmp_path), given) == code
    assert snapshot(database) == before
    database.close()


def test_a_backup_that_finds_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = opened(tmp_path)
    database.open()

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "copied", full)
    assert code_of(back_up, storage_of(tmp_path), tmp_path / "b.sqlite") == "STORAGE_FULL"
    assert not (tmp_path / "b.sqlite").exists()
    database.close()


def test_postgresql_is_left_to_its_own_programs_and_no_password_is_told(tmp_path: Path) -> None:
    storage = storage_of(tmp_path, url="postgresql://me:secret@db.example:5432/films")
    for call, arguments in ((back_up, (storage, None)), (restore, (storage, tmp_path / "x"))):
        with pytest.raises(ConfigError) as caught:
            call(*arguments)
        assert "pg_dump" in caught.value.remedy
        assert "postgresql://me@db.example:5432/films" in caught.value.remedy
        assert "secret" not in str(caught.value)


def test_a_database_is_copied_before_it_is_upgraded_and_a_new_one_is_not(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        database = opened(tmp_path / name)
        copy = copy_of(database.path)
        assert copy.name == f"workflows.sqlite.before-{revision_ids()[-1]}"
        if name == "old":
            load(database)
            before = snapshot(database)
        database.open()
        assert copy.exists() == (name == "old")
        database.close()
    assert snapshot_of(copy) == before
    # Opened by the version that made it, or restored by this one.
    restore(storage_of(tmp_path / "old"), copy)
    assert snapshot(database) == before


def test_an_upgrade_without_room_for_its_copy_changes_nothing(tmp_path: Path) -> None:
    database = opened(tmp_path)
    load(database)
    before = snapshot(database)
    copy_of(database.path).mkdir()
    assert code_of(database.open) == "OUTPUT_NOT_WRITABLE"
    assert snapshot(database) == before
    assert within(database, lambda connection: connection.exec_driver_sql("PRAGMA quick_check").scalar()) == "ok"
