"""How a database gets the tables that the code works with, and that nothing in it is lost on the way.

tests/databases holds databases as 0.1.0 left them when it was killed: a workflow that ran, two that waited, one that
was done, with their events, keys and parts.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.support.services import begun, ended, play, serving, told
from yivideo_ray.config import Settings
from yivideo_ray.errors import InternalError, ServiceError, YivideoError
from yivideo_ray.http.deployment import _not_starting
from yivideo_ray.service.contract import WorkflowState
from yivideo_ray.storage import tables
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.migrations import upgrade
from yivideo_ray.storage.ownership import Ownership

ROOT = Path(__file__).parents[3]
DATABASES = ROOT / "tests" / "databases"
WAITING = ("second", "\udcff电影")

Snapshot = dict[str, tuple[list[tuple[str, str, bool]], list[tuple[Any, ...]]]]


def opened(work_dir: Path) -> Database:
    return Database(Settings(storage={"work_dir": work_dir}).storage)


@pytest.fixture
def old(each_database: None, tmp_path: Path) -> Path:
    """Returns the work directory of a database that 0.1.0 made, of each kind in turn."""
    load(opened(tmp_path))
    return tmp_path


def load(database: Database) -> None:
    if database.is_sqlite:
        connection = sqlite3.connect(database.path)
        connection.executescript((DATABASES / "version_1.sqlite.sql").read_text())
        connection.close()
    else:
        with psycopg.connect(os.environ["YIVIDEO_STORAGE__URL"]) as server:
            server.execute((DATABASES / "version_1.postgresql.sql").read_bytes())


def within(database: Database, work: Callable[[sa.Connection], Any]) -> Any:
    """Returns what work makes of a connection that knows nothing of migrations."""
    engine = sa.create_engine(database.url)
    with engine.begin() as connection:
        found = work(connection)
    engine.dispose()
    return found


def snapshot(database: Database) -> Snapshot:
    """Returns each table's columns (name, type, whether it may be null), and its rows in their order."""

    def look(connection: sa.Connection) -> Snapshot:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        return {
            name: (
                [(column.name, str(column.type), bool(column.nullable)) for column in table.c],
                sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr),
            )
            for name, table in metadata.tables.items()
        }

    found: Snapshot = within(database, look)
    return found


def make_revisions(directory: Path, monkeypatch: pytest.MonkeyPatch, **bodies: str) -> Path:
    """Has the code know revisions after those that it has, with these statements for bodies."""
    here = directory / "migrations"
    shutil.copytree(upgrade.HERE, here, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(upgrade, "HERE", here)
    for name, body in bodies.items():
        last = upgrade.revision_ids()[-1]
        revision = f"{int(last) + 1:04}"
        text = f'import time\nfrom alembic import op\nimport sqlalchemy as sa\nrevision = "{revision}"\n'
        text += f'down_revision = "{last}"\n\ndef upgrade():\n    {body}\n'
        (here / "versions" / f"{revision}_{name}.py").write_text(text)
    return here


GROW = 'op.add_column("yivideo_workflows", sa.Column("note", sa.Text, nullable=False, server_default="none"))'


def open_in_processes(count: int, work_dir: Path, here: Path) -> list[str]:
    """Returns what each of them said on stderr."""
    code = (
        "import sys; from pathlib import Path; from yivideo_ray.storage.migrations import upgrade\n"
        "from yivideo_ray.config import Settings; from yivideo_ray.storage.database import Database\n"
        "upgrade.HERE = Path(sys.argv[2])\n"
        "Database(Settings(storage={'work_dir': sys.argv[1]}).storage).open()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, work_dir, here], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [process.communicate(timeout=60)[1] for process in started]


def failure(work_dir: Path) -> YivideoError:
    with pytest.raises(YivideoError) as caught:
        opened(work_dir).open()
    return caught.value


@pytest.mark.parametrize("is_old", [False, True], ids=["new", "old"])
def test_the_migrations_end_at_the_tables_that_the_code_works_with(
    each_database: None, tmp_path: Path, is_old: bool
) -> None:
    database = opened(tmp_path)
    if is_old:
        load(database)
    with database.begin() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name != upgrade.REVISIONS.name}
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), tables.metadata) == []
        assert connection.scalar(sa.select(upgrade.REVISIONS)) == upgrade.revision_ids()[-1]
    database.close()


