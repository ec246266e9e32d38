"""What is built for those who install with pip: the wheel, made from the source distribution, and what it holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"


def built(kind: str, source: Path, out: Path) -> Path:
    """Runs the build backend, as `python -m build` does, with the packages that are installed."""
    command = [sys.executable, "-c", BUILD.format(kind=kind), str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("packaging")
    source, out, unpacked = directory / "source", directory / "out", directory / "unpacked"
    shutil.copytree(ROOT / "yivideo_ray", source / "yivideo_ray", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.yml"):
        shutil.copy(ROOT / name, source)
    # What else lies in a checkout.
    for name in ("serve", "tests", "benchmarks", "tools"):
        (source / name).mkdir()
        (source / name / "module.py").touch()
    out.mkdir()
    with tarfile.open(built("sdist", source, out)) as archive:
        archive.extractall(unpacked, filter="data")
    (only,) = unpacked.iterdir()
    return zipfile.ZipFile(built("wheel", only, out))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_one_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert len(tops) == 2
    assert "yivideo_ray" in tops
    assert (tops - {"yivideo_ray"}).pop().endswith(".dist-info")


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    files = (path for path in (ROOT / "yivideo_ray").rglob("*") if path.is_file() and path.suffix != ".pyc")
    expected = {path.relative_to(ROOT).as_posix() for path in files}
    assert {"yivideo_ray/py.typed", "yivideo_ray/config/defaults.yml", "yivideo_ray/cli/__init__.py"} <= expected
    assert expected - set(wheel.namelist()) == set()


def test_the_command_comes_with_the_wheel(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "yivideo = yivideo_ray.cli:main" in wheel.read(name).decode()


def test_the_wheel_asks_for_onnxruntime_and_no_extra_for_another(metadata: Message) -> None:
    asked = metadata.get_all("Requires-Dist", [])
    assert [line for line in asked if line.startswith("onnxruntime")] == ["onnxruntime>=1.20"]
    assert set(metadata.get_all("Provides-Extra", [])) == {"paddle", "paddle-gpu", "test", "training"}
    assert metadata["License-Expression"] == "Apache-2.0"
