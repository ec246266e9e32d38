"""Where the service's workflows have their files: results by the workflow's id, uploads by their own names.

work_dir/workflows/ID/    the subtitle files and the JSON result
work_dir/uploads/         videos that belong to a workflow
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Collection
from pathlib import Path

from yivideo_ray.errors import OutputError
from yivideo_ray.files import write_atomically

__all__ = ["PREFIX", "RESUMABLE", "ServiceDirectories"]

PREFIX = "wf-"
"""How the ids of the service's workflows begin: those of other runs are hexadecimal alone."""

RESUMABLE = "resumable"
"""Where, under uploads, ID.json tells of uploads that go on: the directory ID beside it has no workflow yet."""

USERS = "databases"


class ServiceDirectories:
    """What is not there is no error where something is removed."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir.expanduser()

    @property
    def uploads(self) -> Path:
        return self._work_dir / "uploads"

    def results(self, workflow_id: str) -> Path:
        return self._work_dir / "workflows" / workflow_id

    def fresh_results(self, workflow_id: str) -> Path:
        """Returns the directory of a workflow's results, made anew. Errors: OutputError OUTPUT_NOT_WRITABLE,
        STORAGE_FULL."""
        directory = self.results(workflow_id)
        self.drop_results(workflow_id)
        try:
            directory.mkdir(parents=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutputError(f"{directory} can't be made: {error.strerror}.", code="STORAGE_FULL") from error
            raise OutputError(
                f"{directory} can't be made: {error.strerror}.", remedy="Set storage.work_dir to another directory."
            ) from error
        return directory

    def drop_results(self, workflow_id: str) -> None:
        shutil.rmtree(self.results(workflow_id), ignore_errors=True)

    def remove(self, workflow_id: str, video: Path | None) -> None:
        """Removes all that a workflow has, and the video if it is given."""
        self.drop_results(workflow_id)
        if video is not None:
            _remove_upload(video, self.uploads)

    def remove_upload(self, video: Path) -> None:
        """Removes a video that belongs to a workflow, and what it was in alone."""
        _remove_upload(video, self.uploads)

    def size(self, workflow_id: str, video: Path | None) -> int:
        """Returns the bytes of a workflow's results, and of its video if it is given."""
        files = [*_inside(self.results(workflow_id)), *([] if video is None else [video])]
        return sum(_size(file) for file in files)

    def clean(self, database_id: str, workflows: Collection[str], videos: Collection[str]) -> None:
        """Removes what workflows left that are no longer there, and uploads that no workflow has and that don't go on.

        To be called before anything is uploaded, by the one service of the database: whoever made them is dead. Where
        services of several databases have used the directory, nothing is removed: nobody knows whose it is.
        """
        if self._users(database_id) != {database_id}:
            return
        for directory in _inside(self._work_dir / "workflows"):
            if directory.name.startswith(PREFIX) and directory.name not in workflows:
                shutil.rmtree(directory, ignore_errors=True)
        going_on = {RESUMABLE, *(path.stem for path in _inside(self.uploads / RESUMABLE))}
        for entry in _inside(self.uploads):
            if entry.name in going_on:
                continue
            wanted = any(Path(video) == entry or Path(video).is_relative_to(entry) for video in videos)
            if not wanted:
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    def _users(self, database_id: str) -> set[str]:
        """Returns the databases whose services have used the directory, this one among them."""
        path = self._work_dir / "workflows" / USERS
        try:
            users = {database_id, *path.read_text(encoding="ascii").split()}
        except FileNotFoundError:
            users = {database_id}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "\n".join(sorted(users)).encode() + b"\n")
        return users


def _inside(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def _remove_upload(video: Path, uploads: Path) -> None:
    video.unlink(missing_ok=True)
    # An upload may have a directory of its own, so as to keep its name.
    if video.parent != uploads and video.is_relative_to(uploads):
        with contextlib.suppress(OSError):
            video.parent.rmdir()
