"""./yivideo and pip for real, with packages of a few bytes: whatever is installed, one onnxruntime is there.

The builds for the CPU and for GPUs unpack into one directory, as the real ones do.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.wheels import lock_entry, make_wheel
from yivideo_ray.cli.doctor import one_of

ROOT = Path(__file__).parents[3]
BUILDS = {"cpu": "1.32.0", "cu12": "1.26.0", "cu13": "1.31.1"}
LIBRARIES = {"cu12": "nvidia-cudnn-cu12", "cu13": "nvidia-cudnn-cu13"}
# Says which builds are installed and which of them is loaded.
COMMAND = """\
import importlib.metadata, json, onnxruntime
found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
wanted = {name: version for name, version in found.items() if name.startswith(("onnxruntime", "nvidia"))}
print(json.dumps({"packages": wanted, "loaded": onnxruntime.version}))
"""
# A project that needs nothing else to be built.
BACKEND = """\
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})
from tests.support.wheels import make_wheel


def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {{"yivideo_ray/__main__.py": Path("yivideo_ray/__main__.py").read_text()}}
    return make_wheel(Path(directory), "yivideo-ray", "1", files, requires=["onnxruntime"]).name


def build_editable(directory, config_settings=None, metadata_directory=None):
    files = {{"yivideo_ray.pth": str(Path.cwd())}}
    return make_wheel(Path(directory), "yivideo-ray", "1", files, requires=["onnxruntime"]).name
"""
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class Installed(NamedTuple):
    packages: dict[str, str]
    loaded: str


def expected(build: str) -> Installed:
    if build == "cpu":
        return Installed({"onnxruntime": BUILDS["cpu"]}, BUILDS["cpu"])
    library = {LIBRARIES[build]: "9", "nvidia-ml-py": "13"}
    return Installed({"onnxruntime-gpu": BUILDS[build], **library}, BUILDS[build])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheels, where two builds of onnxruntime-gpu have libraries of their own."""
    directory = tmp_path_factory.mktemp("index")
    make_wheel(directory, "av", "1", {"av.py": ""})
    make_wheel(directory, "cv2", "1", {"cv2.py": ""})
    make_wheel(directory, "nvidia-ml-py", "13", {"pynvml.py": ""})
    for build, version in BUILDS.items():
        files = {"onnxruntime/__init__.py": f"version = {version!r}\n", f"onnxruntime/{build}.py": ""}
        if build == "cpu":
            make_wheel(directory, "onnxruntime", version, files)
        else:
            make_wheel(directory, LIBRARIES[build], "9", {"nvidia/cudnn/__init__.py": ""})
            requires = [f'{LIBRARIES[build]}; extra == "cudnn"']
            make_wheel(directory, "onnxruntime-gpu", version, files, requires=requires, extras=["cuda", "cudnn"])
    return directory


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    """A checkout with locks of those wheels."""
    root = tmp_path_factory.mktemp("a checkout")
    for name in ("yivideo", "tools/install.py"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / "yivideo_ray").mkdir()
    (root / "yivideo_ray/__main__.py").write_text(COMMAND)
    (root / "backend.py").write_text(BACKEND.format(tests=str(ROOT)))
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "config.yml").touch()
    locks = {
        "run": ["av-1"],
        "cv2": ["cv2-1"],
        "cpu": [f"onnxruntime-{BUILDS['cpu']}"],
        **{
            build: [f"onnxruntime_gpu-{BUILDS[build]}", f"{library.replace('-', '_')}-9", "nvidia_ml_py-13"]
            for build, library in LIBRARIES.items()
        },
    }
    (root / "locks").mkdir()
    for lock, wheels in locks.items():
        entries = [lock_entry(index / f"{wheel}-py3-none-any.whl") for wheel in wheels]
        (root / f"locks/{lock}.lock").write_text("".join(entries))
    return root


