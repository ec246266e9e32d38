"""The installation behind ./yivideo: order, stamps last, recovery, one at a time, and a sentence for each failure."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BUILDS = {"cpu": "6 /x", "cu12": "7 /x", "cu13": "8 /x"}
PARTS = {"run": "1 /x", "cv2": "2 /x", **BUILDS, "project": "3 /x"}
ORDER = ["run", "cv2", "cpu", "project"]


class Installation:
    """tools/install.py with stand-ins for what takes minutes; steps records what was done, in order."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = importlib.util.spec_from_file_location("install", ROOT / "tools/install.py")
        assert spec is not None
        assert spec.loader is not None
        self.module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.root, self.venv = root, root / ".venv"
        self.packages = self.venv / "lib/python3.11/site-packages"
        (root / "locks").mkdir()
        for build, package in self.module.BUILDS.items():
            (root / f"locks/{build}.lock").write_text(f"{package}==1 \\\n    --hash=sha256:0\nlibrary-{build}==2 \\\n")
        self.steps: list[str] = []
        self.on_pip: Callable[[str], None] = lambda part: None
        monkeypatch.setattr(self.module, "create", self._create)
        monkeypatch.setattr(self.module, "pip", self._pip)
        monkeypatch.setattr(self.module, "check_loads", lambda venv: self.steps.append("check"))
        self.compile_all = self.module.compile_all
        monkeypatch.setattr(self.module, "compile_all", lambda root, venv: self.steps.append("compile"))

    def _create(self, venv: Path, lock: int) -> None:
        self.steps.append("create")
        (venv / "bin").mkdir()
        (venv / "bin/python").touch()

    def _pip(self, venv: Path, lock: int, part: str, *arguments: str) -> None:
        if arguments[0] == "uninstall":
            self.steps.append("uninstall")
            self.uninstalled = arguments[2:]
            shutil.rmtree(self.packages, ignore_errors=True)
            return
        self.on_pip(part)
        self.steps.append(part)
        if part in BUILDS:
            self.put(self.module.BUILDS[part])

    def put(self, package: str) -> None:
        (self.packages / f"{package.replace('-', '_')}-1.dist-info").mkdir(parents=True)

    def run(self, parts: dict[str, str] | None = None, asked: str = "") -> int:
        pairs = [word for pair in (parts or PARTS).items() for word in pair]
        return int(self.module.main([str(self.root), asked, *pairs]))

    def stamps(self) -> dict[str, str]:
        return {file.name.removeprefix("have-"): file.read_text() for file in self.venv.glob("have-*")}


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return Installation(tmp_path, monkeypatch)


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the last line said; nothing may be a traceback."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said.splitlines()[-1]


def test_everything_is_installed_in_order_and_stamped(installation: Installation) -> None:
    assert installation.run() == 0
    assert installation.steps == ["create", "run", "cv2", "uninstall", "cpu", "check", "project", "compile"]
    assert installation.stamps() == {part: f"{PARTS[part]}\n" for part in ORDER}


def test_what_is_in_place_is_left_alone(installation: Installation) -> None:
    installation.run()
    installation.steps.clear()
    assert installation.run() == 0
    assert installation.run({**PARTS, "test": "4 /x"}) == 0
    assert installation.run({**PARTS, "project": "5 /x"}) == 0
    assert installation.steps == ["test", "compile", "project", "compile"]


