"""What doctor says of the driver and of CUDA's libraries, where they fit and where something is missing."""

from __future__ import annotations

import contextlib
import io
import json
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from yivideo_ray.cli import doctor as module
from yivideo_ray.cli.checks import Check, Verdict, cuda
from yivideo_ray.config import Settings
from yivideo_ray.ocr import libraries
from yivideo_ray.ocr.libraries import Library

GPU = ["Some GPU"]
Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes a machine: the CUDA that onnxruntime is built for, what NVML tells, and which libraries are missing."""

    def make(build: str | None = "13.0", serves: int | None = 13000, missing: tuple[str, ...] = ()) -> None:
        told = types.SimpleNamespace(
            nvmlSystemGetDriverVersion=lambda: "580.65.06", nvmlSystemGetCudaDriverVersion_v2=lambda: serves
        )

        @contextlib.contextmanager
        def nvml() -> Iterator[Any]:
            yield None if serves is None else told

        def look_for(name: str) -> Library:
            problem = f"{name}: cannot open shared object file: No such file or directory"
            return Library(name, None, problem) if name in missing else Library(name, f"/packages/{name}")

        monkeypatch.setattr("yivideo_ray.runtime.gpu.device.nvml", nvml)
        monkeypatch.setattr(libraries, "build_cuda", lambda: build)
        monkeypatch.setattr(libraries, "look_for", look_for)

    return make


def rows(device: str = "auto", gpus: list[str] = GPU, engine: str = "onnxruntime") -> list[Check]:
    return list(cuda(Settings.model_validate({"gpu": {"device": device}, "ocr": {"engine": engine}}), gpus))


def test_where_all_fits_each_library_is_named_with_its_place(machine: Machine) -> None:
    machine()
    found = rows()
    assert {check.verdict for check in found} == {Verdict.OK}
    said = " ".join(check.found for check in found)
    for name in (*libraries.DRIVER_LIBRARIES, "libcublas.so.13", "libcudnn.so.9", "libcufft.so.12"):
        assert f"{name} (/packages/{name})" in said
    assert "580.65.06, for CUDA up to 13.0" in said


@pytest.mark.parametrize("name", ["libcuda.so.1", "libcudnn.so.9", "libcublas.so.13", "libcufft.so.12"])
@pytest.mark.parametrize(("device", "verdict"), [("gpu", Verdict.FAILED), ("auto", Verdict.WARNING)])
def test_a_library_that_is_missing_is_a_row_with_its_remedy(
    machine: Machine, name: str, device: str, verdict: Verdict
) -> None:
    machine(missing=(name,))
    (check,) = [check for check in rows(device) if check.verdict is not Verdict.OK]
    assert (check.name, check.verdict) == (name, verdict)
    assert name in check.found
    assert ("driver" if name == "libcuda.so.1" else "./yivideo install --gpu cu13") in check.remedy


@pytest.mark.parametrize("name", ["libnvcuvid.so.1", "libnvidia-ml.so.1"])
def test_a_driver_without_decoding_or_nvml_is_only_warned_about(machine: Machine, name: str) -> None:
    machine(missing=(name,))
    (check,) = [check for check in rows("gpu") if check.verdict is not Verdict.OK]
    assert (check.name, check.verdict) == (name, Verdict.WARNING)
    assert "NVIDIA_DRIVER_CAPABILITIES" in check.remedy


@pytest.mark.parametrize(
    ("build", "serves", "fits"),
    [
        ("13.0", 13000, True),
        ("13.0", 13010, True),
        ("12.8", 13000, True),
        ("12.8", 12020, True),
        ("13.0", 12040, False),
    ],
)
def test_the_driver_is_held_against_the_cuda_of_the_build(
    machine: Machine, build: str, serves: int, fits: bool
) -> None:
    machine(build=build, serves=serves)
    (check,) = [check for check in rows("gpu") if check.name == "driver"]
    assert check.verdict is (Verdict.OK if fits else Verdict.FAILED)
    assert fits or check.remedy == "Install driver 580 or newer, or ./yivideo install --gpu cu12."


def test_a_build_for_the_cpu_beside_a_gpu_is_told_with_the_way_to_another(machine: Machine) -> None:
    machine(build=None)
    (check,) = rows()
    assert (check.name, check.verdict) == ("cuda", Verdict.WARNING)
    assert "./yivideo install --gpu" in check.remedy
    assert rows(gpus=[]) == []


def test_nothing_is_said_of_cuda_where_nothing_is_to_use_it(machine: Machine) -> None:
    machine(missing=libraries.needed("13.0"))
    assert rows("cpu") == rows(engine="scripted") == []
    assert [check.verdict for check in rows(gpus=[])] == [Verdict.OK]


def test_without_nvml_the_driver_cannot_be_judged(machine: Machine) -> None:
    machine(serves=None)
    (check,) = [check for check in rows() if check.name == "driver"]
    assert check.verdict is Verdict.WARNING
    assert "nvidia-ml-py" in check.remedy


def test_json_stays_json_where_libraries_are_missing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    machine(missing=libraries.needed("13.0"))
    settings = Settings()
    monkeypatch.setattr(module, "_gpu_names", lambda: GPU)
    monkeypatch.setattr(module, "examine", module._gpu)
    stream = io.StringIO()
    module.doctor(settings, json=True, stream=stream)
    names = [check["name"] for check in json.loads(stream.getvalue())["checks"]]
    assert set(libraries.needed("13.0")) < set(names)
    assert capfd.readouterr().out == ""
