"""A model on a device: one session for each shape, and what runs beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr import device_model, graphs, onnx
from yivideo_ray.ocr.ctc import CtcDecoder
from yivideo_ray.ocr.device_model import DeviceModel, Normalisation, in_step

PLAIN = Normalisation(1.0, (1.0, 2.0, 3.0), (0.0, 0.0, 0.5))
WAIT_S = 20.0


def model_in(directory: Path, *nodes: bytes, output: list[int | str]) -> Path:
    """Writes a model of x (n, 3, h, w) whose last node gives y."""
    path = directory / "inference.onnx"
    x = graphs.value("x", graphs.FLOAT, ["n", 3, "h", "w"])
    path.write_bytes(graphs.model("test", nodes, [x], [graphs.value("y", graphs.FLOAT, output)]))
    return path


@pytest.fixture
def model(tmp_path: Path) -> DeviceModel:
    """Gives back what it sees."""
    path = model_in(tmp_path, graphs.node("Relu", ["x"], "y"), output=["n", 3, "h", "w"])
    return DeviceModel(path, onnx.CPU, 1, PLAIN)


@pytest.fixture
def path_of_ctc(tmp_path: Path) -> Path:
    """A model that takes a picture's highest grey value in each column for probabilities: 3 steps, w classes."""
    return model_in(tmp_path, graphs.node("ReduceMax", ["x"], "y", axes=(2,), keepdims=0), output=["n", 3, "w"])


@pytest.fixture
def executors() -> Iterator[dict[str, ThreadPoolExecutor]]:
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(2) as behind:
        yield {"ahead": ahead, "behind": behind}


def pictures(count: int, height: int, width: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, height, width), np.uint8)


def test_grey_pictures_reach_the_model_normalised_in_three_channels(model: DeviceModel) -> None:
    given = pictures(2, 4, 6)
    (found,) = model.run(given)
    scale, shift = (np.array(values, np.float32).reshape(3, 1, 1) for values in (PLAIN.scale, PLAIN.shift))
    assert np.array_equal(found, given[:, None].astype(np.float32) * scale + shift)
    assert model.provider == "CPUExecutionProvider"


def test_each_shape_has_one_session_however_shapes_change(model: DeviceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    real = onnx.new_session

    def new_session(*given: Any, **options: Any) -> Any:
        opened.append(options)
        return real(*given, **options)

    monkeypatch.setattr(onnx, "new_session", new_session)
    for _ in range(5):
        for width in (32, 64):
            model.run(pictures(2, 4, width))
    assert opened == [{"one_shape": True}] * 2
    assert model.shapes == [(2, 4, 32), (2, 4, 64)]


def test_the_session_that_was_not_used_longest_goes_first(model: DeviceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_model, "_SESSIONS", 2)
    for width in (1, 2, 1, 3):
        model.run(pictures(1, 4, width))
    assert model.shapes == [(1, 4, 1), (1, 4, 3)]


def test_of_probabilities_only_what_decoding_needs_comes_back(path_of_ctc: Path) -> None:
    decoder = CtcDecoder([*"abcdef", " "])
    given = pictures(2, 5, decoder.classes)
    best, confidence, space = DeviceModel(path_of_ctc, onnx.CPU, 1, PLAIN, decoder).run(given)
    (whole,) = DeviceModel(path_of_ctc, onnx.CPU, 1, PLAIN).run(given)
    assert best.shape == confidence.shape == space.shape == (2, 3)
    assert [decoder.read(*line) for line in zip(best, confidence, space, strict=True)] == decoder(whole)


def test_a_model_whose_classes_are_not_those_of_its_list_is_refused(path_of_ctc: Path) -> None:
    with pytest.raises(ValueError, match="9 classes, its character list 8"):
        DeviceModel(path_of_ctc, onnx.CPU, 1, PLAIN, CtcDecoder([*"abcdef", " "])).run(pictures(1, 5, 9))


def test_a_run_by_something_else_than_the_device_is_an_error(
    model: DeviceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.run(pictures(1, 4, 4))
    (session,) = model._sessions.values()
    monkeypatch.setattr(session, "get_providers", lambda: ["SomeExecutionProvider"])
    assert model.provider == "SomeExecutionProvider"
    with pytest.raises(DeviceError) as raised:
        model.run(pictures(1, 4, 4))
    assert raised.value.code.name == "DEVICE_FAILED"


def test_the_next_batch_is_prepared_and_the_last_one_finished_while_one_runs(
    executors: dict[str, ThreadPoolExecutor],
) -> None:
    third_prepared, first_finished = threading.Event(), threading.Event()

    def prepare(batch: int) -> int:
        if batch == 2:
            third_prepared.set()
        return batch

    def run(batch: int) -> list[int]:
        # The second one ends only when both of its neighbours were worked on beside it.
        if batch == 1:
            assert third_prepared.wait(WAIT_S)
            assert first_finished.wait(WAIT_S)
        return [batch]

    def finish(output: int) -> int:
        if output == 0:
            first_finished.set()
        return output

    assert in_step([0, 1, 2], prepare, run, finish, **executors) == [0, 1, 2]


def test_results_keep_their_order_whichever_is_finished_first(executors: dict[str, ThreadPoolExecutor]) -> None:
    second = threading.Event()

    def finish(output: str) -> str:
        if output == "a":
            assert second.wait(WAIT_S)
        elif output == "b":
            second.set()
        return output.upper()

    assert in_step(["ab", "", "cd"], str, list, finish, **executors) == ["A", "B", "C", "D"]
    assert in_step([], str, list, finish, **executors) == []


def test_outputs_that_wait_to_be_finished_are_few(
    executors: dict[str, ThreadPoolExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_model, "_UNFINISHED", 2)
    run_so_far: list[int] = []
    go_on = threading.Event()

    def run(batch: int) -> list[int]:
        run_so_far.append(batch)
        if batch == 2:
            # From here on the first batch has to be finished before another may run.
            threading.Timer(0.1, go_on.set).start()
        assert batch < 3 or go_on.is_set()
        return [batch]

    def finish(output: int) -> int:
        assert go_on.wait(WAIT_S)
        return output

    assert in_step(list(range(6)), int, run, finish, **executors) == run_so_far == list(range(6))


@pytest.mark.parametrize("where", ["prepare", "run", "finish"])
def test_an_error_of_any_step_reaches_the_caller(where: str, executors: dict[str, ThreadPoolExecutor]) -> None:
    def step(name: str) -> Any:
        def work(batch: int) -> Any:
            if name == where and batch == 1:
                raise MemoryError(name)
            return [batch] if name == "run" else batch

        return work

    with pytest.raises(MemoryError, match=where):
        in_step([0, 1, 2], step("prepare"), step("run"), step("finish"), **executors)
