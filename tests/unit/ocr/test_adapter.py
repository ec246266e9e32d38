"""Where the models run: what a GPU that can't be used leads to, by gpu.device."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr import adapter
from yivideo_ray.ocr.adapter import PaddleOcrEngine
from yivideo_ray.ocr.models import Model

NO_CUDNN = RuntimeError(
    "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Non-zero status code returned while running Conv node. "
    "Status Message: cuDNN is unavailable or disabled"
)
NO_PLAN = EPFail("[ONNXRuntimeError] : 11 : EP_FAIL : Failed to initialize CUDNN Frontend")


class Loaded:
    def __init__(self, *_: Any, gpu: bool | None = None) -> None:
        self.facts = "on the CPU"

    def close(self) -> None:
        pass


@pytest.fixture
def gpu_fails_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has a GPU that is offered fail when the models are loaded there."""

    def fail(error: Exception) -> None:
        def backend(*_: Any) -> None:
            raise error

        for name, made in (("backend", {"Backend": Loaded}), ("device_backend", {"DeviceBackend": backend})):
            module = types.ModuleType(name)
            vars(module).update(made)
            monkeypatch.setitem(sys.modules, f"yivideo_ray.ocr.{name}", module)
        monkeypatch.setattr(adapter, "_gpu_offered", lambda _: True)
        monkeypatch.setattr(PaddleOcrEngine, "_find", lambda *_: Model("model", Path("there")))

    return fail


def engine(device: str) -> PaddleOcrEngine:
    return PaddleOcrEngine(Settings.model_validate({"gpu": {"device": device}}))


@pytest.mark.parametrize(("error", "said"), [(NO_CUDNN, "cuDNN is unavailable"), (NO_PLAN, "Failed to initialize")])
def test_a_gpu_that_is_demanded_and_fails_is_an_error_with_the_cause(
    gpu_fails_with: Any, error: Exception, said: str
) -> None:
    gpu_fails_with(error)
    with pytest.raises(DeviceError, match=said) as raised:
        engine("gpu").load()
    assert raised.value.code.name == "DEVICE_UNAVAILABLE"
    assert raised.value.__cause__ is error


def test_libraries_that_are_missing_come_with_the_way_to_their_names(
    gpu_fails_with: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gpu_fails_with(NO_CUDNN)
    with pytest.raises(DeviceError) as raised:
        engine("gpu").load()
    assert "yivideo doctor" in raised.value.remedy
    assert str(engine("auto").load()) == "on the CPU"
    assert "the CPU runs the models instead" in caplog.text
    assert "yivideo doctor" in caplog.text


def test_a_gpu_that_nobody_wants_is_not_tried(gpu_fails_with: Any, caplog: pytest.LogCaptureFixture) -> None:
    gpu_fails_with(NO_PLAN)
    assert str(engine("cpu").load()) == "on the CPU"
    assert not caplog.records
