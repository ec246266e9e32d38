"""The engine on PaddleOCR's models: its life, its device, and the boundary where foreign errors are translated."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from yivideo_ray.config import Settings
from yivideo_ray.errors import DeviceError, InternalError, ModelError, YivideoError
from yivideo_ray.ocr.embedded import embedded_model
from yivideo_ray.ocr.hub import fetch
from yivideo_ray.ocr.languages import require_letters
from yivideo_ray.ocr.models import EMBEDDED, Model, Role, characters_in, check_directory, directory_named
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

if TYPE_CHECKING:
    from yivideo_ray.ocr.backend import Backend

__all__ = ["PaddleOcrEngine", "translate", "translated"]

_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate memory|available memory of \d+ is smaller than requested"
    r"|resource ?exhausted|bad_alloc|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|_ALLOC_FAILED",
    re.IGNORECASE,
)
# After these a CUDA context is unusable for ever ("sticky"), or may be: only a fresh process is safe.
_DEVICE_FAILED = re.compile(
    r"illegal (memory access|address|instruction)|CUDNN_STATUS_|CUBLAS_STATUS_|CUDNN failure|CUBLAS failure"
    r"|CUDA (failure|error) ?\(?\d+|cudaError|unspecified launch failure|device-side assert|uncorrectable ECC"
    r"|misaligned address|GPU is lost|driver shutting down",
    re.IGNORECASE,
)


def translate(error: BaseException) -> YivideoError:
    """Returns the error of ours that stands for a foreign one: out of memory, device failed, or internal."""
    if isinstance(error, YivideoError):
        return error
    text = " ".join(str(error).split())
    sentence = f"{type(error).__name__}: {text[:500]}"
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return DeviceError(f"The device has no memory left for this call ({sentence}).", code="DEVICE_OUT_OF_MEMORY")
    if _DEVICE_FAILED.search(text):
        return DeviceError(f"The device failed ({sentence}).", code="DEVICE_FAILED")
    return InternalError(f"The OCR engine failed ({sentence}).")


@contextmanager
def translated() -> Iterator[None]:
    """Raises foreign errors of its block as errors of ours, with the original as cause."""
    try:
        yield
    except YivideoError:
        raise
    except Exception as error:
        raise translate(error) from error


_log = logging.getLogger(__name__)


class PaddleOcrEngine:
    """PaddleOCR's detection and recognition on onnxruntime or paddle. Light until load()."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._backend: Backend | None = None
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

    def _load(self, models: tuple[Model, Model], gpu: bool, insist: bool) -> Backend:
        # Imported here, after the models are found: it takes seconds.
        from yivideo_ray.ocr.backend import Backend

        if gpu:
            try:
                return Backend(self._settings.ocr, *models, gpu=True)
            except Exception as error:
                if insist:
                    raise DeviceError(f"gpu.device is gpu, and no inference works on it: {error}") from error
                _log.warning("The GPU can't be used, the CPU runs the models instead: %s", error)
        return Backend(self._settings.ocr, *models, gpu=False)

    def _ready(self, images: Sequence[Luma]) -> Backend:
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
