"""The loaded models behind PaddleOCR's TextDetection and TextRecognition, on paddle or on onnxruntime's CPU provider.

On a GPU onnxruntime's models run in `device_backend`. Importing either takes seconds; `adapter` does so when an engine
is loaded, and translates the errors that arise here. Nothing else imports paddleocr.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Literal, cast

import numpy as np
import yaml
from numpy.typing import NDArray
from paddleocr import TextDetection, TextRecognition
from paddlex.inference.models.runners.onnxruntime_runner import ONNXRuntimeRunner

from yivideo_ray.config import OcrSettings
from yivideo_ray.cores import available_cores
from yivideo_ray.geometry import Box
from yivideo_ray.ocr import shapes
from yivideo_ray.ocr.ctc import CtcDecoder, within
from yivideo_ray.ocr.models import Model
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["Backend", "alphabet_of", "open_predictor", "text_boxes", "versions_of"]

EngineName = Literal["onnxruntime", "paddle"]

_DETECTION_BATCH = 4
# On a CPU a larger batch is no faster, and takes memory in proportion.
_CPU_DETECTION_PX = 960 * 544
_CPU_LINES_PX = 4 * 640
# Pictures that onnxruntime works on side by side: threads that share one picture wait for each other at every layer.
_CPU_LANES = 4


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
        """gpu: on the first GPU, which paddle alone does here."""
        self._engine = cast(EngineName, settings.engine)
        self._threads = settings.threads or available_cores()
        self._batch_size = settings.batch_size
        self._gpu = gpu
        self._lanes = ThreadPoolExecutor(self._lane_count, thread_name_prefix="picture")
        self._detector = self._open(TextDetection, detection)
        self._recognizer = self._open(TextRecognition, recognition)
        predictor = self._recognizer.paddlex_predictor
        predictor.post_op = _ReadingsPostprocess(alphabet_of(predictor))
        self.facts = EngineFacts(
            engine=self._engine,
            device="gpu:0" if gpu else "cpu",
            provider=self._provider(),
            detection_model=detection.name,
            recognition_model=recognition.name,
            versions=versions_of(self._engine),
        )
        self._warm_up()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        fitted = [shapes.fit_image(image) for image in images]

        def find(size: tuple[int, int], members: Sequence[int]) -> Any:
            canvases = [fitted[index].colour for index in members]
            return self._detector.predict(
                canvases, batch_size=len(canvases), limit_side_len=max(size), limit_type="max"
            )

        def most(width: int, height: int) -> int:
            return _DETECTION_BATCH if self._gpu else max(1, _CPU_DETECTION_PX // (width * height))

        results = self._in_batches([image.size for image in fitted], most, find)
        return [
            text_boxes(result["dt_polys"], result["dt_scores"], image)
            for result, image in zip(results, fitted, strict=True)
        ]

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        fitted = [shapes.fit_line(line) for line in lines]

        def read(_: tuple[int, int], members: Sequence[int]) -> Any:
            canvases = [fitted[index].colour for index in members]
            return self._recognizer.predict(canvases, batch_size=len(canvases))

        def most(width: int, _: int) -> int:
            return self._batch_size if self._gpu else min(self._batch_size, max(1, _CPU_LINES_PX // width))

        results = self._in_batches([line.size for line in fitted], most, read)
        return [within(result["rec_text"], line.share) for result, line in zip(results, fitted, strict=True)]

    def close(self) -> None:
        for model in (self._detector, self._recognizer):
            model.close()
            model.paddlex_predictor.runner = None
        del self._detector, self._recognizer
        self._lanes.shutdown()
        gc.collect()

    @property
    def _side_by_side(self) -> bool:
        return self._engine == "onnxruntime"

    @property
    def _lane_count(self) -> int:
        return min(self._threads, _CPU_LANES) if self._side_by_side else 1

    def _in_batches(
        self,
        sizes: Sequence[tuple[int, int]],
        most: Callable[[int, int], int],
        run: Callable[[tuple[int, int], Sequence[int]], Any],
    ) -> list[Any]:
        """Returns run's results for all, in order. A batch holds pictures of one size, at most `most` of them."""
        batches = shapes.batches(sizes, lambda size: 1 if self._side_by_side else most(*size))
        # The largest first: none of them is left alone at the end.
        batches.sort(key=lambda batch: -batch[0][0] * batch[0][1])
        results: list[Any] = [None] * len(sizes)
        # Alone, they run in the caller's thread.
        each = self._lanes.map if self._lane_count > 1 else map
        for (_, members), found in zip(batches, each(lambda batch: run(*batch), batches), strict=True):
            for index, result in zip(members, found, strict=True):
                results[index] = result
        return results

    def _open(self, kind: Any, model: Model) -> Any:
        if self._engine == "onnxruntime":
            from yivideo_ray.ocr import onnx

            # Each lane brings a thread of its own.
            threads = self._threads - self._lane_count + 1
            return open_predictor(kind, model, session=onnx.new_session(model.directory / "inference.onnx", threads))
        device = "gpu:0" if self._gpu else "cpu"
        return open_predictor(kind, model, device=device, config={"cpu_threads": self._threads})

    def _provider(self) -> str:
        runner = self._recognizer.paddlex_predictor.runner
        if self._engine == "onnxruntime":
            return str(runner.session.get_providers()[0])
        return f"paddle_static/{'gpu' if self._gpu else runner._config.get('run_mode', 'cpu')}"

    def _warm_up(self) -> None:
        self.detect([np.zeros((64, 320), np.uint8)])
        self.recognize([np.zeros((48, 320), np.uint8)])