def test_processes_may_open_a_new_database_at_the_same_time(
    each_database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = make_revisions(tmp_path, monkeypatch, wait="time.sleep(1)")
    assert open_in_processes(3, tmp_path, here) == [""] * 3
    assert len(snapshot(opened(tmp_path))["yivideo_version"][1]) == 1


def test_the_baseline_is_what_version_0_1_0_made(old: Path) -> None:
    database = opened(old)

    def look(connection: sa.Connection) -> dict[str, Any]:
        inspector = sa.inspect(connection)
        return {
            name: [
                [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)],
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(index["name"] or "" for index in inspector.get_indexes(name)),
                [(index["name"], index["column_names"]) for index in inspector.get_indexes(name)],
                [constraint["column_names"] for constraint in inspector.get_unique_constraints(name)],
            ]
            for name in inspector.get_table_names()
        }

    def renew(connection: sa.Connection) -> None:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        metadata.drop_all(connection)
        upgrade.migrate(connection, "0001")

    made_by_0_1_0 = within(database, look)
    within(database, renew)
    made_by_baseline = within(database, look)
    assert made_by_baseline.pop(upgrade.REVISIONS.name)
    assert made_by_baseline == made_by_0_1_0


def test_a_database_of_version_0_1_0_is_taken_over_with_every_row(old: Path) -> None:
    database = opened(old)
    before = snapshot(database)
    identity = before["yivideo_version"][1][0][1]
    assert [len(before[f"yivideo_{name}"][1]) for name in ("workflows", "parts", "events", "keys")] == [4, 4, 6, 2]
    assert database.identity() == identity
    after = snapshot(database)
    del before["yivideo_version"]
    for name, (columns, rows) in before.items():
        names = [column for column, *_ in after[name][0]]
        rows_after = [dict(zip(names, row, strict=True)) for row in after[name][1]]
        rows_before = [dict(zip((column for column, *_ in columns), row, strict=True)) for row in rows]
        for row in rows_before:
            # Counted otherwise since: what was counted counts no longer.
            row.update({"admissions": 0} if "admissions" in row else {})
        kept = [{column: row[column] for column, *_ in columns} for row in rows_after]
        assert sorted(kept, key=repr) == sorted(rows_before, key=repr)
    database.close()


def test_what_was_queued_before_the_upgrade_is_done_after_it(old: Path) -> None:
    async def scenario() -> None:
        async with serving(old) as (service, runner):
            page = await service.list()
            states = {Path(str(view.video)).stem: view.state for view in page.workflows}
            ids = {Path(str(view.video)).stem: view.workflow_id for view in page.workflows}
            assert states["done"] is WorkflowState.SUCCESS
            await begun(service, ids["running"])
            for name in ("running", *WAITING):
                runner.open(name)
                assert (await ended(service, ids[name])).state is WorkflowState.SUCCESS
            assert runner.begun == ["running", *WAITING]
            numbers = [numbered.number for numbered in await told(service, ids["running"])]
            assert numbers == list(range(1, len(numbers) + 1))

    play(scenario())


@pytest.mark.parametrize(
    "change",
    ["UPDATE yivideo_revision SET version_num = '9999'", "DROP TABLE yivideo_revision", "DELETE FROM yivideo_revision"],
)
def test_a_database_of_an_unknown_revision_is_refused_and_left_as_it_is(old: Path, change: str) -> None:
    database = opened(old)
    database.open()
    database.close()
    within(database, lambda connection: connection.exec_driver_sql(change))
    within(database, lambda connection: connection.exec_driver_sql("UPDATE yivideo_version SET version = 9999"))
    within(database, lambda connection: connection.exec_driver_sql("DROP TABLE yivideo_keys"))
    before = snapshot(database)
    error = failure(old)
    assert (error.code.name, error.retryable) == ("STORAGE_NEWER", False)
    assert f"up to revision {upgrade.revision_ids()[-1]}" in error.message
    assert snapshot(database) == before


def test_a_service_that_does_not_start_on_a_newer_database_names_one_remedy() -> None:
    error = upgrade._newer("revision 9999")
    said = str(_not_starting(f"Traceback\nyivideo_ray.errors.ServiceError: {error}\n", RuntimeError()))
    assert said.startswith("STORAGE_NEWER: ")
    assert said.count("storage.url") == said.count("Run the version") == 1


def test_an_older_revision_is_upgraded_by_one_of_several_processes(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = "time.sleep(0.5)"
    count = "op.execute(\"INSERT INTO yivideo_events VALUES ('upgrades', 1, 'once')\")"
    here = make_revisions(old, monkeypatch, grow=f"{GROW}; {wait}; {count}")
    assert open_in_processes(3, old, here) == [""] * 3
    after = snapshot(opened(old))
    assert [row[-1] for row in after["yivideo_workflows"][1]] == ["none"] * 4
    assert [row for row in after["yivideo_events"][1] if row[0] == "upgrades"] == [("upgrades", 1, "once")]
    # What 0.1.0 looks at; it takes 1 alone.
    assert after["yivideo_version"][1][0][0] == int(upgrade.revision_ids()[-1])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ('raise KeyError("body")', "INTERNAL"),
        ('op.execute("INSERT INTO yivideo_owner VALUES (9, NULL)")', "STORAGE_UNAVAILABLE"),
    ],
)
def test_an_upgrade_that_fails_half_way_leaves_the_database_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch, fault: str, code: str
) -> None:
    database = opened(old)
    before = snapshot(database)
    with monkeypatch.context() as patch:
        forget = 'op.execute("DELETE FROM yivideo_parts")'
        make_revisions(old, patch, grow=GROW, rework=f"{forget}; op.drop_table('yivideo_keys'); {fault}")
        assert failure(old).code.name == code
    assert snapshot(database) == before
    database.open()
    database.close()


