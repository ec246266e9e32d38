"""What a stage may ask of an OCR engine. Every engine, real or scripted, passes the same contract suite."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["Asking", "EngineCall", "OcrEngine", "answered", "detecting", "recognizing"]

Result = TypeVar("Result")


@runtime_checkable
class OcrEngine(Protocol):
    """Detection and recognition models on one device. Not thread-safe: one call at a time.

    Life: load() once, then any number of calls, then close(). A call before load() or after close() raises
    InternalError. Calls have no side effects and may be repeated; the same input gives the same output.
    Errors of every call: DeviceError DEVICE_OUT_OF_MEMORY (retry with less) or DEVICE_FAILED (the process is lost).
    """

    def load(self) -> EngineFacts:
        """Loads both models, runs a real inference through each and returns what truly runs them.

        Errors: ModelError MODEL_UNAVAILABLE (within 5 s), DeviceError DEVICE_UNAVAILABLE.
        """
        ...

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        """Returns, for each image (H, W) uint8, the boxes of its text lines in that image's pixels.

        Same length and order as images; within an image from top to bottom, then left to right. The images may have
        any size; each is fitted without distortion into one of a few fixed shapes, so that memory stays flat.
        """
        ...

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        """Returns the text of each line image (h, w) uint8, any size >= 1 x 1; same length and order as lines.

        A line's reading does not depend on the other lines in the batch beyond floating-point rounding.
        """
        ...

    def close(self) -> None:
        """Frees the models. May be called twice."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class EngineCall:
    """A call that is yet to be made."""

    method: Literal["detect", "recognize"]
    images: Sequence[Luma]

    def made(self, engine: OcrEngine) -> list[Any]:
        """Returns what the engine answers. Errors: those of its method."""
        return engine.detect(self.images) if self.method == "detect" else engine.recognize(self.images)


Asking: TypeAlias = Generator[EngineCall, list[Any], Result]
"""Work that yields the calls it needs and is sent their answers: whoever holds the engine may make the calls of several
such works as one."""


def detecting(images: Sequence[Luma]) -> Asking[list[tuple[TextBox, ...]]]:
    """Asks for what OcrEngine.detect returns."""
    return (yield EngineCall("detect", images))


def recognizing(lines: Sequence[Luma]) -> Asking[list[Reading]]:
    """Asks for what OcrEngine.recognize returns."""
    return (yield EngineCall("recognize", lines))


def answered(asking: Asking[Result], engine: OcrEngine) -> Result:
    """Returns what the work returns, its calls answered by the engine. Errors: those of both."""
    answer: Any = None
    while True:
        try:
            # The first send, of None, starts it.
            call = asking.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = call.made(engine)
