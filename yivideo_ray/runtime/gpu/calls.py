"""What travels between the GPU client and the GPU actor, and which function serves which call."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from yivideo_ray.config import AreaDetectorSettings, DecoderSettings
from yivideo_ray.jobs import Priority
from yivideo_ray.ocr.contract import Asking, OcrEngine, answered
from yivideo_ray.stages.perform_ocr.seen import SheetsRead
from yivideo_ray.types import ChunkReport, ChunkSpan, Luma, SampledFrame, Sheet, Stage, SubtitleArea, VideoInfo

__all__ = ["ASKING", "SERVED", "CallKind", "Reply", "Ticket"]


class CallKind(StrEnum):
    """The work that goes through the GPU actor, named after its stage."""

    DETECT_SUBTITLE_AREA = Stage.DETECT_SUBTITLE_AREA.value
    CROP_SUBTITLE_IMAGES = Stage.CROP_SUBTITLE_IMAGES.value
    PERFORM_OCR = Stage.PERFORM_OCR.value


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call's place in the mailbox.

    key names the call and its input: every attempt and every run of the same workflow uses the same one.
    priority: smaller runs first, where gpu_lock.enable_priority_queue is on. sequence grows with the time of the
    first attempt, and a repeated call keeps it, so that waiting again costs nobody their place. wait_left_s: how long
    this attempt may wait for its turn.
    """

    kind: CallKind
    workflow_id: str
    key: str
    sequence: int
    priority: int = Priority.BATCH
    attempt: int = 1
    wait_left_s: float = math.inf

    @property
    def part(self) -> str:
        """Which part of the workflow's video this is: the number of a chunk or of a group of crops, or the area."""
        return self.key.rpartition("/")[2]

    def joins(self, other: Ticket) -> bool:
        """Returns whether both calls may be served as one. One that is tried again goes alone, so that it shows which
        call ends processes."""
        return self.kind is other.kind and self.kind in ASKING and self.attempt == other.attempt == 1


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """A call's result, the seconds it waited in the mailbox, and the seconds it held the device: each of the `together`
    calls that were served as one has an equal share.

    apart: an ObjectRef of what the stage returns beside it, where that is large (the crops' pictures).
    """

    value: Any
    waited_s: float
    ran_s: float
    apart: Any = None
    together: int = 1


def _detect_subtitle_area(
    engine: OcrEngine, info: VideoInfo, settings: AreaDetectorSettings, *parts: tuple[SampledFrame, ...]
) -> SubtitleArea:
    from yivideo_ray.stages.detect_subtitle_area import detect_subtitle_area

    return detect_subtitle_area(info, tuple(chain.from_iterable(parts)), engine, settings)


def _crop_subtitle_images(
    _: OcrEngine, info: VideoInfo, span: ChunkSpan, area: SubtitleArea, settings: DecoderSettings
) -> tuple[ChunkReport, tuple[Luma, ...]]:
    from yivideo_ray.stages.crop_subtitle_images import crop_subtitle_images

    return crop_subtitle_images(info, span, area, settings)


def _reading(sheets: Sequence[Sheet]) -> Asking[SheetsRead]:
    """Does the part of the stage that needs the models; tasks.complete does the rest."""
    from yivideo_ray.stages.perform_ocr import reading

    return reading(sheets)


def _perform_ocr(engine: OcrEngine, sheets: Sequence[Sheet]) -> SheetsRead:
    return answered(_reading(sheets), engine)


SERVED: dict[CallKind, Callable[..., Any]] = {
    CallKind.DETECT_SUBTITLE_AREA: _detect_subtitle_area,
    CallKind.CROP_SUBTITLE_IMAGES: _crop_subtitle_images,
    CallKind.PERFORM_OCR: _perform_ocr,
}

ASKING: dict[CallKind, Callable[..., Asking[Any]]] = {CallKind.PERFORM_OCR: _reading}
"""The kinds of calls that may be served as one: what each does, but for the engine's answers."""
