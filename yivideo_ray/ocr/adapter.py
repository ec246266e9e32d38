"""The engine on PaddleOCR's models: its life, its device, and the boundary where foreign errors are translated."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, InternalError, ModelError
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.faults import translate, translated
from yivideo_ray.ocr.hub import fetch
from yivideo_ray.ocr.languages import require_letters
from yivideo_ray.ocr.models import EMBEDDED, Model, Role, characters_in, check_directory, directory_named
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

if TYPE_CHECKING:
    from yivideo_ray.ocr.backend import Backend
    from yivideo_ray.ocr.device_backend import DeviceBackend

__all__ = ["PaddleOcrEngine"]

_log = logging.getLogger(__name__)


class PaddleOcrEngine:
    """PaddleOCR's detection and recognition on onnxruntime or paddle. Light until load()."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend: Backend | DeviceBackend | None = None
        self._closed = False

    def load(self) -> EngineFacts:
        if self._backend is not None or self._closed:
            raise InternalError("The OCR engine can be loaded once only.")
        asked = self._settings.gpu.device
        with translated(), _dependencies():
            offered = asked != "cpu" and _gpu_offered(self._settings.ocr.engine)
            if asked == "gpu" and not offered:
                raise DeviceError(f"gpu.device is gpu, and {self._settings.ocr.engine} finds no GPU it can use.")
            models = self._find(Role.DETECTION), self._find(Role.RECOGNITION)
            if self._settings.ocr.language is not None:
                require_letters(self._settings.ocr, characters_in(models[1]))
            self._backend = self._load(models, offered, asked == "gpu")
        return self._backend.facts

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        backend = self._ready(images)
        with translated():
            return backend.detect(images)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        backend = self._ready(lines)
        with translated():
            return backend.recognize(lines)

    def close(self) -> None:
        self._closed = True
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()

    def _find(self, role: Role) -> Model:
        ocr = self._settings.ocr
        setting = ocr.detection_model if role is Role.DETECTION else ocr.recognition_model
        if setting == EMBEDDED:
            return embedded_model(ocr.engine, role, self._settings.storage.work_dir)
        return check_directory(directory_named(setting) or fetch(setting, role, ocr.engine), ocr.engine)

    def _load(self, models: tuple[Model, Model], gpu: bool, insist: bool) -> Backend | DeviceBackend:
        # Imported here, after the models are found: it takes seconds.
        from yivideo_ray.ocr.backend import Backend

        if gpu:
            try:
                return self._on_gpu(models)
            except Exception as error:
                ours = translate(error)
                if insist:
                    sentence = f"gpu.device is gpu, and no inference works on it: {ours.message}"
                    raise DeviceError(sentence, remedy=ours.remedy) from error
                _log.warning("The GPU can't be used, the CPU runs the models instead: %s %s", ours.message, ours.remedy)
        return Backend(self._settings.ocr, *models, gpu=False)

    def _on_gpu(self, models: tuple[Model, Model]) -> Backend | DeviceBackend:
        if self._settings.ocr.engine == "onnxruntime":
            from yivideo_ray.ocr.device_backend import DeviceBackend

            return DeviceBackend(self._settings.ocr, *models)
        from yivideo_ray.ocr.backend import Backend

        return Backend(self._settings.ocr, *models, gpu=True)

    def _ready(self, images: Sequence[Luma]) -> Backend | DeviceBackend:
        if self._backend is None:
            raise InternalError("The OCR engine is closed." if self._closed else "The OCR engine is not loaded.")
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
                raise InternalError(f"An image must be (H, W) uint8 and not empty, got {image.shape} {image.dtype}.")
        return self._backend


def _gpu_offered(engine: str) -> bool:
    if engine == "onnxruntime":
        from yivideo_ray.ocr import onnx

        return onnx.cuda_offered()
    import paddle

    return bool(paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0)


@contextmanager
def _dependencies() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        text = " ".join(str(error).split())
        if "libGL" in text or "libgthread" in text or "libglib" in text:
            remedy = "Install the system libraries of OpenCV, on Debian: apt-get install libgl1 libglib2.0-0."
        elif error.name in ("paddle", "paddleocr", "paddlex", "onnxruntime", "cv2"):
            remedy = "Install yivideo-ray again; for ocr.engine: paddle with its extra paddle or paddle-gpu."
        else:
            remedy = None
        raise ModelError(
            f"The OCR engine can't be imported: {text}.", code="DEPENDENCY_MISSING", remedy=remedy
        ) from error