def test_packages_and_the_project_are_compiled_whatever_the_environment_says(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = installation.venv / "lib/python3/site-packages"
    ours = installation.root / "yivideo_ray"
    for directory in (packages, ours, installation.venv / "bin"):
        directory.mkdir(parents=True)
    (packages / "theirs.py").write_text("x = 1\n")
    (packages / "for_python_2.py").write_text("print x\n")
    (ours / "module.py").write_text("x = 1\n")
    (installation.venv / "bin/python").symlink_to(sys.executable)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    installation.compile_all(installation.root, installation.venv)
    assert {path.name.split(".")[0] for path in installation.root.rglob("*.pyc")} == {"theirs", "module"}


def test_another_lock_starts_afresh(installation: Installation) -> None:
    installation.run({**PARTS, "test": "4 /x"})
    (installation.venv / "leftover").touch()
    installation.steps.clear()
    assert installation.run({**PARTS, "run": "9 /x"}) == 0
    assert installation.steps[:2] == ["create", "run"]
    assert not (installation.venv / "leftover").exists()
    assert "test" not in installation.stamps()


def test_another_build_takes_the_place_of_the_one_that_is_there(installation: Installation) -> None:
    installation.run()
    installation.steps.clear()
    assert installation.run(asked="cu12") == 0
    assert installation.steps == ["uninstall", "cu12", "check", "compile"]
    # Also what only another build needs: libraries of CUDA unpack over each other too.
    assert set(installation.uninstalled) == {
        *("onnxruntime", "onnxruntime-gpu", "library-cpu", "library-cu12", "library-cu13")
    }
    assert installation.stamps().keys() == {"run", "cv2", "cu12", "project"}


def test_a_call_that_asks_for_no_build_keeps_the_one_that_is_there(installation: Installation) -> None:
    installation.run(asked="cu13")
    installation.steps.clear()
    assert installation.run() == 0
    assert installation.steps == []
    # Also where all starts afresh.
    assert installation.run({**PARTS, "run": "9 /x"}) == 0
    assert "cu13" in installation.steps
    assert "cpu" not in installation.steps


def test_an_interrupted_change_of_the_build_goes_on_with_the_next_call(installation: Installation) -> None:
    installation.run()

    def stop(part: str) -> None:
        raise KeyboardInterrupt

    installation.on_pip = stop
    assert installation.run(asked="cu12") == 130
    assert not installation.stamps().keys() & BUILDS.keys()
    installation.on_pip = lambda part: None
    assert installation.run() == 0
    assert installation.stamps().keys() & BUILDS.keys() == {"cu12"}


def test_a_second_build_that_was_installed_by_hand_goes_when_a_build_is_asked_for(installation: Installation) -> None:
    installation.run()
    installation.put("onnxruntime-gpu")
    assert installation.run(asked="cpu") == 0
    assert installation.module.distributions(installation.venv) == ["onnxruntime"]


@pytest.mark.parametrize("stopped", ORDER)
def test_a_half_done_installation_is_finished_by_the_next_call(installation: Installation, stopped: str) -> None:
    def stop(part: str) -> None:
        if part == stopped:
            raise KeyboardInterrupt

    installation.on_pip = stop
    assert installation.run() == 130
    assert stopped not in installation.stamps()
    installation.on_pip = lambda part: None
    assert installation.run() == 0
    assert installation.stamps().keys() == set(ORDER)


def test_a_part_that_fails_loses_its_old_stamp_first(installation: Installation) -> None:
    installation.run()

    def fail(part: str) -> None:
        raise installation.module.InstallError("pip could not.")

    installation.on_pip = fail
    assert installation.run({**PARTS, "cv2": "8 /x"}) == 1
    assert installation.stamps().keys() == {"run", "cpu", "project"}


def test_two_calls_at_once_install_once(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, waits, go_on = threading.Event(), threading.Event(), threading.Event()
    said: list[str] = []

    def hold(part: str) -> None:
        inside.set()
        assert go_on.wait(120)

    def say(text: str) -> None:
        said.append(text)
        if "waiting for it" in text:
            waits.set()

    installation.on_pip = hold
    monkeypatch.setattr(installation.module, "say", say)
    results: list[int] = []
    first = threading.Thread(target=lambda: results.append(installation.run()))
    second = threading.Thread(target=lambda: results.append(installation.run()))
    first.start()
    assert inside.wait(60)
    second.start()
    assert waits.wait(60)
    assert not any("ready" in text for text in said)
    go_on.set()
    first.join(60)
    second.join(60)
    assert results == [0, 0]
    assert installation.steps.count("create") == 1


def test_somebody_elses_directory_is_not_touched(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.venv.mkdir()
    (installation.venv / "pyvenv.cfg").touch()
    assert installation.run() == 1
    assert "was made by something else" in sentence(capsys)
    assert [file.name for file in installation.venv.iterdir()] == ["pyvenv.cfg"]


def test_too_little_disk_is_said_before_anything_is_removed(
    installation: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.run()
    usage = type("Usage", (), {"free": 2**30})()
    monkeypatch.setattr(installation.module.shutil, "disk_usage", lambda path: usage)
    assert installation.run({**PARTS, "run": "9 /x"}) == 1
    assert "needs 3 GiB of free disk and has 1.0" in sentence(capsys)
    assert installation.stamps().keys() == set(ORDER)


def test_a_directory_that_cannot_be_written_is_said(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.venv.write_text("a file in the way")
    assert installation.run() == 1
    assert ".venv" in sentence(capsys)


@pytest.fixture
def real(tmp_path: Path) -> Any:
    """tools/install.py as it is."""
    with pytest.MonkeyPatch.context() as undone:
        module = Installation(tmp_path, undone).module
        undone.undo()
        yield module


@pytest.mark.parametrize("absent", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_which_package_has_it(
    real: Any, absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(real.importlib.util, "find_spec", lambda name: None if name == absent else found(name))
    with pytest.raises(real.InstallError, match=r"apt install python3\.\d+-venv"):
        real.create(tmp_path, 0)


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "Free some disk"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "use another index"),
        (
            "WARNING: Retrying: Temporary failure in name resolution\nERROR: No matching distribution found for av",
            "network",
        ),
        ("ERROR: No matching distribution found for ray==2.60.0", "no build of this package"),
        ("ERROR: something new", "install.log has all of it"),
    ],
)
def test_pips_failure_becomes_one_sentence_with_a_remedy(real: Any, tmp_path: Path, printed: str, said: str) -> None:
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\nexit 1\n")
    python.chmod(0o755)
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as lock, pytest.raises(real.InstallError) as caught:
        real.pip(tmp_path, lock.fileno(), "run", "-r", "x")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "install --gpu none" not in str(caught.value)
    assert printed in (tmp_path / "install.log").read_text()
    with (tmp_path / "lock").open() as lock, pytest.raises(real.InstallError, match=r"\./yivideo install --gpu none"):
        real.pip(tmp_path, lock.fileno(), "cu12", "-r", "x")


def test_pip_gets_the_users_settings_but_those_that_lead_elsewhere(
    real: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nenv | grep ^PIP_\n")
    python.chmod(0o755)
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "77")
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as lock:
        real.pip(tmp_path, lock.fileno(), "run")
    printed = (tmp_path / "install.log").read_text()
    assert "PIP_TIMEOUT=77" in printed
    assert "PIP_USER" not in printed


def test_the_look_at_what_loads_sends_no_telemetry(real: Any, tmp_path: Path) -> None:
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ "$ORT_DISABLE_TELEMETRY" = 1 ]\n')
    python.chmod(0o755)
    real.check_loads(tmp_path)


def test_a_missing_system_library_is_named_with_its_package(real: Any, tmp_path: Path) -> None:
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    reason = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    python.write_text(f"#!/bin/sh\necho 'Traceback (most recent call last):'\necho '{reason}'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(real.InstallError, match=r"libGL\.so\.1.*apt install libgl1$"):
        real.check_loads(tmp_path)
