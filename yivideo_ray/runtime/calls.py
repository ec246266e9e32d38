"""What travels between the GPU client and the GPU actor, and which function serves which call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from yivideo_ray.config import AreaDetectorSettings
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.types import CropText, SampledFrame, Sheet, Stage, SubtitleArea, VideoInfo

__all__ = ["SERVED", "CallKind", "Reply", "Ticket"]


class CallKind(StrEnum):
    """The work that goes through the GPU actor, named after its stage."""

    DETECT_SUBTITLE_AREA = Stage.DETECT_SUBTITLE_AREA.value
    PERFORM_OCR = Stage.PERFORM_OCR.value


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call's place in the mailbox.

    key names the call and its input: every attempt and every run of the same workflow uses the same one.
    priority: smaller runs first, where gpu_lock.enable_priority_queue is on. sequence grows with the time of the
    first attempt, and a repeated call keeps it, so that waiting again costs nobody their place.
    """

    kind: CallKind
    workflow_id: str
    key: str
    sequence: int
    priority: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """A call's result, the seconds it waited in the mailbox, and the seconds it held the device."""

    value: Any
    waited_s: float
    ran_s: float


def _detect_subtitle_area(
    engine: OcrEngine, info: VideoInfo, frames: tuple[SampledFrame, ...], settings: AreaDetectorSettings
) -> SubtitleArea:
    from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area

    return detect_subtitle_area(info, frames, engine, settings)


def _perform_ocr(engine: OcrEngine, sheets: Sequence[Sheet]) -> tuple[CropText, ...]:
    from yivideo_ray.stages.perform_ocr import perform_ocr

    return perform_ocr(sheets, engine)


SERVED: dict[CallKind, Callable[..., Any]] = {
    CallKind.DETECT_SUBTITLE_AREA: _detect_subtitle_area,
    CallKind.PERFORM_OCR: _perform_ocr,
}
