"""One workflow: a video through its chain of stages, wherever they run. What its book holds is not done again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

from yivideo_ray.codec import text
from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError, InputError, InternalError, YivideoError
from yivideo_ray.jobs import Job, Outcome, StageRecord
from yivideo_ray.journal import Journal
from yivideo_ray.locations import is_address
from yivideo_ray.media import check_unchanged
from yivideo_ray.pipeline import CHUNK_STAGES, Readings, StageRunner, find_area
from yivideo_ray.runtime.workflow.checkpoint import Book, ChunkPlan, RunState, area_basis, persist, readings_basis
from yivideo_ray.runtime.workflow.outputs import SubtitleFiles, document, output_path, subtitle_files
from yivideo_ray.runtime.workflow.publishing import Publication
from yivideo_ray.stages.completeness import is_to_be_decoded, judge, judge_look
from yivideo_ray.stages.postprocess_and_finalize.layer_warnings import warnings_of
from yivideo_ray.types import Cue, Layer, Stage, SubtitleArea, VideoInfo, cues_of

__all__ = ["Workflow"]

FIRST_STAGES = (Stage.EXTRACT_KEYFRAMES, Stage.DETECT_SUBTITLE_AREA)


class Workflow:
    """One run of a job. Nothing is written beside the video unless it succeeds; the book shows how far it came."""

    def __init__(
        self, job: Job, info: VideoInfo, journal: Journal, book: Book, *, stages: StageRunner, settings: Settings
    ) -> None:
        self._job = job
        self._info = info
        self._journal = journal
        self._book = book
        self._stages = stages
        self._settings = settings
        self._state = RunState()
        self._area: SubtitleArea | None = None
        self._readings = Readings()
        self._layers: tuple[Layer, ...] = ()
        self._cues: tuple[Cue, ...] = ()
        self._subtitles = SubtitleFiles()
        self._decoded_s: float | None = None
        self._partial = False

    async def run(self) -> Outcome:
        """Returns how it ended. Errors: YivideoError of any kind; the book then shows the failed stage."""
        try:
            chain = await self._begin()
            if Stage.DETECT_SUBTITLE_AREA in chain:
                self._area = await self._find_area()
            elif Stage.EXTRACT_KEYFRAMES in chain:
                await self._stages.extract_keyframes(quick=False)
            chunk_stages = [stage for stage in CHUNK_STAGES if stage in chain]
            if chunk_stages:
                self._readings = await self._read(chunk_stages[-1])
                # What starts in the middle rests on the settings of an earlier run.
                if chunk_stages[-1] is Stage.PERFORM_OCR and self._job.start_at is None:
                    self._state.basis = readings_basis(self._info, self._settings)
                await self._save()
            elif Stage.EXTRACT_KEYFRAMES in chain:
                self._partial = await judge_look(self._info, self._settings.decoder, self._journal)
            if Stage.POSTPROCESS_AND_FINALIZE in chain:
                await self._finalize()
            return await self._conclude()
        except Exception as error:
            self._journal.fail(error if isinstance(error, YivideoError) else InternalError(str(error)))
            # What made it fail is to be told, not that this could not be written down.
            with contextlib.suppress(YivideoError):
                await asyncio.to_thread(self._book.keep_state, self._state_now())
            raise

    async def _begin(self) -> tuple[Stage, ...]:
        """Returns the stages to run; takes in what the book holds of those before them."""
        earlier = await asyncio.to_thread(self._book.state)
        self._state = earlier or RunState()
        start_at = self._job.start_at
        if start_at is None and await self._are_readings_kept():
            start_at = Stage.POSTPROCESS_AND_FINALIZE
        await self._mark_unread(start_at)
        if start_at is None:
            if self._job.again or (self._state.finished and self._job.workflow_id is None):
                # Run again, it is to be done again.
                await asyncio.to_thread(self._book.forget, self._job.chain)
            self._journal.plan(self._job.chain)
            return self._job.chain
        await asyncio.to_thread(self._book.forget_from, start_at)
        order = tuple(Stage)
        for stage in order[: order.index(start_at)]:
            if stage in self._state.stages:
                self._journal.take(stage, self._state.stages[stage])
        chain = self._job.chain[self._job.chain.index(start_at) :]
        self._journal.plan(chain)
        await self._take_kept(start_at)
        return chain

    async def _are_readings_kept(self) -> bool:
        """Takes what an earlier run has read, if that is all that this one would read; returns whether it is."""
        if self._job.again or Stage.POSTPROCESS_AND_FINALIZE not in self._job.chain:
            return False
        if not await asyncio.to_thread(self._book.rests_on, readings_basis(self._info, self._settings)):
            return False
        try:
            self._area, self._readings = await asyncio.to_thread(self._book.readings)
        except ConfigError:
            return False
        return True

    async def _mark_unread(self, start_at: Stage | None) -> None:
        """Has nobody take what was read for what rests on earlier settings, while another run reads anew."""
        chain = self._job.chain if start_at is None else self._job.chain[self._job.chain.index(start_at) :]
        if self._state.basis and set(chain) & set(CHUNK_STAGES):
            state = self._state
            state.basis = ""
            await persist(lambda: self._book.keep_state(state))

    async def _take_kept(self, start_at: Stage) -> None:
        """Takes what the stages before start_at gave out of the book. Errors: ConfigError RECORD_MISSING,
        RECORD_OUTDATED."""
        await asyncio.to_thread(self._book.require, start_at)
        if start_at is Stage.POSTPROCESS_AND_FINALIZE:
            if self._area is None:
                self._area, self._readings = await asyncio.to_thread(self._book.readings)
            await self._judge(self._readings)
            return
        chunks = await asyncio.to_thread(self._book.chunks, None)
        self._area = chunks[1].area if chunks else await asyncio.to_thread(self._book.area, None)

    async def _find_area(self) -> SubtitleArea:
        basis = area_basis(self._info, self._settings)
        kept = await asyncio.to_thread(self._book.area, basis)
        if kept is not None:
            for stage in FIRST_STAGES:
                if stage in self._state.stages:
                    self._journal.keep(stage, self._state.stages[stage])
            return kept
        area = await find_area(self._stages)
        # First: what sampling met counts as long as the area does.
        await self._save()
        await persist(lambda: self._book.keep_area(basis, area))
        return area

    async def _read(self, until: Stage) -> Readings:
        area = self._area
        assert area is not None, "the chain has the stage that finds it, or the book has it"
        if not await is_to_be_decoded(self._info, area, self._settings.decoder, self._journal):
            for stage in CHUNK_STAGES[: CHUNK_STAGES.index(until) + 1]:
                self._journal.finish(stage, crops=0)
            await persist(lambda: self._book.begin_chunks("", ChunkPlan(area, ())))
            return Readings()
        readings = await self._stages.read_crops(area, until)
        await self._judge(readings)
        return readings

    async def _judge(self, readings: Readings) -> None:
        self._decoded_s, self._partial = await judge(
            self._info, readings.spans, readings.reports, self._settings.decoder, self._journal
        )

    async def _finalize(self) -> None:
        self._journal.start(
            Stage.POSTPROCESS_AND_FINALIZE,
            **self._settings.postprocessor.model_dump(mode="json"),
            **self._settings.subtitles.model_dump(mode="json"),
        )
        assert self._area is not None, "the chain has the stage that finds it, or the book has it"
        # Kept nowhere else in memory: those of an hour take 40 MB, and whoever makes cues of them may have a copy.
        readings, self._readings = self._readings, Readings()
        crops, texts = readings.crops, readings.texts
        del readings
        self._layers = await self._stages.find_layers(self._area, crops, texts)
        for warning in warnings_of(self._layers, self._info, self._settings.postprocessor):
            self._journal.warn(warning)
        self._cues = cues_of(self._layers)
        self._subtitles = await asyncio.to_thread(subtitle_files, self._job, self._info, self._cues, self._settings)

    async def _conclude(self) -> Outcome:
        publication = Publication(self._job, self._info, self._settings, self._book)
        left = self._files_to_leave()
        files = {path: data for path, data in self._subtitles.data.items() if path not in (left or ())}
        outputs = (*files, output_path(self._job, ".json"))
        for warning in await asyncio.to_thread(publication.prepare, outputs, left):
            self._journal.warn(warning)
        # The last stage ends when its files are in place, and one of them tells that it has.
        ended: list[StageRecord] = []
        if Stage.POSTPROCESS_AND_FINALIZE in self._job.chain:
            names = [text(str(path)) for path in files]
            ended = [self._journal.ended(Stage.POSTPROCESS_AND_FINALIZE, cues=len(self._cues), files=names)]
        outcome = self._outcome(outputs, ended)
        result = await asyncio.to_thread(document, outcome)
        await asyncio.to_thread(self._require_unchanged)
        await publication.put_in_place({**files, outputs[-1]: result})
        for record in ended:
            self._journal.save(record)
        await self._save(finished=True)
        return outcome

    def _files_to_leave(self) -> list[Path] | None:
        """Returns the files that an empty one must not replace, for there is text that nobody has taken; None: all may
        be replaced."""
        if self._cues or not self._layers:
            return None
        return [path for path in self._subtitles.data if os.path.lexists(path)]

    async def _save(self, *, finished: bool = False) -> None:
        state = self._state_now()
        state.finished = finished
        await persist(lambda: self._book.keep_state(state))

    def _state_now(self) -> RunState:
        """Returns how the run stands; stages that only an earlier run had stay there."""
        return RunState({**self._state.stages, **self._journal.stages}, self._engine, basis=self._state.basis)

    @property
    def _engine(self) -> Any:
        return self._stages.engine or self._state.engine

    def _outcome(self, outputs: tuple[Path, ...], ended: list[StageRecord]) -> Outcome:
        stages = {**self._journal.stages, **{record.stage: record for record in ended}}
        return Outcome(
            workflow_id=self._journal.workflow_id,
            video=self._job.video,
            stages=tuple(stages.values()),
            info=self._info,
            area=self._area,
            layers=self._layers,
            cues=self._cues,
            engine=self._engine,
            outputs=outputs,
            tracks=self._subtitles.tracks,
            partial=self._partial,
            decoded_s=self._decoded_s,
            expected_s=self._info.duration_s,
            warnings=tuple(self._journal.warnings),
        )

    def _require_unchanged(self) -> None:
        if is_address(self._info.path):
            check_unchanged(self._info, self._settings.decoder)
            return
        try:
            now = Path(self._info.path).stat()
        except OSError as error:
            raise InputError("The file went away while it was read.", code="INPUT_CHANGED") from error
        if (now.st_size, now.st_mtime_ns) != (self._info.size_bytes, self._info.mtime_ns):
            raise InputError("The file changed while it was read.", code="INPUT_CHANGED")
