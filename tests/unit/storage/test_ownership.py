"""Who may run the workflows of a database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yivideo_ray.config import Settings
from yivideo_ray.errors import ServiceError
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership

pytestmark = pytest.mark.usefixtures("each_database")
ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from yivideo_ray.config import Settings
from yivideo_ray.storage.database import Database
from yivideo_ray.storage.ownership import Ownership
Ownership(Database(Settings(storage={"work_dir": sys.argv[1]}).storage)).take()
print("taken", flush=True)
time.sleep(600)
"""


def opened(tmp_path: Path) -> Database:
    return Database(Settings(storage={"work_dir": tmp_path}).storage)


def refusal(ownership: Ownership) -> str:
    with pytest.raises(ServiceError) as caught:
        ownership.take(patience_s=0.3)
    return caught.value.code.name


def test_one_has_it_until_it_gives_it_back(tmp_path: Path) -> None:
    database = opened(tmp_path)
    first, second = Ownership(database), Ownership(database)
    first.take()
    assert refusal(second) == "SERVICE_RUNNING"
    first.release()
    first.release()
    second.take()
    second.release()
    database.close()


def test_a_process_that_is_killed_gives_it_up(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        database = opened(tmp_path)
        ownership = Ownership(database)
        assert refusal(ownership) == "SERVICE_RUNNING"
        holder.kill()
        ownership.take()
        ownership.release()
        database.close()


def test_processes_that_the_holder_started_do_not_hold_it_on(tmp_path: Path) -> None:
    database = opened(tmp_path)
    first = Ownership(database)
    first.take()
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        first.release()
        second = Ownership(database)
        second.take(patience_s=0.3)
        second.release()
        child.kill()
    database.close()


def test_who_has_been_taken_over_from_is_told_in_its_next_transaction(tmp_path: Path) -> None:
    database = opened(tmp_path)
    first, second = Ownership(database), Ownership(database)
    first.take()
    with database.begin() as connection:
        first.require(connection)
    first.release()
    second.take()
    with pytest.raises(ServiceError) as caught, database.begin() as connection:
        first.require(connection)
    assert caught.value.code.name == "SERVICE_RUNNING"
    second.release()
    database.close()
