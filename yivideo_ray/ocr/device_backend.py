"""The models of onnxruntime on a GPU: full batches of few shapes, prepared and finished beside the run.

PaddleOCR's predictors give their configuration and find boxes in what the device gives; `ctc` reads lines.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from paddleocr import TextDetection, TextRecognition

from yivideo_ray.config import OcrSettings
from yivideo_ray.cores import available_cores
from yivideo_ray.ocr import graphs, onnx, shapes
from yivideo_ray.ocr.backend import alphabet_of, open_predictor, text_boxes, versions_of
from yivideo_ray.ocr.ctc import CtcDecoder, within
from yivideo_ray.ocr.device_model import DeviceModel, Normalisation, in_step
from yivideo_ray.ocr.models import Model
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["DeviceBackend"]

Result = TypeVar("Result")

_DETECTION_BATCH = 4
# Finding boxes in what the device gives takes a thread longer than the device took.
_FINISHERS = 8
# Making plans must not keep an actor from its first call.
WARM_UP_S = 30.0
# Of sheets and of frames in which text is looked for, the sizes of nearly all in videos of many kinds.
_WARM_CANVASES = ((640, 384), (640, 544), (640, 736), (960, 128), (960, 736))
# What PaddleOCR makes of a line's grey values: from -1 to 1.
_LINES = Normalisation(255.0, (2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Result]):
    """How pictures of a kind are fitted into canvases, how many are run at a time, and what becomes of the output."""

    canvas: Callable[[Luma], tuple[int, int]]
    fit: Callable[[Luma], shapes.Fitted]
    batch: int
    padding: int
    run: Callable[[NDArray[np.uint8]], Sequence[Any]]
    finish: Callable[[shapes.Fitted, Any], Result]


class DeviceBackend:
    """Both models on one device, ready to run. Loads them when it is made."""

    def __init__(
        self,
        settings: OcrSettings,
        detection: Model,
        recognition: Model,
        device: onnx.Device = onnx.CUDA,
        *,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        """warm_up_s: how long shapes are run in advance, beyond the first ones; others when they are first needed.

        Errors: DeviceError DEVICE_UNAVAILABLE if the models don't run on the device.
        """
        threads = settings.threads or available_cores()
        # They are asked for their configuration and for boxes, and run no model: any session will do.
        unused = onnx.new_session(graphs.NORMALISE, 1)
        detecting = open_predictor(TextDetection, detection, session=unused).paddlex_predictor
        recognizing = open_predictor(TextRecognition, recognition, session=unused).paddlex_predictor
        channels = detecting.pre_tfs["Normalize"]
        grey = Normalisation(1.0, tuple(channels.alpha), tuple(channels.beta))
        self._boxes = detecting.post_op
        self._detector = DeviceModel(detection.directory / "inference.onnx", device, threads, grey)
        self._decoder = CtcDecoder(alphabet_of(recognizing))
        self._recognizer = DeviceModel(recognition.directory / "inference.onnx", device, threads, _LINES, self._decoder)
        self._pictures = _Kind(shapes.image_canvas, shapes.fit_image, _DETECTION_BATCH, 0, self._detect, self._boxes_in)
        widths = shapes.FEW_LINE_WIDTHS
        self._lines = _Kind(
            partial(shapes.line_canvas, widths=widths),
            partial(shapes.fit_line, widths=widths),
            settings.batch_size,
            shapes.LINE_PADDING,
            self._recognize,
            self._reading_of,
        )
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._behind = ThreadPoolExecutor(min(_FINISHERS, threads), thread_name_prefix="finish")
        self._warm_up(warm_up_s)
        self.facts = EngineFacts(
            engine="onnxruntime",
            device=device.named,
            provider=self._recognizer.provider,
            detection_model=detection.name,
            recognition_model=recognition.name,
            versions=versions_of("onnxruntime"),
        )

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        return self._each(images, self._pictures)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        return self._each(lines, self._lines)

    def close(self) -> None:
        self._ahead.shutdown()
        self._behind.shutdown()
        self._detector.close()
        self._recognizer.close()
        gc.collect()

    def _each(self, pictures: Sequence[Luma], kind: _Kind[Result]) -> list[Result]:
        """Returns what comes of each picture, in order."""
        count = shapes.full_batch(len(pictures), kind.batch)
        batches = shapes.batches((kind.canvas(picture) for picture in pictures), lambda _: count)

        def prepare(batch: tuple[tuple[int, int], list[int]]) -> tuple[list[shapes.Fitted], NDArray[np.uint8]]:
            (width, height), members = batch
            fitted = [kind.fit(pictures[index]) for index in members]
            # Full with blank pictures: another number of them would be another shape.
            canvases = np.full((count, height, width), kind.padding, np.uint8)
            for place, picture in enumerate(fitted):
                canvases[place] = picture.canvas
            return fitted, canvases

        def run(prepared: tuple[list[shapes.Fitted], NDArray[np.uint8]]) -> list[tuple[shapes.Fitted, Any]]:
            fitted, canvases = prepared
            # Of the blank ones nothing is kept.
            return list(zip(fitted, kind.run(canvases), strict=False))

        def finish(output: tuple[shapes.Fitted, Any]) -> Result:
            return kind.finish(*output)

        found = in_step(batches, prepare, run, finish, ahead=self._ahead, behind=self._behind)
        results = dict(zip((index for _, members in batches for index in members), found, strict=True))
        return [results[index] for index in range(len(pictures))]

    def _detect(self, canvases: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        (probabilities,) = self._detector.run(canvases)
        return list(probabilities)

    def _boxes_in(self, image: shapes.Fitted, probabilities: NDArray[np.float32]) -> tuple[TextBox, ...]:
        height, width = image.canvas.shape
        polygons, scores = self._boxes([probabilities[None]], [np.array([height, width, 1.0, 1.0])])
        return text_boxes(polygons[0], scores[0], image)

    def _recognize(self, canvases: NDArray[np.uint8]) -> list[tuple[NDArray[Any], ...]]:
        return list(zip(*self._recognizer.run(canvases), strict=True))

    def _reading_of(self, line: shapes.Fitted, steps: tuple[NDArray[Any], ...]) -> Reading:
        return within(self._decoder.read(*steps), line.share)

    def _warm_up(self, seconds: float) -> None:
        """Runs a blank batch of each shape, the models' first ones whatever they take."""
        end = time.monotonic() + seconds
        lines = [(width, shapes.LINE_HEIGHT_PX) for width in shapes.FEW_LINE_WIDTHS]
        for call, batch, sizes in (
            (self.recognize, self._lines.batch, lines),
            (self.detect, self._pictures.batch, _WARM_CANVASES),
        ):
            for width, height in sizes:
                call([np.zeros((height, width), np.uint8)] * batch)
                if time.monotonic() > end:
                    break