def open_predictor(
    kind: Any, model: Model, *, session: Any = None, device: str = "cpu", config: dict[str, Any] | None = None
) -> Any:
    """Returns PaddleOCR's model of a kind. It runs a session of onnxruntime; without one, paddle on a device."""
    engine = "paddle_static" if session is None else "onnxruntime"
    with _libyaml(), _given(session):
        return kind(
            model_name=model.name,
            model_dir=str(model.directory),
            device=device,
            engine=engine,
            engine_config=config or {},
        )


def alphabet_of(predictor: Any) -> list[str]:
    """Returns the characters of a recognition model's classes, but for the blank; PaddleOCR appends the space too."""
    return [*predictor.config["PostProcess"]["character_dict"], " "]


@contextmanager
def _given(session: Any) -> Iterator[None]:
    """Has PaddleX take a session in place of one that it would open with options of its own."""
    runner: Any = ONNXRuntimeRunner
    own = runner._create_session
    if session is not None:
        runner._create_session = lambda _: session
    try:
        yield
    finally:
        runner._create_session = own


@contextmanager
def _libyaml() -> Iterator[None]:
    """Has PaddleX, which asks for PyYAML's own loader, parse with libyaml: 18,000 characters take 0.1 s, not 0.6."""
    module: Any = yaml
    own = module.FullLoader
    module.FullLoader = getattr(yaml, "CFullLoader", own)
    try:
        yield
    finally:
        module.FullLoader = own


def text_boxes(polygons: Any, scores: Any, image: shapes.Fitted) -> tuple[TextBox, ...]:
    """Returns the boxes in an image of what PaddleOCR found on its canvas, from top to bottom."""
    boxes = []
    for polygon, score in zip(polygons, scores, strict=True):
        (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
        box: Box = image.to_original(float(x0), float(y0), float(x1), float(y1))
        if box.area:
            boxes.append(TextBox(box, float(score)))
    return tuple(sorted(boxes, key=lambda found: (found.box.y0, found.box.x0)))


def versions_of(engine: EngineName) -> tuple[tuple[str, str], ...]:
    """Returns the packages that run an engine's models, with their versions."""
    names = ["paddleocr", "paddlex"]
    names += ["onnxruntime", "onnxruntime-gpu"] if engine == "onnxruntime" else ["paddlepaddle", "paddlepaddle-gpu"]
    versions = []
    for name in names:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(versions)