def test_a_fault_in_a_migration_is_told_with_what_it_left(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_revisions(old, monkeypatch, rework='raise KeyError("body")')
    error = failure(old)
    assert isinstance(error, InternalError)
    assert error.message == "The database can't be upgraded, and is as it was: KeyError: 'body'."


def test_a_database_is_not_upgraded_under_a_service_of_an_earlier_version(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = opened(old)
    service = Ownership(database)
    service.take()
    make_revisions(old, monkeypatch, grow=GROW)
    monkeypatch.setattr(upgrade, "PATIENCE_S", 0.3)
    before = snapshot(database)
    error = failure(old)
    assert isinstance(error, ServiceError)
    assert error.code.name == "SERVICE_RUNNING"
    assert snapshot(database) == before
    service.release()
    database.close()
    following = opened(old)
    owner = Ownership(following)
    owner.take(patience_s=0)
    assert snapshot(database)["yivideo_workflows"][0][-1][0] == "note"
    owner.release()
    following.close()


def test_databases_may_be_upgraded_by_threads_at_the_same_time(tmp_path: Path) -> None:
    databases = [opened(tmp_path / str(number)) for number in range(4)]
    for database in databases[:2]:
        database.path.parent.mkdir()
        load(database)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Database.open, databases))
    for database in databases:
        assert snapshot(database)[upgrade.REVISIONS.name][1] == [(upgrade.revision_ids()[-1],)]
        database.close()


def test_opening_one_of_the_newest_revision_does_not_import_alembic(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.open()
    database.close()
    code = (
        "import sys; from yivideo_ray.config import Settings; from yivideo_ray.storage.database import Database\n"
        "Database(Settings(storage={'work_dir': sys.argv[1]}).storage).identity()\n"
        "print(sorted({'alembic', 'mako'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_an_upgrade_leaves_who_may_read_the_file(tmp_path: Path) -> None:
    database = opened(tmp_path)
    load(database)
    database.path.chmod(0o600)
    database.open()
    assert database.path.stat().st_mode & 0o777 == 0o600
    with database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.close()


def test_revisions_are_in_one_line_and_named_by_their_numbers() -> None:
    ids = upgrade.revision_ids()
    assert ids == [f"{number:04}" for number in range(1, len(ids) + 1)]
    scripts = list(ScriptDirectory(str(upgrade.HERE)).walk_revisions())
    assert [(script.revision, script.down_revision) for script in reversed(scripts)] == list(
        zip(ids, [None, *ids], strict=False)
    )


def test_the_command_writes_a_revision_that_upgrades_an_old_database(tmp_path: Path) -> None:
    database = opened(tmp_path)
    load(database)
    shutil.copytree(ROOT / "yivideo_ray", tmp_path / "yivideo_ray", ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "yivideo_ray" / "storage" / "tables.py"
    end = 'sa.Column("body", sa.LargeBinary, nullable=False),\n'
    assert end in source.read_text()
    source.write_text(source.read_text().replace(end, end + '    sa.Column("size", sa.Integer, server_default="7"),\n'))
    run = [sys.executable, "-m", "yivideo_ray.storage.migrations", "parts have a size"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run(run, cwd=tmp_path, env=environment, check=True, capture_output=True)
    here = tmp_path / "yivideo_ray" / "storage" / "migrations"
    (written,) = (here / "versions").glob("*_parts_have_a_size.py")
    assert written.name.startswith(f"{len(upgrade.revision_ids()) + 1:04}_")
    assert open_in_processes(1, tmp_path, here) == [""]
    columns, rows = snapshot(database)["yivideo_parts"]
    assert columns[-1][0] == "size"
    assert [row[-1] for row in rows] == [7] * 4


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="sqlite3 is not installed")
def test_the_backup_that_the_documentation_names_holds_every_row_of_one_in_use(tmp_path: Path) -> None:
    database = opened(tmp_path / ".cache" / "yivideo")
    database.path.parent.mkdir(parents=True)
    load(database)
    database.open()
    text = (ROOT / "docs" / "database.md").read_text()
    command = text.partition("```sh\nsqlite3 ")[2].partition("\n```")[0]
    subprocess.run(
        f"sqlite3 {command}", shell=True, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, check=True
    )
    copy = Database(Settings(storage={"url": f"sqlite:///{tmp_path}/workflows-backup.sqlite"}).storage)
    assert snapshot(copy) == snapshot(database)
    database.close()
