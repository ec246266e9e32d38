"""Every foreign error has one of ours, and ours come back from a real worker as they were."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import ray
import ray.exceptions

from yivideo_ray.errors import CODES, InputError, InternalError, YivideoError
from yivideo_ray.runtime.failures import log_fault, translate

pytestmark = pytest.mark.cluster

# Any: half of Ray's exceptions have constructors without types.
rex: Any = ray.exceptions

TABLE: list[tuple[BaseException, str]] = [
    (rex.ActorUnavailableError("gone", None), "ACTOR_LOST"),
    (rex.ActorDiedError(), "ACTOR_LOST"),
    (rex.ActorUnschedulableError("no"), "DEVICE_UNAVAILABLE"),
    (rex.GetTimeoutError("late"), "CALL_TIMED_OUT"),
    (rex.TaskCancelledError(), "CANCELLED"),
    (rex.PendingCallsLimitExceeded("full"), "MAILBOX_FULL"),
    (rex.WorkerCrashedError(), "INPUT_SET_ASIDE"),
    (rex.OutOfMemoryError("oom"), "WORKER_LOST"),
    (rex.NodeDiedError("node"), "WORKER_LOST"),
    (rex.ObjectLostError("00" * 28, None, ""), "WORKER_LOST"),
    (rex.OwnerDiedError("00" * 28, None, ""), "WORKER_LOST"),
    (rex.ObjectStoreFullError(), "STORAGE_FULL"),
    (rex.OutOfDiskError(), "STORAGE_FULL"),
    (rex.RaySystemError("raylet"), "CLUSTER_UNAVAILABLE"),
    (rex.RuntimeEnvSetupError("env"), "CLUSTER_UNAVAILABLE"),
    (OSError(errno.ENOSPC, "No space left on device"), "STORAGE_FULL"),
    (OSError(errno.EIO, "I/O error"), "INTERNAL"),
    (ValueError("surprise"), "INTERNAL"),
]


@pytest.mark.parametrize(("foreign", "code"), TABLE, ids=[f"{type(e).__name__}-{code}" for e, code in TABLE])
def test_a_foreign_error_becomes_ours_with_its_cause(foreign: BaseException, code: str) -> None:
    ours = translate(foreign)
    assert ours.code.name == code
    assert ours.__cause__ is foreign
    assert "\n" not in str(ours)
    assert pickle.loads(pickle.dumps(ours)).as_dict() == ours.as_dict()


def test_an_actor_that_has_ended_for_good_is_told_from_one_that_restarts() -> None:
    assert translate(rex.ActorDiedError()).facts["gone"]
    assert "gone" not in translate(rex.ActorUnavailableError("gone", None)).facts


def test_our_own_errors_come_back_from_a_worker_as_they_were(ray_started: None) -> None:
    @ray.remote(num_cpus=0)
    def fail(code: str) -> None:
        raise InputError("a sentence", code=code, remedy="a remedy", seconds=1.5)

    with pytest.raises(rex.RayTaskError) as caught:
        ray.get(fail.remote("INPUT_CORRUPT"))
    ours = translate(caught.value)
    assert type(ours) is InputError
    assert ours.as_dict() == InputError("a sentence", code="INPUT_CORRUPT", remedy="a remedy", seconds=1.5).as_dict()


def test_a_fault_in_a_worker_is_internal_and_its_log_holds_both_tracebacks(ray_started: None, tmp_path: Path) -> None:
    @ray.remote(num_cpus=0)
    def stumble() -> None:
        raise ZeroDivisionError("in the worker")

    with pytest.raises(rex.RayTaskError) as caught:
        ray.get(stumble.remote())
    ours = translate(caught.value)
    assert isinstance(ours, InternalError)
    assert "ZeroDivisionError: in the worker" in ours.message
    told = log_fault(ours, tmp_path)
    text = Path(told.facts["log"]).read_text()
    assert "stumble" in text
    assert told.facts["log"] in told.remedy
    assert "remote_traceback" not in told.as_dict()["facts"]


def test_an_error_at_the_end_of_a_chain_of_tasks_is_found(ray_started: None) -> None:
    @ray.remote(num_cpus=0)
    def fail() -> None:
        raise InputError("first")

    @ray.remote(num_cpus=0)
    def use(value: None) -> None:
        return value

    with pytest.raises(rex.RayTaskError) as caught:
        ray.get(use.remote(fail.remote()))
    assert translate(caught.value).message == "first"


def test_every_code_of_the_table_exists() -> None:
    assert {code for _, code in TABLE} <= set(CODES)
    assert isinstance(translate(ValueError()), YivideoError)
