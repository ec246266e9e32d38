"""Request batching: calls to the engine that have their turn together are made as one. No Ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from yivideo_ray.config import GpuSettings
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.runtime.gpu.calls import Method
from yivideo_ray.runtime.gpu.lane import is_fatal
from yivideo_ray.types import EngineFacts, Luma

__all__ = ["ask", "calls_together"]

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
