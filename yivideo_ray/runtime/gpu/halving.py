"""An engine that asks for less at a time when its device runs out of memory. No Ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["HALVINGS", "HalvingEngine"]

HALVINGS = 2
# More detection pictures than that in one inference no engine takes.
DETECTION_BATCH = 4

Result = TypeVar("Result")


class HalvingEngine:
    """Follows the engine contract. A call that ends with DEVICE_OUT_OF_MEMORY is made again in place, in parts of half
    the batch, and once more of a quarter; only then does it fail. The next call begins with the whole batch again.

    halved: how often a call was made again so.
    """

    def __init__(self, engine: OcrEngine, batch_size: int) -> None:
        self.halved = 0
        self._engine = engine
        self._batch_size = batch_size

    def load(self) -> EngineFacts:
        return self._engine.load()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        return self._in_parts(self._engine.detect, images, DETECTION_BATCH)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        return self._in_parts(self._engine.recognize, lines, self._batch_size)

    def close(self) -> None:
        self._engine.close()

    def _in_parts(
        self, call: Callable[[Sequence[Luma]], list[Result]], images: Sequence[Luma], batch_size: int
    ) -> list[Result]:
        # The engine cuts what it gets into batches of its own size: parts no larger than that make them smaller.
        size = max(1, len(images))
        for halving in range(HALVINGS + 1):
            try:
                return [
                    result for start in range(0, len(images), size) for result in call(images[start : start + size])
                ]
            except DeviceError as error:
                if error.code.name != "DEVICE_OUT_OF_MEMORY" or halving == HALVINGS:
                    raise
            self.halved += 1
            size = max(1, min(len(images), batch_size) >> (halving + 1))
        raise AssertionError("the last attempt returns or raises")
