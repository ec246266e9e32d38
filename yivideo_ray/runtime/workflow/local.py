"""A workflow as far as it needs no Ray: its record, its last stage, its files.

LocalWorkflow starts at the last stage of a recorded run, which takes no frame, no model and no cluster: nothing here
imports ray. runtime/workflow.py puts the other stages before it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from yivideo_ray.codec import text
from yivideo_ray.config import Settings
from yivideo_ray.errors import InputError, InternalError, YivideoError
from yivideo_ray.jobs import EventKind, Job, Outcome
from yivideo_ray.locations import is_address
from yivideo_ray.media import check_unchanged
from yivideo_ray.runtime.workflow.journal import Journal
from yivideo_ray.runtime.workflow.outputs import Written, write_document, write_subtitles
from yivideo_ray.runtime.workflow.plan import MAKER, RECORDED, Artifact, Plan, plan
from yivideo_ray.runtime.workflow.record import Record
from yivideo_ray.types import CropMeta, CropText, Cue, Stage, SubtitleArea, VideoInfo

__all__ = ["LocalWorkflow"]


class LocalWorkflow:
    """One run of a job. Nothing is written beside the video unless it succeeds; the record shows how far it came."""

    def __init__(self, job: Job, info: VideoInfo, journal: Journal, settings: Settings) -> None:
        self._job = job
        self._info = info
        self._journal = journal
        self._settings = settings
        self._record = Record(settings.storage.work_dir, info, name=journal.workflow_id)
        self._cues: tuple[Cue, ...] = ()
        self._written = Written(())

    async def run(self) -> Outcome:
        """Returns how it ended. Errors: YivideoError of any kind; the record then shows the failed stage."""
        have = await asyncio.to_thread(self._record.read)
        todo = plan(self._job.chain, self._job.start_at, have)
        try:
            self._begin(todo)
            await self._stages(todo)
            return await self._conclude()
        except Exception as error:
            self._journal.fail(error if isinstance(error, YivideoError) else InternalError(str(error)))
            self._journal.enter(self._record)
            raise

    async def _stages(self, todo: Plan) -> None:
        """Runs what is to be done; here, that can be the last stage only."""
        assert todo.run == (Stage.POSTPROCESS_AND_FINALIZE,), "the other stages need Ray"
        await self._finalize()

    async def _build_cues(
        self, area: SubtitleArea, crops: tuple[CropMeta, ...], texts: tuple[CropText, ...]
    ) -> tuple[Cue, ...]:
        from yivideo_ray.stages.postprocess_and_finalize import postprocess_and_finalize

        settings = self._settings.postprocessor
        return await asyncio.to_thread(postprocess_and_finalize, self._info, area, crops, texts, settings)

    def _begin(self, todo: Plan) -> None:
        earlier = self._record.stages
        self._journal.plan(todo.run)
        loaded = {MAKER[artifact] for artifact in todo.load}
        for stage in sorted(loaded, key=list(Stage).index):
            if stage in earlier and stage not in todo.run:
                self._journal.take(stage, earlier[stage])
        if todo.again:
            self._journal.say(
                EventKind.WARNING, message=f"Pictures are not recorded, so {', '.join(todo.again)} runs again."
            )
        if loaded and self._record.partial:
            self._journal.warn("The record that this run goes on from covers a part of the video only.")
        if Artifact.CROPS in todo.load:
            # Another area may have been looked for since; crops know their bands by number.
            self._record.area = self._record.crops_area
        made_anew = [artifact for artifact in RECORDED if MAKER[artifact] in todo.run]
        self._record.forget(made_anew)
        self._journal.enter(self._record)
        if made_anew:
            self._record.save_readings()

    async def _finalize(self) -> None:
        self._journal.start(
            Stage.POSTPROCESS_AND_FINALIZE,
            **self._settings.postprocessor.model_dump(mode="json"),
            **self._settings.subtitles.model_dump(mode="json"),
        )
        self._cues = await self._build_cues(*self._record.hand_over())
        await asyncio.to_thread(self._require_unchanged)
        self._written = await asyncio.to_thread(write_subtitles, self._job, self._info, self._cues, self._settings)
        files = [text(str(path)) for path in self._written.files]
        self._journal.finish(Stage.POSTPROCESS_AND_FINALIZE, cues=len(self._cues), files=files)

    async def _conclude(self) -> Outcome:
        await asyncio.to_thread(self._require_unchanged)
        self._journal.enter(self._record)
        return await asyncio.to_thread(write_document, self._job, self._outcome())

    def _outcome(self) -> Outcome:
        return Outcome(
            workflow_id=self._journal.workflow_id,
            video=self._job.video,
            stages=tuple(self._journal.stages.values()),
            info=self._info,
            area=self._record.area,
            cues=self._cues,
            engine=self._record.engine,
            outputs=self._written.files,
            tracks=self._written.tracks,
            partial=self._record.partial,
            decoded_s=self._record.decoded_s,
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
