"""What holds for every test: no log line at ERROR that wasn't asked for, no setting from outside, no Ray in unit tests.

Warnings are errors, with the exceptions named in pyproject.toml.
"""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres import Postgres, missing, postgres

# Tests with one of these marks may start a Ray; all others are unit tests.
WITH_RAY = ("cluster", "e2e", "gpu")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("YIVIDEO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def expects_error_logs() -> None:
    """Ask for this where a log line at ERROR is what the test is about."""


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Has retries make their attempts at once, as many as their policies have."""
    # Imported here: few tests need it, and a process of its own shows what imports it.
    import stamina

    with stamina.set_testing(True, attempts=1000, cap=True):
        yield


@pytest.fixture(autouse=True)
def _no_unexpected_error_logs(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    if "expects_error_logs" in request.fixturenames:
        return
    lines = [
        f"{record.name}: {record.getMessage()}"
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.levelno >= logging.ERROR
    ]
    if lines:
        pytest.fail("logged at ERROR, unasked: " + "; ".join(lines))


@pytest.fixture(autouse=True)
def _no_ray_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Importing ray is fine (decorators need it); starting or joining a cluster is not."""
    if any(request.node.get_closest_marker(name) for name in WITH_RAY):
        yield
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a unit test started Ray: it belongs into tests/cluster")

    loaded = "ray" in sys.modules
    if loaded:
        monkeypatch.setattr(sys.modules["ray"], "init", refuse)
    yield
    # The test itself may have been the first to import it.
    if not loaded and "ray" in sys.modules and sys.modules["ray"].is_initialized():
        sys.modules["ray"].shutdown()
        refuse()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Yields a PostgreSQL server for all tests that need one; they are skipped where none is installed."""
    why = missing()
    if why:
        pytest.skip(why)
    with postgres(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """Yields the URL of an empty database, which goes with the test."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_server.url.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has settings name an empty database, of each kind in turn."""
    if request.param == "postgresql":
        monkeypatch.setenv("YIVIDEO_STORAGE__URL", request.getfixturevalue("postgres_url"))
