"""What Rays that have ended leave on the disk, and what is kept of it."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from yivideo_ray.runtime.sessions import KEPT, KEPT_S, STARTING_S, sweep_sessions

NOW = 1.8e9


@pytest.fixture
def sessions() -> Iterator[Path]:
    # A socket's name has to be short.
    with tempfile.TemporaryDirectory(prefix="ray-") as directory:
        yield Path(directory)


def left(sessions: Path, number: int, age_s: float) -> Path:
    session = sessions / f"session_2026-11-30_15-20-{number:02}_921350_{number}"
    (session / "sockets").mkdir(parents=True)
    (session / "logs").mkdir()
    (session / "logs" / "raylet.out").write_text("told")
    os.utime(session, (NOW - age_s, NOW - age_s))
    return session


def names(sessions: Path) -> list[int]:
    return sorted(int(path.name.rpartition("_")[2]) for path in sessions.glob("session_2*"))


def test_the_last_sessions_that_ended_are_kept_and_the_others_go(sessions: Path) -> None:
    for number in range(KEPT + 3):
        left(sessions, number, STARTING_S + 1000 - number)
    (sessions / "session_latest").symlink_to(sessions / "session_2026-11-30_15-20-00_921350_0")
    (sessions / "other").mkdir()
    sweep_sessions(sessions, NOW)
    assert names(sessions) == list(range(3, KEPT + 3))
    assert (sessions / "other").is_dir()
    sweep_sessions(sessions, NOW + KEPT_S)
    assert names(sessions) == []


def test_a_session_that_lives_or_begins_is_never_removed(sessions: Path) -> None:
    living, dead, new = left(sessions, 1, 2 * KEPT_S), left(sessions, 2, 2 * KEPT_S), left(sessions, 3, 60)
    with socket.socket(socket.AF_UNIX) as raylet, socket.socket(socket.AF_UNIX) as ended:
        raylet.bind(str(living / "sockets" / "raylet"))
        raylet.listen()
        ended.bind(str(dead / "sockets" / "raylet"))
        ended.close()
        os.utime(living, (NOW - 2 * KEPT_S,) * 2)
        for _ in range(KEPT):
            sweep_sessions(sessions, NOW)
    assert [path.exists() for path in (living, dead, new)] == [True, False, True]


def test_where_nothing_is_there_is_nothing_to_do(sessions: Path) -> None:
    sweep_sessions(sessions / "none")
