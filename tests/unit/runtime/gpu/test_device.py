"""What a process says of its memory and of its GPU's, with NVML in place of a driver."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from tests.support.nvml import Nvml
from yivideo_ray.runtime.gpu.device import gpu_memory, process_memory, take_gpu


@pytest.mark.parametrize(
    ("visible", "name"), [("1,0", "device 1"), ("GPU-8f2a", "device GPU-8f2a"), (None, "device 0")]
)
def test_the_first_visible_gpu_is_told_with_this_process_s_share(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, name: str
) -> None:
    nvml = Nvml([SimpleNamespace(pid=1, usedGpuMemory=5), SimpleNamespace(pid=os.getpid(), usedGpuMemory=2**30)])
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_memory() == {
        "name": name,
        "used_bytes": 3 * 2**30,
        "total_bytes": 80 * 2**30,
        "process_bytes": 2**30,
    }
    assert nvml.open == 0


def test_a_share_that_the_driver_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml([]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = gpu_memory()
    assert found is not None
    assert found["process_bytes"] is None


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_process_that_may_see_no_gpu_has_none(monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml([]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_memory() is None


def test_a_driver_that_fails_is_no_gpu_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml([], broken=True)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_memory() is None
    assert nvml.open == 0


def test_resident_memory_is_this_process_s_own() -> None:
    found = process_memory()
    assert 10 * 2**20 < found["rss_bytes"] <= found["peak_rss_bytes"] * 1.05


def test_a_gpu_that_is_handed_on_is_counted_as_ray_and_nvml_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml([]))
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "")
    take_gpu("1")
    found = gpu_memory()
    assert found is not None
    assert found["name"] == "device 1"
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
