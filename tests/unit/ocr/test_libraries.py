"""CUDA's libraries are found in every package that has some, and what is missing is named, never printed."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from yivideo_ray.ocr import libraries


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is loaded, in order; the system has no library of CUDA."""
    found: list[str] = []

    def load(name: str) -> None:
        if "/" not in name:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        found.append(name)

    monkeypatch.setattr(libraries, "_load", load)
    return found


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], str]:
    """Makes a package of NVIDIA's in a site directory, with a library in it."""
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)

    def make(site: str, package: str, library: str) -> str:
        folder = tmp_path / site / "nvidia" / package / "lib"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / library).touch()
        if str(tmp_path / site) not in sys.path:
            monkeypatch.syspath_prepend(str(tmp_path / site))
        return str(folder / library)

    return make


def built_for(cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "build_cuda", lambda: cuda)


def test_a_build_for_cuda_13_needs_the_libraries_of_13_each_behind_those_that_it_needs() -> None:
    names = libraries.needed("13.0")
    assert {"libcublas.so.13", "libcudart.so.13", "libcurand.so.10", "libcufft.so.12", "libcudnn.so.9"} < set(names)
    assert names.index("libcublasLt.so.13") < names.index("libcublas.so.13")


def test_a_build_for_cuda_12_needs_those_of_12() -> None:
    assert {"libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcudnn.so.9"} < set(libraries.needed("12.8"))


def test_packages_in_any_site_directory_are_found(
    loaded: list[str], packaged: Callable[[str, str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built_for("13.0", monkeypatch)
    image = [packaged("image", "cu13", name) for name in libraries.needed("13.0") if name != "libcudnn.so.9"]
    own = packaged("own", "cudnn", "libcudnn.so.9")
    found = libraries.load_cuda()
    assert loaded == [*image, own]
    assert [library.place for library in found] == loaded


def test_a_package_that_does_not_load_leaves_it_to_the_next_one(
    loaded: list[str], packaged: Callable[[str, str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = packaged("first", "cudnn", "libcudnn.so.9"), packaged("second", "cudnn", "libcudnn.so.9")
    monkeypatch.setattr(sys, "path", [str(Path(place).parents[3]) for place in (broken, sound)])
    load = libraries._load

    def picky(name: str) -> None:
        if name == broken:
            raise OSError(f"{name}: file too short")
        load(name)

    monkeypatch.setattr(libraries, "_load", picky)
    assert libraries.look_for("libcudnn.so.9").place == sound


def test_what_the_system_has_is_found_without_packages() -> None:
    assert libraries.look_for("libc.so.6").place == "the system's"


@pytest.mark.usefixtures("loaded")
def test_what_is_missing_is_logged_by_name_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    built_for("13.0", monkeypatch)
    with caplog.at_level(logging.WARNING):
        found = libraries.load_cuda()
    assert [library.name for library in found if library.place is None] == list(libraries.needed("13.0"))
    assert all(name in caplog.text for name in libraries.needed("13.0"))
    assert capfd.readouterr().out == ""


def test_a_build_for_the_cpu_loads_nothing(loaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "build_cuda", lambda: None)
    assert libraries.load_cuda() == ()
    assert not loaded


@pytest.mark.parametrize(
    ("stated", "build"), [({"cuda_version": "13.0"}, "13.0"), ({"cuda_version": ""}, None), ({}, None)]
)
def test_what_a_build_is_for_is_what_it_says_itself(
    stated: dict[str, str], build: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "onnxruntime.capi.build_and_package_info"
    module = types.ModuleType(name)
    vars(module).update(stated)
    monkeypatch.setitem(sys.modules, name, module)
    assert libraries.build_cuda() == build
