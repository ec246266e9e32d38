"""What a stage may ask of an OCR engine. Every engine, real or scripted, passes the same contract suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from yivideo_ray.types import EngineFacts, Luma, Reading, TextBox

__all__ = ["OcrEngine", "OcrModels"]


class OcrModels(Protocol):
    """Detection and recognition models, as a stage sees them: here, or behind a GPU actor.

    Calls have no side effects and may be repeated; the same input gives the same output.
    Errors of every call: DeviceError DEVICE_OUT_OF_MEMORY (retry with less) or DEVICE_FAILED (the process is lost).
    """

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


@runtime_checkable
class OcrEngine(OcrModels, Protocol):
    """The models on one device. Not thread-safe: one call at a time.

    Life: load() once, then any number of calls, then close(). A call before load() or after close() raises
    InternalError.
    """

    def load(self) -> EngineFacts:
        """Loads both models, runs a real inference through each and returns what truly runs them.

        Errors: ModelError MODEL_UNAVAILABLE (within 5 s), DeviceError DEVICE_UNAVAILABLE.
        """
        ...

    def close(self) -> None:
        """Frees the models. May be called twice."""
        ...
