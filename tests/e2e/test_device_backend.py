"""The way of a GPU with the real models, on the CPU provider: it must find and read what the CPU's own way does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.e2e.test_engine_contract import TEXTS, on_page, written
from yivideo_ray.config import OcrSettings
from yivideo_ray.ocr import device_backend, onnx, shapes
from yivideo_ray.ocr.backend import Backend
from yivideo_ray.ocr.device_backend import DeviceBackend
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.models import Model, Role
from yivideo_ray.types import Luma

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LINES = [written(text, height_px) for text in (*TEXTS, "No.", "Nobody knows " * 4) for height_px in (36, 64)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    work = tmp_path_factory.mktemp("work")
    return embedded_model("onnxruntime", Role.DETECTION, work), embedded_model("onnxruntime", Role.RECOGNITION, work)


@pytest.fixture(scope="module")
def on_cpu(models: tuple[Model, Model]) -> Iterator[Backend]:
    backend = Backend(OcrSettings(threads=1), *models, gpu=False)
    yield backend
    backend.close()


def opened(models: tuple[Model, Model], batch_size: int) -> DeviceBackend:
    # The plans that a warm-up makes in time are of no use here.
    return DeviceBackend(OcrSettings(threads=1, batch_size=batch_size), *models, onnx.CPU, warm_up_s=0.0)


def pages() -> list[Luma]:
    return [on_page(LINES[start : start + 3], height=height)[0] for start, height in ((0, 384), (3, 384), (6, 500))]


def test_in_the_same_shapes_it_finds_and_reads_the_same_to_the_last_bit(
    models: tuple[Model, Model], on_cpu: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "FEW_LINE_WIDTHS", shapes.LINE_WIDTHS)
    monkeypatch.setattr(device_backend, "_DETECTION_BATCH", 1)
    backend = opened(models, batch_size=1)
    assert backend.recognize(LINES) == on_cpu.recognize(LINES)
    found = backend.detect(pages())
    assert found == on_cpu.detect(pages())
    assert all(found)
    backend.close()


def test_in_full_batches_of_few_shapes_texts_are_the_same_and_confidences_near(
    models: tuple[Model, Model], on_cpu: Backend
) -> None:
    backend = opened(models, batch_size=3)
    found, expected = backend.recognize(LINES), on_cpu.recognize(LINES)
    assert [reading.text for reading in found] == [reading.text for reading in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=0.02)
    for boxes, others in zip(backend.detect(pages()), on_cpu.detect(pages()), strict=True):
        assert [found.box for found in boxes] == [found.box for found in others]
    backend.close()


def test_any_number_of_lines_runs_in_the_few_shapes_and_what_fills_a_batch_is_dropped(
    models: tuple[Model, Model],
) -> None:
    backend = opened(models, batch_size=4)
    rng = np.random.default_rng(0)
    for count in (3, 5, 9):
        lines: list[Any] = [np.full((40, int(width)), 90, np.uint8) for width in rng.integers(20, 900, count)]
        assert len(backend.recognize(lines)) == count
        assert len(backend.detect(lines)) == count
    assert {count for count, _, _ in backend._recognizer.shapes} == {4}
    assert {width for _, _, width in backend._recognizer.shapes} <= set(shapes.FEW_LINE_WIDTHS)
    assert {count for count, _, _ in backend._detector.shapes} == {device_backend._DETECTION_BATCH}
    assert backend.recognize([]) == []
    assert backend.detect([]) == []
    backend.close()


def test_what_is_asked_again_with_less_for_want_of_memory_runs_in_smaller_batches(models: tuple[Model, Model]) -> None:
    backend = opened(models, batch_size=4)
    for count in (2, 1):
        backend.recognize([LINES[0]] * count)
        assert backend._recognizer.shapes[-1][0] == count
    backend.close()


def test_it_says_what_the_live_session_runs_on(models: tuple[Model, Model]) -> None:
    backend = opened(models, batch_size=1)
    assert (backend.facts.device, backend.facts.provider) == ("cpu", "CPUExecutionProvider")
    assert (backend.facts.detection_model, backend.facts.recognition_model) == tuple(model.name for model in models)
    backend.close()


def test_on_a_cpu_each_model_is_opened_once(models: tuple[Model, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = onnxruntime.InferenceSession

    def session(model: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(str(model))
        return real(model, *args, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    Backend(OcrSettings(threads=1), *models, gpu=False).close()
    assert opened == [str(model.directory / "inference.onnx") for model in models]
