"""Nobody else reads what is kept, wherever the database is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from yivideo_ray.config import StorageSettings
from yivideo_ray.storage.database import Database


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def opened(storage: StorageSettings) -> Database:
    database = Database(storage)
    database.identity()
    return database


def test_opening_the_database_closes_the_work_dir_to_others(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o755)
    opened(StorageSettings(work_dir=work)).close()
    assert work.stat().st_mode & 0o777 == 0o700


def test_a_database_elsewhere_is_a_file_that_others_can_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere").chmod(0o755)
    url = SecretStr(f"sqlite:///{tmp_path}/elsewhere/workflows.sqlite")
    database = opened(StorageSettings(work_dir=tmp_path / "work", url=url))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "elsewhere").glob("workflows.sqlite*")}
    database.close()
    assert len(modes) >= 2
    assert set(modes.values()) == {0o600}
    # It is the operator's.
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755