@pytest.fixture
def environment(index: Path, tmp_path: Path) -> dict[str, str]:
    """No package comes from anywhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "YIVIDEO_"))}
    path = f"{Path(sys.executable).resolve().parent}{os.pathsep}{kept['PATH']}"
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}
    return {**kept, **settings, "PATH": path, "HOME": str(tmp_path)}


def call(checkout: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "yivideo"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def found(done: subprocess.CompletedProcess[str]) -> Installed:
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return Installed(**report)


def test_a_build_for_a_gpu_is_the_only_one_and_stays(checkout: Path, environment: dict[str, str]) -> None:
    assert call(checkout, environment, "install", "--gpu", "none").returncode == 0
    assert found(call(checkout, environment, "doctor")) == expected("cpu")
    installed = call(checkout, environment, "install", "--gpu", "cu12")
    assert (installed.returncode, installed.stdout) == (0, "")
    assert "ready after" in installed.stderr
    plain = call(checkout, environment, "doctor")
    assert found(plain) == expected("cu12")
    assert plain.stderr == ""
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    again = call(checkout, environment, "doctor")
    assert found(again) == expected("cu12")
    assert "ready after" in again.stderr


def test_a_build_takes_the_place_of_another_with_its_libraries(checkout: Path, environment: dict[str, str]) -> None:
    for build in ("cu12", "cu13"):
        assert call(checkout, environment, "install", f"--gpu={build}").returncode == 0
    assert found(call(checkout, environment, "doctor")) == expected("cu13")
    assert call(checkout, environment, "install", "--gpu", "none").returncode == 0
    assert found(call(checkout, environment, "doctor")) == expected("cpu")
    left = {path.name for path in (checkout / ".venv").glob("lib/python*/site-packages/onnxruntime/*.py")}
    assert left == {"__init__.py", "cpu.py"}


def test_what_pip_put_beside_it_by_hand_is_gone_behind_install(checkout: Path, environment: dict[str, str]) -> None:
    assert call(checkout, environment, "install", "--gpu", "cu12").returncode == 0
    pip(environment, checkout / ".venv", "pip install onnxruntime")
    assert len(found(call(checkout, environment, "doctor")).packages) == 4
    assert call(checkout, environment, "install", "--gpu", "cu12").returncode == 0
    assert found(call(checkout, environment, "doctor")) == expected("cu12")


@pytest.fixture(scope="module")
def by_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip only."""
    venv = tmp_path_factory.mktemp("by pip") / "venv"
    subprocess.run([os.path.realpath(sys.executable), "-I", "-m", "venv", str(venv)], check=True, timeout=120)
    return venv


def pip(environment: dict[str, str], venv: Path, commands: str, cwd: Path | None = None) -> None:
    own = {**environment, "PATH": f"{venv}/bin{os.pathsep}{environment['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", commands], env=own, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def loaded(environment: dict[str, str], venv: Path) -> Installed:
    command = [str(venv / "bin/python"), "-P", "-m", "yivideo_ray"]
    return found(subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False))


@pytest.mark.parametrize("build", ["cu12", "cu13"])
def test_the_documented_commands_for_pip_leave_the_one_build(
    checkout: Path, environment: dict[str, str], by_pip: Path, build: str
) -> None:
    blocks = re.findall(
        r"```sh\n(pip install \.\n.*?)```", (ROOT / "docs/gpu.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (commands,) = (block for block in blocks if "'onnxruntime-gpu" in block and ("<1.27" in block) == (build == "cu12"))
    pip(environment, by_pip, f"pip uninstall --yes onnxruntime onnxruntime-gpu {' '.join(LIBRARIES.values())}")
    pip(environment, by_pip, "pip install .", checkout)
    plain = loaded(environment, by_pip)
    assert (plain.packages["onnxruntime"], plain.loaded) == (BUILDS["cpu"], BUILDS["cpu"])
    pip(environment, by_pip, commands, checkout)
    assert loaded(environment, by_pip) == expected(build)


@pytest.mark.parametrize("wanted", ["onnxruntime", "onnxruntime-gpu"])
def test_doctors_remedy_for_two_builds_leaves_the_one(
    checkout: Path, environment: dict[str, str], by_pip: Path, wanted: str
) -> None:
    both = {"onnxruntime": BUILDS["cpu"], "onnxruntime-gpu": BUILDS["cu12"]}
    pinned = [shlex.quote(f"{name}=={version}") for name, version in both.items()]
    pip(environment, by_pip, f"pip install . {' '.join(pinned)}", checkout)
    assert loaded(environment, by_pip).packages.keys() >= both.keys()
    (sentence,) = (
        line for line in one_of(both, by_pip, str(by_pip / "bin/python")) if line.endswith(f"{wanted}=={both[wanted]}")
    )
    pip(environment, by_pip, sentence.partition(": ")[2])
    left = loaded(environment, by_pip)
    assert {name for name in left.packages if name.startswith("onnxruntime")} == {wanted}
    assert left.loaded == both[wanted]
