"""A database file that is removed or replaced while it is open: nothing is taken that would be lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from yivideo_ray.config import Settings
from yivideo_ray.errors import ServiceError
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, put

SIDES = ("", "-wal", "-shm")


def opened(work_dir: Path) -> Database:
    database = Database(Settings(storage={"work_dir": work_dir}).storage)
    database.open()
    return database


def write(database: Database, token: str) -> None:
    with database.begin() as connection:
        put(connection, tables.owner, {"id": 1}, {"token": token})


def read(database: Database) -> str:
    with database.begin() as connection:
        return str(connection.scalar(sa.select(tables.owner.c.token)))


def remove(database: Database, *sides: str) -> None:
    for side in sides:
        database.path.with_name(database.path.name + side).unlink(missing_ok=True)


def refused(database: Database) -> str:
    with pytest.raises(ServiceError) as caught:
        write(database, "lost")
    assert (caught.value.code.name, caught.value.retryable) == ("STORAGE_UNAVAILABLE", True)
    return caught.value.message


def test_a_removed_file_is_noticed_by_the_next_transaction_and_by_whoever_asks(tmp_path: Path) -> None:
    database = opened(tmp_path)
    assert database.trouble() is None
    remove(database, *SIDES)
    assert "was removed" in str(database.trouble())
    assert "was removed" in refused(database)
    assert not database.path.exists()
    database.close()


@pytest.mark.usefixtures("expects_error_logs")
@pytest.mark.parametrize("sides", [SIDES, ("",)], ids=["all", "main alone"])
def test_a_removed_file_is_written_anew_with_all_that_was_committed(tmp_path: Path, sides: tuple[str, ...]) -> None:
    database, other = opened(tmp_path), opened(tmp_path)
    identity = database.identity()
    write(database, "before")
    remove(database, *sides)
    refused(other)
    database.mend()
    assert [one.trouble() for one in (database, other)] == [None, None]
    assert [read(one) for one in (database, other)] == ["before", "before"]
    write(other, "after")
    assert read(database) == "after"
    assert database.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"workflows.sqlite{side}" for side in ("", "-shm", "-wal")
    ]
    for one in (database, other):
        one.close()
    fresh = opened(tmp_path)
    assert (fresh.identity(), read(fresh)) == (identity, "after")
    with fresh.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    fresh.close()


def test_a_file_that_is_moved_away_and_back_goes_on(tmp_path: Path) -> None:
    database = opened(tmp_path)
    write(database, "before")
    away = database.path.rename(tmp_path / "away")
    refused(database)
    away.rename(database.path)
    assert database.trouble() is None
    assert read(database) == "before"
    database.close()


def test_a_file_that_was_replaced_is_neither_written_to_nor_overwritten(tmp_path: Path) -> None:
    database = opened(tmp_path)
    write(database, "before")
    remove(database, *SIDES)
    with sqlite3.connect(database.path) as theirs:
        theirs.execute("CREATE TABLE theirs (number)")
    theirs.close()
    database.mend()
    assert "was replaced" in str(database.trouble())
    assert "was replaced" in refused(database)
    database.close()
    theirs = sqlite3.connect(database.path)
    assert theirs.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    theirs.close()


def test_what_was_committed_into_a_file_that_went_meanwhile_is_not_reported_as_kept(tmp_path: Path) -> None:
    database = opened(tmp_path)

    def write_while_it_goes() -> None:
        with database.begin() as connection:
            put(connection, tables.owner, {"id": 1}, {"token": "lost"})
            remove(database, *SIDES)

    with pytest.raises(ServiceError, match="was removed"):
        write_while_it_goes()
    database.close()


def test_a_closed_database_is_no_trouble(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.close()
    remove(database, *SIDES)
    assert database.trouble() is None
    write(database, "new")
    database.close()


def test_a_file_that_goes_while_it_is_opened_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(Settings(storage={"work_dir": tmp_path / "a?b%20#"}).storage)
    whole = database._open

    def lose() -> sa.Engine:
        engine = whole()
        remove(database, *SIDES)
        return engine

    with monkeypatch.context() as patch:
        patch.setattr(database, "_open", lose)
        assert "went away" in refused(database)
    write(database, "later")
    database.close()
