"""On which device an engine starts, first and after a restart, and what is said of a GPU that was lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ledgers import Cluster
from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, ModelError
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.runtime.gpu.lane import is_fatal
from yivideo_ray.runtime.gpu.ledger import STARTS_ALLOWED
from yivideo_ray.runtime.gpu.loading import load_engine
from yivideo_ray.types import EngineFacts


class Machine:
    """A machine whose GPU is there or not. devices: what engines were asked for."""

    def __init__(self, gpu: bool = True) -> None:
        self.gpu = gpu
        self.devices: list[str] = []

    def create(self, settings: Settings) -> OcrEngine:
        self.devices.append(settings.gpu.device)
        return _Engine(self, settings.gpu.device)


class _Engine:
    def __init__(self, machine: Machine, device: str) -> None:
        self._machine = machine
        self._device = device

    def load(self) -> EngineFacts:
        if self._device == "gpu" and not self._machine.gpu:
            raise DeviceError("no inference works on it: Xid 79")
        device = "gpu:0" if self._machine.gpu and self._device != "cpu" else "cpu"
        return EngineFacts("e", device, "CUDA" if device != "cpu" else "CPU", "d", "r")

    def detect(self, images: Any) -> list[Any]:
        return []

    def recognize(self, lines: Any) -> list[Any]:
        return []

    def close(self) -> None: ...


def settings(**gpu: Any) -> Settings:
    return Settings.model_validate({"gpu": gpu})


def loaded(machine: Machine, cluster: Cluster, **gpu: Any) -> str:
    return load_engine(settings(**gpu), cluster.process(fresh=not machine.devices), machine.create)[1].device


def test_auto_takes_what_is_there_at_first() -> None:
    assert loaded(Machine(gpu=True), Cluster()) == "gpu:0"
    assert loaded(Machine(gpu=False), Cluster()) == "cpu"


def test_a_gpu_that_is_lost_on_the_way_is_an_error_and_no_slow_cpu() -> None:
    machine, cluster = Machine(), Cluster()
    assert loaded(machine, cluster) == "gpu:0"
    machine.gpu = False
    for _ in range(STARTS_ALLOWED):
        with pytest.raises(DeviceError, match=r"can't be used any more.*Xid 79") as caught:
            loaded(machine, cluster)
        assert caught.value.code.name == "DEVICE_FAILED"
        assert "gpu.fallback" in caught.value.remedy
        # So the process is replaced, and the call tried again: the next process may have the GPU.
        assert is_fatal(caught.value)
    with pytest.raises(DeviceError, match="Xid 79") as caught:
        loaded(machine, cluster)
    assert caught.value.code.name == "ENGINE_NOT_STARTING"


def test_a_gpu_that_comes_back_is_used_again() -> None:
    machine, cluster = Machine(), Cluster()
    loaded(machine, cluster)
    machine.gpu = False
    with pytest.raises(DeviceError):
        loaded(machine, cluster)
    machine.gpu = True
    assert loaded(machine, cluster) == "gpu:0"


@pytest.mark.parametrize("first", [True, False])
def test_the_cpu_goes_on_where_the_settings_let_it_or_no_gpu_ever_was(first: bool) -> None:
    machine, cluster = Machine(gpu=first), Cluster()
    fallback = "cpu" if first else "none"
    loaded(machine, cluster, fallback=fallback)
    machine.gpu = False
    assert loaded(machine, cluster, fallback=fallback) == "cpu"
    assert machine.devices == ["auto", "auto"]


def test_models_that_are_missing_are_no_lost_gpu() -> None:
    machine, cluster = Machine(), Cluster()
    loaded(machine, cluster)

    def create(_: Settings) -> OcrEngine:
        raise ModelError("no such model")

    ledger = cluster.process()
    with pytest.raises(ModelError):
        load_engine(settings(), ledger, create)
    assert ledger.failed_starts == 1
