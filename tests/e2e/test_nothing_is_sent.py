"""A whole run with the real models sends nothing and leaves no file of anybody's telemetry.

A library that is preloaded into every process of the run, native ones too, writes down each look-up of an outside name
and each address beyond loopback, and refuses it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]
# Relative to HOME: what is ours, and the caches of what draws. matplotlib is there for the tests; PaddleX imports it.
KNOWN = (".cache/yivideo", ".cache/matplotlib", ".config/matplotlib")

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("outside") / "outside.so"
    source = ROOT / "tests/support/outside.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, timeout=60)
    return library


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


@pytest.fixture
def python(outside: Path, home: Path, tmp_path: Path) -> Command:
    """Runs Python with an empty HOME and nothing of the caller's environment: where it names a CI, onnxruntime keeps
    quiet by itself. Two switches are set to what would send."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LD_PRELOAD": str(outside),
        "OUTSIDE_LOG": str(tmp_path / "outside.log"),
        "PYTHONPATH": str(ROOT),
        "ORT_DISABLE_TELEMETRY": "0",
        "RAY_USAGE_STATS_ENABLED": "1",
    }

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def attempts(tmp_path: Path) -> Callable[[], Sequence[str]]:
    log = tmp_path / "outside.log"
    return lambda: log.read_text().splitlines() if log.exists() else []


def test_a_run_sends_nothing_and_leaves_nobodys_files(
    python: Command, home: Path, attempts: Callable[[], Sequence[str]], tmp_path: Path
) -> None:
    done = python("-m", "yivideo_ray", "run", ROOT / "samples/demo.mp4", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/demo.srt").stat().st_size
    assert attempts() == []
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if not path.as_posix().startswith(KNOWN)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.getaddrinfo('telemetry.example', 443)",
        "import socket; socket.gethostbyname('telemetry.example')",
        "import socket; socket.create_connection(('192.0.2.1', 443), 2)",
        "import socket; socket.create_connection(('2001:db8::1', 443), 2)",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        # Native code of a package that yivideo uses.
        "import av; av.open('http://telemetry.example/film.mp4')",
    ],
)
def test_the_check_sees_and_stops_what_would_leave_the_machine(
    python: Command, attempts: Callable[[], Sequence[str]], code: str
) -> None:
    assert python("-c", code).returncode == 1
    assert attempts()


def test_the_check_sees_the_file_that_an_onnxruntime_with_telemetry_leaves(python: Command, home: Path) -> None:
    done = python("-c", "import onnxruntime; print(onnxruntime.__version__)")
    if tuple(map(int, done.stdout.split(".")[:2])) < (1, 29):
        pytest.skip("this onnxruntime has no telemetry on Linux")
    assert [path.name for path in home.rglob("deviceid")] == ["deviceid"]
