"""`yivideo db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.unit.storage.test_migrations import load, opened, snapshot
from yivideo_ray.cli import main
from yivideo_ray.storage.migrations.upgrade import copy_of, revision_ids


@pytest.fixture(autouse=True)
def _work_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_STORAGE__WORK_DIR", str(tmp_path))


def test_a_database_is_backed_up_and_restored(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database = opened(tmp_path)
    load(database)
    database.open()
    before = snapshot(database)
    assert main(["db", "backup", str(tmp_path / "b.sqlite")]) == 0
    assert capfd.readouterr().out == f"{tmp_path / 'b.sqlite'}\n"
    assert main(["db", "backup", str(tmp_path / "b.sqlite")]) == 1
    assert "OUTPUT_EXISTS" in capfd.readouterr().err
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM yivideo_workflows")
    database.close()
    assert main(["db", "restore", str(tmp_path / "b.sqlite")]) == 0
    assert "before-restore" in capfd.readouterr().err
    assert snapshot(database) == before


def test_an_upgrade_says_what_it_did(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    newest = revision_ids()[-1]
    database = opened(tmp_path)
    load(database)
    assert main(["db", "upgrade"]) == 0
    said = capfd.readouterr().err
    assert "of revision 0001, and is of " in said
    assert str(copy_of(database.path)) in said
    assert main(["db", "upgrade"]) == 0
    assert f"of revision {newest}, the newest" in capfd.readouterr().err
    with sqlite3.connect(database.path) as connection:
        connection.execute("UPDATE yivideo_revision SET version_num = '9999'")
    connection.close()
    assert main(["db", "upgrade"]) == 1
    assert "STORAGE_NEWER" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["backup", "restore", "upgrade"])
def test_each_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["db", command, "--help"])
    assert f"example:\n  yivideo db {command}" in capsys.readouterr().out


def test_postgresql_is_sent_to_its_own_programs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("YIVIDEO_STORAGE__URL", "postgresql://me:secret@127.0.0.1:1/films")
    assert main(["db", "backup"]) == 2
    said = capfd.readouterr().err
    assert "pg_dump" in said
    assert "secret" not in said
