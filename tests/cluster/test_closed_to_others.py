"""What another user of the machine gets from a run and from the service: nothing. Needs root, to be that user."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.cluster.test_command import ROOT, command, environment
from tests.support.serving import free_port, served
from tests.support.text_pictures import TEXTS, pattern_video

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(280)]

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

READ_FUNCTIONS = """
import sys
from ray._raylet import GcsClient
print("functions:", len(GcsClient(address=sys.argv[1]).internal_kv_keys(b"", namespace=b"fun")))
"""
# Told what there is, for a directory may be entered that can't be listed.
REACH = """
import os, sys
for path in sys.stdin.read().split("\\0"):
    if os.access(path, os.R_OK) or os.access(path, os.W_OK):
        print(path)
"""
CALL_REPLICA = """
import sys
import grpc
channel = grpc.insecure_channel(sys.argv[1])
metadata = [("authorization", f"Bearer {sys.argv[2]}")] if sys.argv[2:] else []
try:
    channel.unary_unary("/ray.serve.ASGIService/HandleRequest")(b"", timeout=20, metadata=metadata)
except grpc.RpcError as error:
    print(error.code().name)
"""
ASK_AGENT = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="POST", data=b""), timeout=20)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def as_nobody(code: str, *arguments: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NOBODY, sys.executable, "-I", "-c", code, *arguments],
        input=given,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "no_proxy": "*", **env},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def _another_user() -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to be another user")
    if as_nobody("import ray").returncode != 0:
        pytest.skip("this Python is where other users can't read it")


@pytest.fixture
def place() -> Iterator[Path]:
    """Yields a directory that everybody may enter, unlike pytest's own, with a path short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="y", dir="/tmp"))
    made.chmod(0o755)
    (made / "home").mkdir()
    (made / "rays").mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


def own_environment(place: Path, script: dict[str, object], **more: str) -> dict[str, str]:
    return environment(place, script, HOME=str(place / "home"), RAY_TMPDIR=str(place / "rays"), **more)


@dataclass(frozen=True)
class Started:
    """The Ray of a run or a service that is at work. commands: its processes by their command lines."""

    commands: dict[str, psutil.Process]

    @classmethod
    def below(cls, process: subprocess.Popen[str]) -> Started:
        found = {}
        for child in psutil.Process(process.pid).children(recursive=True):
            # Idle workers come and go.
            with contextlib.suppress(psutil.NoSuchProcess):
                found[" ".join(child.cmdline())] = child
        return cls(found)

    @property
    def token(self) -> str:
        return str(self._one("gcs_server ").environ()["RAY_AUTH_TOKEN"])

    def addresses(self, name: str) -> list[str]:
        connections = self._one(name).net_connections("inet")
        return [f"127.0.0.1:{listening.laddr.port}" for listening in connections if listening.status == "LISTEN"]

    def _one(self, name: str) -> psutil.Process:
        (found,) = [process for command, process in self.commands.items() if name in command]
        return found


def require_closed(started: Started, place: Path, reachable: list[Path], **attempt: str) -> None:
    """Asserts that nobody gets into the Ray, and reaches none of the files but those. attempt: what they set."""
    (gcs,) = started.addresses("gcs_server ")
    refused = as_nobody(READ_FUNCTIONS, gcs, **attempt)
    assert refused.returncode != 0, refused.stdout
    assert "InvalidAuthToken" in refused.stderr
    # It is the token that keeps them out.
    let_in = as_nobody(READ_FUNCTIONS, gcs, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=started.token)
    assert "functions: " in let_in.stdout, let_in.stderr
    (agent,) = started.addresses("RuntimeEnvAgent")
    assert as_nobody(ASK_AGENT, f"http://{agent}/get_or_create_runtime_env").stdout == "401\n"

    inside = [path for top in ("work", "rays") for path in (place / top).rglob("*")]
    names = {path.name for path in inside}
    assert {"workflows.sqlite", "logs", "raylet.out"} <= names
    assert any(path.is_socket() for path in inside)
    found = as_nobody(REACH, given="\0".join(map(str, [*inside, *reachable]))).stdout
    assert found.splitlines() == [str(path) for path in reachable]

    assert list((place / "home").iterdir()) == []
    assert started.token not in "".join(started.commands)
    for path in inside:
        assert not path.is_file() or started.token.encode() not in path.read_bytes(), path


def test_nobody_else_gets_into_a_run_or_at_its_files(place: Path) -> None:
    video = pattern_video(place / "film.mp4", TEXTS)
    process = subprocess.Popen(
        command("run", video),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=own_environment(place, {"recognize_s": 600}),
        cwd=place,
        umask=0o022,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["stage"] == "paddleocr.perform_ocr":
                break
        require_closed(Started.below(process), place, [video], RAY_AUTH_MODE="disabled")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def test_nobody_else_gets_into_the_service_or_at_its_files(place: Path) -> None:
    env = own_environment(place, {}, YIVIDEO_SERVE__PORT=str(free_port()))
    with served([sys.executable, "-m", "yivideo_ray", "serve"], env, ROOT) as service:
        assert service.url, "".join(service.told)
        with (ROOT / "samples" / "demo.mp4").open("rb") as file:
            assert service.client.post("/v1/workflows", files={"video": file}).status_code == 202
        started = Started.below(service.process)
        require_closed(started, place, [], RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64)
        uploaded = [path for path in (place / "work").rglob("*") if path.name == "demo.mp4"]
        assert [path.stat().st_mode & 0o777 for path in uploaded] == [0o600]
        # Serve's own port for calls of other deployments, which are pickles.
        answers = {}
        for address in started.addresses("ServeReplica"):
            known = as_nobody(CALL_REPLICA, address, started.token).stdout.strip()
            answers[known] = as_nobody(CALL_REPLICA, address).stdout.strip()
        assert answers["UNKNOWN"] == "UNAUTHENTICATED", answers


def test_results_of_a_run_are_as_the_umask_says_and_an_open_work_dir_is_closed(place: Path) -> None:
    video = pattern_video(place / "film.mp4", TEXTS)
    (place / "work").mkdir(mode=0o755)
    subprocess.run(
        command("run", "--stages", "ffmpeg.extract_keyframes", video),
        stdout=subprocess.DEVNULL,
        timeout=120,
        check=True,
        env=own_environment(place, {}),
        cwd=place,
        umask=0o022,
    )
    assert video.with_suffix(".json").stat().st_mode & 0o777 == 0o644
    assert (place / "work").stat().st_mode & 0o777 == 0o700
