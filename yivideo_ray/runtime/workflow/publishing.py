"""Putting a run's outputs in place, so that no file of anybody else's is written over: what a run finds there before it
begins, and how its files take the place of those of the run before.

The order makes it safe to be killed: what the new files will be is kept first, then all of them are renamed into place,
then those of the run before that have no successor are removed, and last it is kept that the run has come to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from yivideo_ray.codec import text
from yivideo_ray.config import Settings
from yivideo_ray.errors import ResultWarning, WarningCode, warning_of
from yivideo_ray.files import write_together
from yivideo_ray.jobs import Job, Outcome, TrackOutput
from yivideo_ray.runtime.workflow.checkpoint import persist, result_basis
from yivideo_ray.runtime.workflow.outputs import output_path, possible_outputs
from yivideo_ray.runtime.workflow.own_files import Digest, OwnFiles, record_name, require_replaceable
from yivideo_ray.subtitles.result_reading import parsed_result, values_of
from yivideo_ray.types import Stage, VideoInfo

if TYPE_CHECKING:
    from yivideo_ray.runtime.workflow.checkpoint import Book

__all__ = ["Publication"]


class Publication:
    """The outputs of one run of a job. Methods that are no coroutines block.

    Whoever names the work (the service) has a directory for it that is made anew, of which nothing is kept.
    """

    def __init__(self, job: Job, info: VideoInfo, settings: Settings, book: Book) -> None:
        self._job = job
        self._info = info
        self._settings = settings
        # What stages before start_at gave rests on the settings of an earlier run.
        self._basis = result_basis(info, job.chain, settings) if job.start_at is None else ""
        self._document = output_path(job, ".json")
        self._book = book.named(record_name(job.video, self._document.parent)) if job.workflow_id is None else None
        self._own = OwnFiles()
        self._obsolete: tuple[Path, ...] = ()

    def admit(self, workflow_id: str) -> Outcome | None:
        """Returns the outcome of the run before if there is nothing to do. Errors: as require_possible."""
        done = self.done_before(workflow_id)
        if done is None:
            self.require_possible()
        return done

    def done_before(self, workflow_id: str) -> Outcome | None:
        """Returns the outcome of the run before, if it came to its end with what decides the outputs as it is now, and
        all that it wrote is there unchanged. None: there is something to do."""
        if self._job.again or self._job.start_at is not None:
            return None
        outputs = self._known().unchanged_outputs(self._document.parent, self._basis)
        return self._read_outcome(workflow_id, outputs) if self._document in outputs else None

    def require_possible(self) -> None:
        """Errors: OutputError OUTPUT_EXISTS or OUTPUT_NOT_WRITABLE for a file that is in the way of what may be
        written."""
        paths = possible_outputs(self._job, self._settings.subtitles)
        require_replaceable(paths, self._known(), overwrite=self._job.overwrite)

    def prepare(self, paths: Iterable[Path], left: Iterable[Path] | None = None) -> list[ResultWarning]:
        """Looks at what is in the place of the files that will be written, and settles which others will be removed.
        Returns a warning for each of those that are left although they don't belong to the new ones. left: files that
        stay where they are, for text was seen and none of it taken; then no other is removed either.

        Errors: as require_possible, before anything is changed.
        """
        paths = list(paths)
        # Read anew: another run of the video may have ended meanwhile.
        self._own = self._known()
        require_replaceable(paths, self._own, overwrite=self._job.overwrite)
        # A run without the last stage makes no subtitles: those of another one stay.
        if Stage.POSTPROCESS_AND_FINALIZE not in self._job.chain:
            return []
        others, changed = self._own.others(self._document.parent, paths)
        if left is not None:
            return [_left(path, "No text was taken for subtitles") for path in sorted({*left, *others, *changed})]
        self._obsolete = others
        return [_left(path, "It is of an earlier run and was changed since") for path in changed]

    async def put_in_place(self, files: Mapping[Path, bytes]) -> None:
        """Writes all files or none, and removes those that prepare settled. Errors: OutputError STORAGE_FULL,
        OUTPUT_NOT_WRITABLE; those of the database, after minutes."""
        digests = {path: Digest.of(data) for path, data in files.items()}
        await self._keep(await asyncio.to_thread(self._own.replacing, digests))
        await asyncio.to_thread(write_together, files)
        left = await asyncio.to_thread(self._remove_obsolete, digests)
        await self._keep(self._own.replaced(digests, self._basis, left))

    async def _keep(self, own: OwnFiles) -> None:
        book = self._book
        if book is not None:
            await persist(lambda: book.keep_own_files(own))

    def _known(self) -> OwnFiles:
        return OwnFiles() if self._book is None else self._book.own_files()

    def _remove_obsolete(self, written: Iterable[Path]) -> list[Path]:
        """Returns the files of earlier runs that are there still, and ours."""
        for path in self._obsolete:
            # It may have been changed while the others were written; what can't be removed is tried by the next run.
            if self._own.holds(path):
                with contextlib.suppress(OSError):
                    path.unlink()
        others, _ = self._own.others(self._document.parent, written)
        return list(others)

    def _read_outcome(self, workflow_id: str, outputs: tuple[Path, ...]) -> Outcome | None:
        try:
            result = parsed_result(self._document.read_bytes())
            values = values_of(result)
        except (OSError, ValueError):
            return None
        by_name = {text(path.name): path for path in outputs}
        bare = Outcome(
            workflow_id,
            self._job.video,
            result.stages,
            outputs=outputs,
            tracks=tuple(
                TrackOutput(
                    track.language,
                    track.scripts,
                    track.cues,
                    tuple(by_name[name] for file in track.files if (name := Path(file).name) in by_name),
                )
                for track in result.tracks
            ),
            warnings=tuple(warning_of(told) for told in result.warnings),
            already_done=True,
        )
        # The document knows less of the video than the probe does.
        return replace(values.complete(bare), info=self._info)


def _left(path: Path, why: str) -> ResultWarning:
    return ResultWarning(WarningCode.FILE_LEFT, f"{path} was left as it is. {why}.", {"path": path})
