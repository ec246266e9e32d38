"""Request batching: calls to the engine that have their turn together are made as one, and one that is too large for
the device's memory is made in parts. No Ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

from yivideo_ray.config import GpuSettings
from yivideo_ray.errors import DeviceError
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.runtime.gpu.calls import Method
from yivideo_ray.runtime.gpu.lane import is_fatal
from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["HALVINGS", "HalvingEngine", "ask", "calls_together"]

# Calls that a GPU serves as one where the settings leave it to us.
CALLS_TOGETHER = 4


def calls_together(settings: GpuSettings, facts: EngineFacts) -> int:
    """Returns how many calls to the engine are served as one at most."""
    if settings.calls_together != "auto":
        return settings.calls_together
    return CALLS_TOGETHER if facts.device.startswith("gpu") else 1


def ask(engine: OcrEngine, method: Method, asked: Sequence[Sequence[Luma]]) -> list[Any]:
    """Returns the engine's answers to the images of each call.

    Errors: those of the only call; of several, whichever means that the device is lost. Another one takes its call's
    place among the answers, as an exception.
    """
    call: Callable[[Sequence[Luma]], list[Any]] = engine.detect if method == "detect" else engine.recognize
    if len(asked) == 1:
        return [call(asked[0])]
    try:
        answers = iter(call([image for images in asked for image in images]))
    except Exception as error:
        if is_fatal(error):
            raise
    else:
        return [list(islice(answers, len(images))) for images in asked]
    # The engine refused something of one of them: each alone, so that no other has to do with it.
    found: list[Any] = []
    for images in asked:
        try:
            found.append(call(images))
        except Exception as error:
            if is_fatal(error):
                raise
            found.append(error)
    return found


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
