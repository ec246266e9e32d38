"""A PostgreSQL server of one's own, where its programs are installed: made, run on loopback and removed again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["Postgres", "missing", "postgres"]

PASSWORD = "correct horse"
READY_S = 60.0
# It refuses to run as root.
USERS = ("postgres", "nobody")


def missing() -> str:
    """Returns why there can be no server here, or an empty string."""
    for program in ("initdb", "postgres"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL does not run as root, and there is no user {' or '.join(USERS)}"
    return ""


class Postgres:
    """url names an empty database. kill ends the server as kill -9 does; start runs it again on what is on the disk."""

    def __init__(self, directory: Path, *, fsync: bool) -> None:
        self._fsync = fsync
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"postgresql://yivideo:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self._port}/postgres"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        password = directory / "password"
        password.write_text(PASSWORD)
        user = _user()
        if os.geteuid() == 0 and user is not None:
            for path in (directory, password):
                shutil.chown(path, user)
        self._run("initdb", "-D", "data", "-U", "yivideo", "-A", "scram-sha-256", "--pwfile", "password", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        log = (self._directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    "postgres",
                    "-D",
                    "data",
                    "-p",
                    str(self._port),
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-k",
                    "",
                    "-c",
                    f"fsync={'on' if self._fsync else 'off'}",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._options(),
            )
        ends = time.monotonic() + READY_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > ends or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        """Its other processes notice and end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _end(self, sent: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sent)
            self._process.wait(READY_S)
            self._process = None

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, **self._options())

    def _options(self) -> dict[str, Any]:
        own: dict[str, Any] = {"cwd": self._directory, "env": {**os.environ, "LC_ALL": "C"}}
        if os.geteuid() == 0:
            user = _user()
            assert user is not None, "missing() says so"
            own |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        return own


@contextmanager
def postgres(*, fsync: bool = True) -> Iterator[Postgres]:
    """Yields a running server, which ends with the block. Only where missing() says nothing.

    fsync: what it has committed survives a power cut; without, it survives kill -9 all the same, and is quicker.
    """
    # Not below a directory that belongs to root alone, as those of tests do.
    directory = Path(tempfile.mkdtemp(prefix="yivideo-postgres-"))
    try:
        server = Postgres(directory, fsync=fsync)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _user() -> str | None:
    for name in USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return None
