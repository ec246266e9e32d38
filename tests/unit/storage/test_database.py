"""The database: which one, its tables, and what its failures become."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, ProgrammingError

from yivideo_ray.config import StorageSettings
from yivideo_ray.errors import ConfigError, OutputError, ServiceError
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database, database_url, put, translated

ROOT = Path(__file__).parents[3]


def made(tmp_path: Path, **values: object) -> Database:
    return Database(StorageSettings.model_validate({"work_dir": tmp_path, **values}))


def test_it_is_a_file_in_the_work_directory_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    assert made(tmp_path).path == tmp_path / "workflows.sqlite"
    assert made(tmp_path, url=f"sqlite:///{tmp_path}/other").path == tmp_path / "other"
    url = database_url(StorageSettings.model_validate({"url": "postgresql://me:pass%40word@db:5433/films"}))
    assert (url.drivername, url.password, url.host, url.port, url.database) == (
        "postgresql+psycopg",
        "pass@word",
        "db",
        5433,
        "films",
    )


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@db/x", "secret", "sqlite://", "sqlite:///:memory:", "postgresql:secret"]
)
def test_a_url_of_anything_else_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(ConfigError, match=r"storage\.url") as caught:
        database_url(StorageSettings.model_validate({"url": url}))
    assert "secret" not in str(caught.value)


def test_a_block_is_kept_whole_or_undone(tmp_path: Path) -> None:
    database = made(tmp_path)
    with database.begin() as connection:
        put(connection, tables.owner, {"id": 1}, {"token": "a"})
        put(connection, tables.owner, {"id": 1}, {"token": "b"})

    def fail() -> None:
        with database.begin() as connection:
            put(connection, tables.owner, {"id": 1}, {"token": "c"})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.begin() as connection:
        assert connection.execute(sa.select(tables.owner)).all() == [(1, "b")]
    database.close()


def test_what_threads_write_at_the_same_time_is_all_there(tmp_path: Path) -> None:
    database = made(tmp_path)

    def write(number: int) -> None:
        with database.begin() as connection:
            last = connection.scalar(sa.select(sa.func.max(tables.events.c.number))) or 0
            connection.execute(tables.events.insert().values(workflow_id="w", number=last + 1, body=str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with database.begin() as connection:
        rows = connection.execute(sa.select(tables.events.c.number, tables.events.c.body)).all()
    assert sorted(number for number, _ in rows) == list(range(1, 41))
    assert {body for _, body in rows} == {str(number) for number in range(40)}
    database.close()


def test_processes_may_open_a_new_one_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from yivideo_ray.config import StorageSettings; from yivideo_ray.storage.database import Database\n"
        "database = Database(StorageSettings(work_dir=Path(sys.argv[1])))\n"
        "with database.begin() as connection: pass"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 4


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    database = made(tmp_path)
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE yivideo_revision SET version_num = '9999'")
    database.close()
    with pytest.raises(ServiceError, match="another version") as caught, made(tmp_path).begin():
        pass
    assert caught.value.code.name == "STORAGE_NEWER"


def test_a_damaged_file_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "workflows.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ServiceError, match="file is not a database") as caught, made(tmp_path).begin():
        pass
    assert caught.value.code.name == "STORAGE_UNAVAILABLE"


def test_a_server_that_does_not_answer_is_an_error_without_the_password() -> None:
    database = Database(StorageSettings.model_validate({"url": "postgresql://me:secret@127.0.0.1:1/films"}))
    with pytest.raises(ServiceError) as caught, database.begin():
        pass
    assert (caught.value.code.name, caught.value.retryable) == ("STORAGE_UNAVAILABLE", True)
    assert "secret" not in str(caught.value)


def test_a_work_directory_that_can_not_be_made_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be made"), made(tmp_path / "file" / "work").begin():
        pass


def test_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    database = made(tmp_path)

    def fill() -> None:
        with database.begin() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            connection.execute(tables.events.insert().values(workflow_id="w", number=1, body="x" * 1_000_000))

    with pytest.raises(OutputError) as caught:
        fill()
    assert (caught.value.code.name, caught.value.retryable) == ("STORAGE_FULL", True)
    database.close()


def test_a_row_that_is_there_twice_is_the_callers_affair(tmp_path: Path) -> None:
    database = made(tmp_path)
    rows = [{"id": 1, "token": "a"}] * 2
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(tables.owner.insert(), rows)
    database.close()


@pytest.mark.parametrize("kind", [OperationalError, ProgrammingError, DatabaseError])
def test_every_failure_has_a_code_and_is_one_line(kind: type[DatabaseError]) -> None:
    error = translated(kind("SELECT secret", {}, sqlite3.OperationalError("gone\naway")))
    assert error.code.name == "STORAGE_UNAVAILABLE"
    assert error.message.endswith("gone.")


def test_the_file_is_made_where_the_process_has_never_been(tmp_path: Path) -> None:
    database = made(tmp_path / "a" / "b")
    with database.begin():
        pass
    assert database.path.is_file()
    database.close()
