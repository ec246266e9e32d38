"""Faults of our own: their tracebacks, which name videos, are for this user alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from yivideo_ray.runtime import failures
from yivideo_ray.runtime.failures import log_fault


@pytest.mark.parametrize("writable", [True, False])
def test_the_log_of_a_fault_is_for_this_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    work = tmp_path / "work"
    if not writable:
        work.write_bytes(b"")
    before = os.umask(0o022)
    try:
        fault = log_fault(ValueError("what nobody expected"), work)
    finally:
        os.umask(before)
    log = Path(str(fault.facts["log"]))
    assert log.parent == (work / "logs" if writable else tmp_path / "temporary")
    assert "what nobody expected" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_last_logs_of_faults_are_kept_and_no_other_file_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "LOGS", 3)
    own = tmp_path / "logs" / "fault-of-mine.log"
    own.parent.mkdir()
    own.touch()
    written = [str(log_fault(ValueError(str(number)), tmp_path).facts["log"]) for number in range(5)]
    assert sorted(map(str, own.parent.glob("fault-2*"))) == sorted(written[2:])
    assert own.exists()
