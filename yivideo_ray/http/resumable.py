"""Uploads that go on after a break, as the tus protocol 1.0 has them (https://tus.io). How much of one has come is the
size of its file, whatever was killed in between.

work_dir/uploads/ID/NAME               what came so far
work_dir/uploads/resumable/ID.json     its length and name, until a workflow has it
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from yivideo_ray.errors import ServiceError
from yivideo_ray.http.incoming import Incoming
from yivideo_ray.http.uploads import file_name, not_kept, too_large
from yivideo_ray.service.directories import RESUMABLE

__all__ = ["EXPIRES_S", "ID_PATTERN", "Resumable", "Upload"]

ID_PATTERN = r"^up-[0-9a-f]{32}$"
EXPIRES_S = 24 * 3600.0
"""What nobody has added to for so long, and no workflow has, is removed."""
MOST = 1000


@dataclass(frozen=True, slots=True)
class Upload:
    """length and offset are bytes: of the whole, and of what has come."""

    upload_id: str
    path: Path
    length: int
    offset: int

    @property
    def expires(self) -> float:
        """The Unix time at which it is removed if nothing is added."""
        return self.path.stat().st_mtime + EXPIRES_S


class Resumable:
    """Errors of all: ServiceError UPLOAD_NOT_FOUND where an id is given, OutputError STORAGE_FULL, OUTPUT_NOT_WRITABLE.
    What is no coroutine blocks."""

    def __init__(self, incoming: Incoming, limit_bytes: int) -> None:
        self._incoming = incoming
        self._states = incoming.uploads / RESUMABLE
        self._limit_bytes = limit_bytes
        self._busy: set[str] = set()

    def create(self, length: int, name: bytes) -> Upload:
        """Returns a new one, of which nothing has come. Errors: ServiceError UPLOAD_TOO_LARGE, TOO_MANY_REQUESTS."""
        if length > self._limit_bytes:
            raise too_large(self._limit_bytes)
        upload_id = f"up-{secrets.token_hex(16)}"
        with _told():
            self._states.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in self._states.iterdir()) >= MOST:
                raise ServiceError(
                    f"{MOST} uploads are not finished or not used.", code="TOO_MANY_REQUESTS", retry_after_s=60
                )
            path = self._incoming.uploads / upload_id / file_name(name)
            # The state first: what it names is not taken for rubbish.
            self._state(upload_id).write_text(json.dumps({"length": length, "name": path.name}), encoding="utf-8")
            path.parent.mkdir()
            path.touch()
        return Upload(upload_id, path, length, 0)

    def find(self, upload_id: str) -> Upload:
        """Returns one that no workflow has yet."""
        try:
            state = json.loads(self._state(upload_id).read_text(encoding="utf-8"))
            path = self._incoming.uploads / upload_id / state["name"]
            return Upload(upload_id, path, state["length"], path.stat().st_size)
        except (OSError, ValueError) as error:
            raise _not_found(upload_id) from error

    async def append(self, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        """Adds a body at the offset, and returns what there is then. What came of a body that broke off is kept.

        Errors: ServiceError UPLOAD_CONFLICT if the offset is not what has come, or another request adds to it;
        UPLOAD_TOO_LARGE if more comes than was said; those of the body.
        """
        upload = await self._incoming.threads.run(self.find, upload_id)
        if offset != upload.offset or upload_id in self._busy:
            raise ServiceError(
                f"Of the upload {upload.offset} bytes have come.", code="UPLOAD_CONFLICT", offset=upload.offset
            )
        self._busy.add(upload_id)
        writer = _Writer(upload)
        try:
            async for piece in body:
                await self._incoming.threads.run(writer.write, piece)
        finally:

            def end() -> None:
                writer.close()
                self._busy.discard(upload_id)

            await self._incoming.to_its_end(end)
        return await self._incoming.threads.run(self.find, upload_id)

    def video(self, upload_id: str) -> Path:
        """Returns the file of a whole upload, also if a workflow has it already. Errors: UPLOAD_CONFLICT if it is not
        whole."""
        if not self._state(upload_id).exists():
            # A workflow has it, or nobody.
            with contextlib.suppress(OSError):
                for path in (self._incoming.uploads / upload_id).iterdir():
                    return path
            raise _not_found(upload_id)
        upload = self.find(upload_id)
        if upload.offset != upload.length:
            raise ServiceError(
                f"Of the upload {upload.offset} bytes of {upload.length} have come.", code="UPLOAD_CONFLICT"
            )
        return upload.path

    def hand_over(self, upload_id: str) -> None:
        """Has it belong to a workflow."""
        self._state(upload_id).unlink(missing_ok=True)

    def remove(self, upload_id: str) -> None:
        upload = self.find(upload_id)
        shutil.rmtree(upload.path.parent, ignore_errors=True)
        self.hand_over(upload_id)

    def sweep(self, age_s: float = EXPIRES_S) -> None:
        """Removes what nobody has added to for so long."""
        with contextlib.suppress(OSError):
            for state in self._states.iterdir():
                with contextlib.suppress(ServiceError, OSError):
                    if state.stem not in self._busy and self.find(state.stem).expires - EXPIRES_S < time.time() - age_s:
                        self.remove(state.stem)

    def _state(self, upload_id: str) -> Path:
        if not re.fullmatch(ID_PATTERN, upload_id):
            raise _not_found(upload_id)
        return self._states / f"{upload_id}.json"


class _Writer:
    """Writes at the end of a file. Once closed, it takes nothing: a write may be under way in another thread then."""

    def __init__(self, upload: Upload) -> None:
        self._lock = threading.Lock()
        self._left = upload.length - upload.offset
        self._length = upload.length
        self._path = upload.path
        self._descriptor: int | None = None
        self._closed = False

    def write(self, data: bytes) -> None:
        with self._lock, _told():
            if self._closed:
                return
            self._left -= len(data)
            if self._left < 0:
                raise too_large(self._length)
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._descriptor)
                os.close(self._descriptor)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_kept(error) from error


def _not_found(upload_id: str) -> ServiceError:
    return ServiceError(f"There is no upload {upload_id!r}.", code="UPLOAD_NOT_FOUND")
