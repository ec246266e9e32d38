"""The loaded models behind PaddleOCR's TextDetection and TextRecognition: the only importer of paddleocr and paddle.

Importing this takes seconds; `adapter` does so when an engine is loaded, and translates the errors that arise here.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from paddleocr import TextDetection, TextRecognition

from yivideo_ray.config import OcrSettings
from yivideo_ray.geometry import Box
from yivideo_ray.ocr import shapes
from yivideo_ray.ocr.ctc import CtcDecoder, within
from yivideo_ray.ocr.models import Model
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["Backend"]

EngineName = Literal["onnxruntime", "paddle"]

_DETECTION_BATCH = 4
# On a CPU a larger batch is no faster, and takes memory in proportion.
_CPU_DETECTION_PX = 960 * 544
_CPU_LINES_PX = 4 * 640
_PADDLEOCR_ENGINE = {"onnxruntime": "onnxruntime", "paddle": "paddle_static"}


class _ReadingsPostprocess:
    """Takes the place of PaddleOCR's CTC decoding in its recognition predictor, and returns readings for texts."""

    def __init__(self, characters: Sequence[str]) -> None:
        self._decode = CtcDecoder(characters)

    def __call__(self, predictions: Sequence[NDArray[np.float32]], **_: object) -> tuple[list[Reading], list[float]]:
        readings = self._decode(predictions[0])
        return readings, [reading.confidence for reading in readings]


class Backend:
    """Both models on one device, ready to run. Loads them when it is made."""

    def __init__(self, settings: OcrSettings, detection: Model, recognition: Model, *, gpu: bool) -> None:
        """Errors: DeviceError DEVICE_UNAVAILABLE if gpu is asked for and the models don't run there."""
        self._engine = cast(EngineName, settings.engine)
        self._threads = settings.threads or available_cores()
        self._batch_size = settings.batch_size
        self._gpu = gpu
        self._detector = self._open(TextDetection, detection)
        self._recognizer = self._open(TextRecognition, recognition)
        predictor = self._recognizer.paddlex_predictor
        # PaddleOCR appends the space to the model's list as well.
        predictor.post_op = _ReadingsPostprocess([*predictor.config["PostProcess"]["character_dict"], " "])
        self.facts = EngineFacts(
            engine=self._engine,
            device="gpu:0" if gpu else "cpu",
            provider=self._provider(),
            detection_model=detection.name,
            recognition_model=recognition.name,
            versions=_versions(self._engine),
        )
        self._warm_up()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        fitted = [shapes.fit_image(image) for image in images]
        found: list[tuple[TextBox, ...]] = [()] * len(images)
        for (width, height), members in shapes.groups(image.size for image in fitted):
            results = self._detector.predict(
                [fitted[index].canvas for index in members],
                batch_size=_DETECTION_BATCH if self._gpu else max(1, _CPU_DETECTION_PX // (width * height)),
                limit_side_len=max(width, height),
                limit_type="max",
            )
            for index, result in zip(members, results, strict=True):
                found[index] = _text_boxes(result, fitted[index])
        return found

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        fitted = [shapes.fit_line(line) for line in lines]
        readings: list[Reading] = [Reading("", 0.0)] * len(lines)
        for (width, _), members in shapes.groups(line.size for line in fitted):
            limit = self._batch_size if self._gpu else min(self._batch_size, max(1, _CPU_LINES_PX // width))
            results = self._recognizer.predict([fitted[index].canvas for index in members], batch_size=limit)
            for index, result in zip(members, results, strict=True):
                readings[index] = within(result["rec_text"], fitted[index].share)
        return readings

    def close(self) -> None:
        for model in (self._detector, self._recognizer):
            model.close()
            model.paddlex_predictor.runner = None
        del self._detector, self._recognizer
        gc.collect()

    def _open(self, kind: Any, model: Model) -> Any:
        config: dict[str, Any]
        if self._engine == "onnxruntime":
            from yivideo_ray.ocr import onnx

            device, config = "cpu", onnx.FIRST_SESSION
        else:
            device, config = "gpu:0" if self._gpu else "cpu", {"cpu_threads": self._threads}
        opened = kind(
            model_name=model.name,
            model_dir=str(model.directory),
            device=device,
            engine=_PADDLEOCR_ENGINE[self._engine],
            engine_config=config,
        )
        if self._engine == "onnxruntime":
            opened.paddlex_predictor.runner.session = onnx.new_session(
                model.directory / "inference.onnx", self._threads, gpu=self._gpu
            )
        return opened

    def _provider(self) -> str:
        runner = self._recognizer.paddlex_predictor.runner
        if self._engine == "onnxruntime":
            return str(runner.session.get_providers()[0])
        return f"paddle_static/{'gpu' if self._gpu else runner._config.get('run_mode', 'cpu')}"

    def _warm_up(self) -> None:
        self.detect([np.zeros((64, 320), np.uint8)])
        self.recognize([np.zeros((48, 320), np.uint8)])


def available_cores() -> int:
    """Returns how many cores this process may use: its affinity, and no more than its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)


def _text_boxes(result: Any, image: shapes.Fitted) -> tuple[TextBox, ...]:
    boxes = []
    for polygon, score in zip(result["dt_polys"], result["dt_scores"], strict=True):
        (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
        box: Box = image.to_original(float(x0), float(y0), float(x1), float(y1))
        if box.area:
            boxes.append(TextBox(box, float(score)))
    return tuple(sorted(boxes, key=lambda found: (found.box.y0, found.box.x0)))


def _versions(engine: EngineName) -> tuple[tuple[str, str], ...]:
    names = ["paddleocr", "paddlex"]
    names += ["onnxruntime", "onnxruntime-gpu"] if engine == "onnxruntime" else ["paddlepaddle", "paddlepaddle-gpu"]
    versions = []
    for name in names:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(versions)
