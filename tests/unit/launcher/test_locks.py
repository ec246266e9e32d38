"""The lock files: complete, hashed, without any address, and agreeing on the one cv2 and the one onnxruntime."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
GPU = ("cu12", "cu13")
BUILDS = ("cpu", *GPU)
LOCKS = ("run", "cv2", *BUILDS, "test")


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Returns each package's version and its number of hashes."""
    text = (ROOT / f"locks/{lock}.lock").read_text(encoding="utf-8")
    found = {}
    for entry in re.split(r"\n(?=\S)", text):
        match = re.match(r"([a-z0-9-]+)==(\S+)", entry)
        assert match, f"not a pinned requirement: {entry[:80]}"
        found[match[1]] = (match[2], entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / f"locks/{lock}.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-(?!-hash)|index|find-links", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_hash_checked(lock: str) -> None:
    assert {name for name, (_, hashes) in pins(lock).items() if not hashes} == set()


@pytest.mark.parametrize("build", BUILDS)
def test_no_package_is_in_two_locks_that_are_installed_together(build: str) -> None:
    names = [name for lock in ("run", "cv2", build, "test") for name in pins(lock)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("build", BUILDS)
def test_with_each_build_there_is_one_onnxruntime(build: str) -> None:
    found = [name for lock in ("run", "cv2", build, "test") for name in pins(lock) if name.startswith("onnxruntime")]
    assert found == ["onnxruntime" if build == "cpu" else "onnxruntime-gpu"]


@pytest.mark.parametrize(("build", "major"), [("cu12", 12), ("cu13", 13)])
def test_a_build_for_a_gpu_comes_with_the_libraries_of_its_cuda(build: str, major: int) -> None:
    found = pins(build)
    minor = int(found["onnxruntime-gpu"][0].split(".")[1])
    assert minor < 27 if major == 12 else minor >= 27
    (cudnn,) = (name for name in found if name.startswith("nvidia-cudnn"))
    assert cudnn == f"nvidia-cudnn-cu{major}"
    runtimes = {name: version for name, (version, _) in found.items() if name.startswith("nvidia-cuda-runtime")}
    assert [version.split(".")[0] for version in runtimes.values()] == [str(major)]
    assert "nvidia-ml-py" in found


def test_cv2_comes_from_the_headless_package_which_is_unpacked_last() -> None:
    assert list(pins("cv2")) == ["opencv-python-headless"]
    variants = {name: pins(lock)[name][0] for lock in LOCKS for name in pins(lock) if name.startswith("opencv")}
    assert variants.keys() == {"opencv-contrib-python", "opencv-python-headless"}
    assert len(set(variants.values())) == 1


def test_all_that_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["paddle"], *extras["test"]]
    names = {re.split(r"[\[<>=!~;]", requirement)[0].strip().lower() for requirement in wanted}
    locked = {name for lock in LOCKS for name in pins(lock)}
    # Left out on purpose: it would overwrite cv2.
    assert names - locked == {"opencv-python"}


@pytest.mark.parametrize("build", GPU)
def test_all_that_a_gpu_asks_for_is_locked(build: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert {re.split(r"[\[<>=]", requirement)[0] for requirement in groups[build]} <= pins(build).keys()


@pytest.mark.parametrize("build", GPU)
def test_what_a_gpu_asks_for_admits_what_is_locked_and_no_build_for_another_cuda(build: str) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    (wanted,) = (Requirement(each) for each in groups[build] if each.startswith("onnxruntime"))
    assert wanted.extras == {"cuda", "cudnn"}
    assert wanted.specifier.contains(pins(build)["onnxruntime-gpu"][0])
    # The extras of 1.27 name packages without libraries; 1.32 has CUDA as a plugin, which nobody tried.
    assert not any(wanted.specifier.contains(f"1.{minor}.0") for minor in (20, 27, 32))
    (other,) = set(GPU) - {build}
    assert not wanted.specifier.contains(pins(other)["onnxruntime-gpu"][0])


def test_paddle_for_gpus_comes_with_the_models_that_paddle_for_the_cpu_has() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    beside = {each for each in extras["paddle"] if not each.startswith("paddlepaddle")}
    assert beside
    assert beside <= set(extras["paddle-gpu"])


def test_no_extra_brings_a_second_onnxruntime() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert not [wanted for extra in extras.values() for wanted in extra if wanted.startswith("onnxruntime")]


def test_the_locked_build_backend_can_build_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (requirement,) = project["build-system"]["requires"]
    needed = int(requirement.partition(">=")[2])
    assert int(pins("run")["setuptools"][0].partition(".")[0]) >= needed
