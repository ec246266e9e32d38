"""Sessions have the options that they are to have, never change their device in silence, and print nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr import graphs, libraries, onnx

PICTURE = np.zeros((1, 1, 4, 4), np.uint8)


def normalise(session: Any) -> Any:
    three = np.ones((3, 1, 1), np.float32)
    return session.run(None, {"pixels": PICTURE, "divisor": three[0, 0], "scale": three, "shift": three})


class Opened:
    """Takes the place of onnxruntime's sessions, and reports providers of its own."""

    offered: tuple[str, ...] = ("CUDAExecutionProvider", "CPUExecutionProvider")

    def __init__(self, _: Any, options: Any, **asked: Any) -> None:
        self.options, self.asked = options, asked

    def get_providers(self) -> list[str]:
        return list(self.offered)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> type[Opened]:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Opened)
    monkeypatch.setattr(onnx, "_memory_is_shared", lambda _: True)
    return Opened


class Failing:
    """A session's native part on a device that fails."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __getattr__(self, name: str) -> Any:
        return getattr(self._native, name)

    def run(self, *_: Any) -> Any:
        raise EPFail("[ONNXRuntimeError] : 11 : EP_FAIL : Failed to initialize CUDNN Frontend")


def test_a_session_whose_device_fails_says_so_and_does_not_go_on_with_the_cpu(
    capfd: pytest.CaptureFixture[str],
) -> None:
    session = onnx.new_session(graphs.NORMALISE, 1)
    session._sess = Failing(session._sess)
    for _ in range(2):
        with pytest.raises(EPFail):
            normalise(session)
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("opened")
def test_a_session_on_a_gpu_has_no_fallback_and_no_tf32() -> None:
    session = onnx.new_session(b"", 2, onnx.CUDA, one_shape=True)
    assert session.asked["enable_fallback"] == 0
    (name, options), cpu = session.asked["providers"]
    assert (name, cpu) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["use_tf32"] == "0"


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("one_shape", [True, False])
def test_memory_patterns_are_kept_where_the_shape_stays(one_shape: bool) -> None:
    assert onnx.new_session(b"", 2, onnx.CUDA, one_shape=one_shape).options.enable_mem_pattern is one_shape


def test_a_session_that_onnxruntime_opened_on_the_cpu_instead_is_refused_with_the_way_to_the_reason(
    opened: type[Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "offered", ("CPUExecutionProvider",))
    with pytest.raises(DeviceError) as raised:
        onnx.new_session(b"", 2, onnx.CUDA)
    assert raised.value.code.name == "DEVICE_UNAVAILABLE"
    assert "yivideo doctor" in raised.value.remedy


def test_a_session_that_something_else_runs_by_now_is_a_device_that_failed(
    opened: type[Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = onnx.new_session(b"", 2, onnx.CUDA)
    onnx.require_provider(session, onnx.CUDA)
    monkeypatch.setattr(opened, "offered", ("CPUExecutionProvider",))
    with pytest.raises(DeviceError) as raised:
        onnx.require_provider(session, onnx.CUDA)
    assert raised.value.code.name == "DEVICE_FAILED"


def test_libraries_are_loaded_before_it_is_asked_whether_cuda_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def providers() -> list[str]:
        order.append("ask")
        return ["CUDAExecutionProvider"]

    monkeypatch.setattr(libraries, "load_cuda", lambda: order.append("load"))
    monkeypatch.setattr(onnxruntime, "get_available_providers", providers)
    assert onnx.cuda_offered()
    assert order == ["load", "ask"]


def test_sessions_of_one_shape_share_a_devices_memory() -> None:
    onnx._memory_is_shared.cache_clear()
    session = onnx.new_session(graphs.NORMALISE, 1, one_shape=True)
    assert session.get_session_options().get_session_config_entry("session.use_env_allocators") == "1"
    assert normalise(session)[0].shape == (1, 3, 4, 4)


def test_where_memory_cannot_be_shared_each_session_has_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("no such allocator")

    monkeypatch.setattr(onnxruntime, "create_and_register_allocator_v2", refuse)
    onnx._memory_is_shared.cache_clear()
    assert normalise(onnx.new_session(graphs.NORMALISE, 1, one_shape=True))[0].shape == (1, 3, 4, 4)
    assert "no such allocator" in caplog.text
    onnx._memory_is_shared.cache_clear()
