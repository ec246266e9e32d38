"""What a workflow tells while it runs: events for its watcher, records of its stages for its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from yivideo_ray.codec import plain
from yivideo_ray.config import AreaDetectorSettings, GpuSettings, PipelineSettings
from yivideo_ray.errors import ResultWarning, WarningCode, YivideoError
from yivideo_ray.jobs import Event, EventKind, StageRecord, StageStatus
from yivideo_ray.types import ChunkReport, CropMeta, CropText, EngineFacts, Stage, SubtitleArea, VideoInfo

__all__ = ["ChunkLog", "Journal", "OnEvent", "OnStage"]

OnEvent = Callable[[Event], None]
OnStage = Callable[[StageRecord], None]


class Journal:
    """One per workflow. Stages may overlap; a stage's duration runs from its first start to its end. on_stage is given
    each stage's record whenever that changes."""

    def __init__(
        self,
        workflow_id: str,
        video: str,
        total_s: float | None,
        on_event: OnEvent,
        on_stage: OnStage | None = None,
    ) -> None:
        self.workflow_id = workflow_id
        self.warnings: list[ResultWarning] = []
        self.stages: dict[Stage, StageRecord] = {}
        self._video = video
        self._total_s = total_s
        self._on_event = on_event
        self._on_stage = on_stage
        self._started: dict[Stage, float] = {}

    def emit(self, kind: EventKind, stage: Stage | None = None, message: str = "", **facts: Any) -> None:
        """Emits an event; done_s and frames among the facts go into the event's own fields."""
        self._on_event(
            Event(
                kind,
                self.workflow_id,
                self._video,
                time.time(),
                stage,
                facts.pop("done_s", 0.0),
                self._total_s,
                facts.pop("frames", 0),
                message,
                facts,
            )
        )

    def warn(self, warning: ResultWarning) -> None:
        """Emits a warning that belongs into the results as well."""
        self.warnings.append(warning)
        self.emit(EventKind.WARNING, message=warning.message, code=str(warning.code), **plain(warning.facts))

    def plan(self, stages: Iterable[Stage]) -> None:
        """Enters the stages that are to run, in their order."""
        for stage in stages:
            self._note(StageRecord(stage, StageStatus.PENDING))

    def take(self, stage: Stage, record: StageRecord) -> None:
        """Enters a stage of an earlier run, whose output this one goes on from."""
        self._note(replace(record, stage=stage))

    def keep(self, stage: Stage, record: StageRecord) -> None:
        """Enters a stage that an earlier run of the same work had ended."""
        self.take(stage, record)
        self.emit(EventKind.STAGE_FINISHED, stage, duration=record.duration, kept=True)

    def start(self, stage: Stage, **input_params: Any) -> None:
        """Marks a stage as begun; nothing happens if it has been."""
        if stage not in self._started:
            self.begin(stage, **input_params)

    def begin(self, stage: Stage, **input_params: Any) -> None:
        """Marks a stage as begun, also one that had ended: its duration then runs from its first start."""
        self._started.setdefault(stage, time.monotonic())
        self._note(StageRecord(stage, StageStatus.IN_PROGRESS, input_params))
        self.emit(EventKind.STAGE_STARTED, stage)

    def finish(self, stage: Stage, **output: Any) -> None:
        self.save(self.ended(stage, **output))

    def ended(self, stage: Stage, **output: Any) -> StageRecord:
        """Returns the record of a stage that ends now, for save."""
        self.start(stage)
        duration = round(time.monotonic() - self._started[stage], 3)
        return replace(self.stages[stage], status=StageStatus.SUCCESS, output=output, duration=duration)

    def save(self, record: StageRecord) -> None:
        """Enters a record that ended gave, and tells that the stage has ended."""
        self._note(record)
        self.emit(EventKind.STAGE_FINISHED, record.stage, duration=record.duration)

    def fail(self, error: YivideoError) -> None:
        """Marks every stage that had begun and not ended as failed."""
        for stage, record in list(self.stages.items()):
            if record.status is StageStatus.IN_PROGRESS:
                duration = round(time.monotonic() - self._started[stage], 3)
                self._note(replace(record, status=StageStatus.FAILED, error=error.as_dict(), duration=duration))

    def begin_extraction(self, settings: AreaDetectorSettings) -> None:
        self.begin(Stage.EXTRACT_KEYFRAMES, samples=settings.samples, frame_side_px=settings.frame_side_px)

    def finish_extraction(self, pts: Sequence[int], *, full: bool, holes: int, corrupt_packets: int) -> None:
        """pts: of the frames, in order; full: a longer look would give no more. The rest as in Samples, told where it
        means damage."""
        damage = {"holes": holes, "corrupt_packets": corrupt_packets} if holes or corrupt_packets else {}
        self.finish(Stage.EXTRACT_KEYFRAMES, frames=len(pts), full=full, pts=list(pts), **damage)

    def begin_detection(self, settings: AreaDetectorSettings) -> None:
        self.begin(Stage.DETECT_SUBTITLE_AREA, **settings.model_dump(mode="json"))

    def finish_detection(self, area: SubtitleArea, *, waited_s: float = 0.0, device_s: float = 0.0) -> None:
        self.finish(
            Stage.DETECT_SUBTITLE_AREA,
            bands=[{"name": band.name, "box": plain(band.box)} for band in area.bands],
            rejected=len(area.rejected),
            waited_s=round(waited_s, 3),
            device_s=round(device_s, 3),
        )

    def emit_engine(self, facts: EngineFacts, settings: GpuSettings, why_no_gpu: str) -> None:
        """Tells what runs the models, and warns where that is less than what was hoped for."""
        message = f"The models run on {facts.device} ({facts.provider})."
        self.emit(EventKind.PROGRESS, message=message, engine=facts.as_dict())
        if settings.device == "auto" and facts.device == "cpu":
            sentence = f"The models run on the CPU: {why_no_gpu}."
            self.warn(ResultWarning(WarningCode.MODELS_ON_CPU, sentence, {"provider": facts.provider}))

    def warn_of_decoder(self, why: str) -> None:
        """Warns, once, that the CPU decodes what a GPU was to decode."""
        if all(warning.code != WarningCode.DECODED_ON_CPU for warning in self.warnings):
            self.warn(ResultWarning(WarningCode.DECODED_ON_CPU, f"The CPU decodes the video, or a part of it: {why}"))

    def check_engine(self, began: EngineFacts | None, facts: EngineFacts | None) -> None:
        """Warns, once, that a part was read by other means than those that the result names. began: these; facts: what
        ran the models now (None: nobody says)."""
        if began is None or facts is None or (began.device, began.provider) == (facts.device, facts.provider):
            return
        if all(warning.code != WarningCode.MODELS_ON_CPU for warning in self.warnings):
            sentence = f"A part was read on {facts.device} ({facts.provider}), not on {began.device}."
            self.warn(ResultWarning(WarningCode.MODELS_ON_CPU, sentence, {"provider": facts.provider}))

    def _note(self, record: StageRecord) -> None:
        self.stages[record.stage] = record
        if self._on_stage is not None:
            self._on_stage(record)


