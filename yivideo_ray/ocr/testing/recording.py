"""What an engine answered to each picture and how long it took: written by a Recorder, read by the scripted engine.

So a device can be modelled that gives a real engine's answers to the same pictures and takes no CPU for them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from yivideo_ray.errors import ConfigError, InternalError
from yivideo_ray.geometry import Box
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.types import CharReading, EngineFacts, Luma, Reading, TextBox

__all__ = ["Recorder", "Recording", "digest"]

Result = TypeVar("Result")


def digest(image: Luma) -> str:
    """Returns 16 hexadecimal digits that stand for the picture's shape and pixels."""
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()[:16]


class Recorder:
    """Follows the engine contract by way of another engine. device_s: the seconds that all calls took together."""

    def __init__(self, engine: OcrEngine) -> None:
        self.device_s = 0.0
        self._engine = engine
        self._answers: dict[str, dict[str, Any]] = {"detect": {}, "recognize": {}}

    def load(self) -> EngineFacts:
        return self._engine.load()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        return self._call("detect", self._engine.detect, images, lambda boxes: [asdict(box) for box in boxes])

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        return self._call("recognize", self._engine.recognize, lines, asdict)

    def close(self) -> None:
        self._engine.close()

    def save(self, path: Path) -> None:
        """Writes all answers so far, as JSON."""
        path.write_text(json.dumps(self._answers, ensure_ascii=False), encoding="utf-8")

    def _call(
        self,
        method: str,
        call: Callable[[Sequence[Luma]], list[Result]],
        images: Sequence[Luma],
        plain: Callable[[Result], Any],
    ) -> list[Result]:
        began = time.perf_counter()
        results = call(images)
        seconds = time.perf_counter() - began
        self.device_s += seconds
        for image, result in zip(images, results, strict=True):
            # A batch takes its time as a whole; each picture is given an equal share.
            self._answers[method][digest(image)] = {"seconds": seconds / len(images), "result": plain(result)}
        return results


class Recording:
    """Answers by picture, each with its seconds. Errors of both methods: InternalError for a picture that is not in
    the recording."""

    def __init__(self, path: Path) -> None:
        """Reads a file that Recorder.save wrote. Errors: ConfigError CONFIG_INVALID."""
        try:
            answers = json.loads(path.read_bytes())
            self._boxes = {
                key: (answer["seconds"], tuple(TextBox(Box(**box["box"]), box["score"]) for box in answer["result"]))
                for key, answer in answers["detect"].items()
            }
            self._readings = {
                key: (answer["seconds"], _reading(answer["result"])) for key, answer in answers["recognize"].items()
            }
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConfigError(f"The recording {path} can't be used: {error!r}") from error

    def detect(self, images: Sequence[Luma]) -> tuple[float, list[tuple[TextBox, ...]]]:
        """Returns the seconds that the images took together, and their boxes."""
        return _found(self._boxes, images)

    def recognize(self, lines: Sequence[Luma]) -> tuple[float, list[Reading]]:
        """Returns the seconds that the lines took together, and their readings."""
        return _found(self._readings, lines)


def _found(answers: dict[str, tuple[float, Result]], images: Sequence[Luma]) -> tuple[float, list[Result]]:
    try:
        found = [answers[digest(image)] for image in images]
    except KeyError as error:
        raise InternalError("The recording holds no answer to a picture: it was made from another video.") from error
    return sum(seconds for seconds, _ in found), [result for _, result in found]


def _reading(plain: dict[str, Any]) -> Reading:
    return Reading(plain["text"], plain["confidence"], tuple(CharReading(**char) for char in plain["chars"]))