class ChunkLog:
    """What stages 3 to 5 of one video tell through its journal: they overlap, and count while they work.

    until: the last of them that runs. engine: what runs the models, as the result says.
    """

    def __init__(
        self,
        journal: Journal,
        info: VideoInfo,
        settings: PipelineSettings,
        until: Stage,
        engine: EngineFacts | None = None,
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._info = info
        self._settings = settings
        self._until = until
        self._reports: list[ChunkReport] = []
        self._crops = self._frames = self._calls = self._sheets = 0
        self._kept_chunks = self._kept_calls = self._lines = self._recognised = 0
        self._waited_s = self._device_s = 0.0

    def begin(self, chunks: int) -> None:
        """Begins with the video's first chunk; nothing happens if that has been."""
        self._journal.start(Stage.CROP_SUBTITLE_IMAGES, chunks=chunks, chunk_s=self._settings.chunk_s)

    def emit_decoded(self, end_pts: int | None, **facts: Any) -> None:
        done_s = 0.0 if end_pts is None else self._done_s(end_pts)
        self._journal.emit(EventKind.PROGRESS, Stage.CROP_SUBTITLE_IMAGES, done_s=done_s, frames=self._frames, **facts)

    def end_chunk(self, report: ChunkReport, crops: int) -> None:
        """Takes in a chunk's report; crops: how many of its crops no chunk before had."""
        self._reports.append(report)
        self._crops += crops
        self._frames += report.frames
        self.emit_decoded(report.end_pts, chunk=report.index, crops=crops)

    def keep_chunk(self) -> None:
        """Counts a chunk that an earlier run had done."""
        self._kept_chunks += 1

    def begin_group(self, *, reading: bool) -> None:
        """Begins with a group of crops: to stitch it, and with reading to read what was stitched."""
        self._journal.start(Stage.CREATE_STITCHED_IMAGES, crops_per_call=self._settings.crops_per_call)
        if reading:
            self._journal.start(Stage.PERFORM_OCR)

    def end_group(
        self,
        crops: Sequence[CropMeta],
        texts: Sequence[CropText] = (),
        *,
        sheets: int = 0,
        waited_s: float = 0.0,
        device_s: float = 0.0,
        kept: bool = False,
    ) -> None:
        """Takes in what a group gave. kept: an earlier run had read it."""
        self._sheets += sheets
        self._calls += 1
        self._kept_calls += kept
        self._lines += sum(len(text.lines) for text in texts)
        self._recognised += sum(text.recognised for text in texts)
        self._waited_s += waited_s
        self._device_s += device_s
        if self._until is Stage.PERFORM_OCR:
            self._journal.emit(
                EventKind.PROGRESS,
                Stage.PERFORM_OCR,
                done_s=self._done_s(max(meta.end_pts for meta in crops)),
                frames=self._frames,
                calls=self._calls,
            )

    def _done_s(self, end_pts: int) -> float:
        """Returns how much of the video's duration, which counts from the first frame, is worked through."""
        return max(0.0, float((end_pts - self._info.first_pts) * self._info.time_base))

    def warn_of_loss(self, error: YivideoError) -> None:
        """Tells that a group's pictures were lost with a node, and are made once more."""
        message = f"{error.message} Its pictures are made again."
        self._journal.emit(EventKind.WARNING, message=message, code=error.code.name)

    def warn_of_decoder(self, why: str) -> None:
        """Does what the journal's does."""
        self._journal.warn_of_decoder(why)

    def check_engine(self, facts: EngineFacts | None) -> None:
        """Warns where what ran the models now is not what the result says."""
        self._journal.check_engine(self._engine, facts)

    def finish_crops(self) -> None:
        """Ends the first of the stages, which has given all its crops."""
        reports = self._reports
        self._journal.finish(
            Stage.CROP_SUBTITLE_IMAGES,
            crops=self._crops,
            chunks=len(reports),
            kept_chunks=self._kept_chunks,
            frames=self._frames,
            corrupt_packets=sum(report.corrupt_packets for report in reports),
            decoder="+".join(sorted({report.decoder for report in reports if report.frames})) or None,
            decode_s=round(sum(report.decode_s for report in reports), 3),
            analyse_s=round(sum(report.analyse_s for report in reports), 3),
        )

    def finish_reading(self) -> None:
        """Ends the others of the stages that run."""
        if self._until is Stage.CROP_SUBTITLE_IMAGES:
            return
        self._journal.finish(Stage.CREATE_STITCHED_IMAGES, sheets=self._sheets, crops=self._crops)
        if self._until is Stage.PERFORM_OCR:
            self._journal.finish(
                Stage.PERFORM_OCR,
                calls=self._calls,
                kept_calls=self._kept_calls,
                lines=self._lines,
                recognised=self._recognised,
                waited_s=round(self._waited_s, 3),
                device_s=round(self._device_s, 3),
            )
