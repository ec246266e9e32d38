"""Videos that come in by multipart/form-data: streamed to disk, hashed on the way, never larger than they may be.

An upload lies under storage.work_dir/uploads in a directory of its own. What a service that was killed leaves there is
removed when the next one starts, by that which keeps the workflows.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from yivideo_ray.errors import OutputError, ServiceError
from yivideo_ray.http.incoming import Incoming

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["Form", "announced_bytes", "discard", "file_name", "not_kept", "read_body", "read_form", "too_large"]

FILE_FIELD = "video"
# Fields with their names.
FIELDS_BYTES = 64 * 1024
# More than there are fields.
PARTS = 20
NAME_BYTES = 200


@dataclass(slots=True)
class Form:
    """What a form held: its text fields, and the upload with the SHA-256 of its bytes as a hex digest."""

    fields: dict[str, str] = field(default_factory=dict)
    video: Path | None = None
    digest: str = ""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Returns the body of a request. Errors: ServiceError REQUEST_TOO_LARGE."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise ServiceError(f"The body has more than {limit_bytes} bytes.", code="REQUEST_TOO_LARGE")
    return bytes(body)


def announced_bytes(request: Request) -> int:
    """Returns how long the head of a request says that its body is; 0: it doesn't say."""
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() and len(announced) <= 18 else 0


async def read_form(request: Request, incoming: Incoming, limit_bytes: int) -> Form:
    """Returns the form of a multipart request, whose file is now on disk, synced; it is the caller's to discard.

    Errors, after which nothing of it is left: ServiceError UPLOAD_TOO_LARGE, REQUEST_TOO_LARGE (the fields),
    REQUEST_MALFORMED, REQUEST_INVALID; OutputError STORAGE_FULL, OUTPUT_NOT_WRITABLE; those of the connection.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    if not options.get(b"boundary"):
        raise ServiceError("The form's Content-Type names no boundary.", code="REQUEST_MALFORMED")
    if announced_bytes(request) > limit_bytes + 2 * FIELDS_BYTES:
        raise too_large(limit_bytes)
    receiver = _Receiver(limit_bytes)
    try:
        async with incoming.directory(receiver.close) as directory:
            form = await _receive(request.stream(), options[b"boundary"], directory, receiver, incoming)
            if form.video is not None:
                form.video = await incoming.keep(directory) / form.video.name
    except OSError as error:
        raise not_kept(error) from error
    return form


def not_kept(error: OSError) -> OutputError:
    """Returns what the system said of an upload's file as one of our errors."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutputError(
        f"The upload can't be kept: {error.strerror or error}.",
        code="STORAGE_FULL" if full else "OUTPUT_NOT_WRITABLE",
        remedy="Free some disk space under storage.work_dir."
        if full
        else "Set storage.work_dir to a directory that the service may write.",
    )


async def discard(form: Form, incoming: Incoming) -> None:
    """Deletes the upload, if there is one."""
    if form.video is not None:
        await incoming.remove(form.video.parent)


async def _receive(
    stream: AsyncIterator[bytes], boundary: bytes, directory: Path, receiver: _Receiver, incoming: Incoming
) -> Form:
    try:
        receiver.begin(boundary, directory)
        async for chunk in stream:
            if receiver.ended:
                receiver.count(len(chunk))
            else:
                await incoming.threads.run(receiver.write, chunk)
        receiver.finish()
    except FormParserError as error:
        raise ServiceError(f"The form can't be read: {error}.", code="REQUEST_MALFORMED") from error
    if not receiver.ended:
        raise ServiceError("The form ends before its last boundary.", code="REQUEST_MALFORMED")
    return receiver.form


class _Receiver:
    """Takes the parts of a form as the parser finds them. Once closed, it takes nothing: a write may be under way in
    another thread when its request is cancelled."""

    def __init__(self, limit_bytes: int) -> None:
        self.form = Form()
        self.ended = False
        self._lock = threading.Lock()
        self._closed = False
        self._parts = 0
        self._left = limit_bytes
        self._limit_bytes = limit_bytes
        self._fields_left = FIELDS_BYTES
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._name = ""
        self._text = bytearray()

    def begin(self, boundary: bytes, directory: Path) -> None:
        """directory is made for the file. Errors: FormParserError."""
        self._directory = directory
        self._parser = MultipartParser(boundary, self._callbacks())

    def write(self, data: bytes) -> None:
        """Errors: FormParserError, ServiceError, OSError."""
        with self._lock:
            if not self._closed:
                self._parser.write(data)

    def finish(self) -> None:
        """Errors: FormParserError."""
        self._parser.finalize()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close_file()

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header,
            "on_header_value": self._take_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._start,
            "on_part_data": self._take,
            "on_part_end": self._finish,
            "on_end": self._end,
        }

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise ServiceError(f"The form has more than {PARTS} parts.", code="REQUEST_TOO_LARGE")
        self._disposition, self._name = b"", ""
        self._text.clear()

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _start(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self.count(len(self._disposition))
        if not self._name or self._name in self.form.fields or (self._name == FILE_FIELD and self.form.video):
            raise ServiceError("A part of the form has no name, or one that another has.", code="REQUEST_INVALID")
        if (self._name == FILE_FIELD) is not (b"filename" in options):
            raise ServiceError(f"The form's only file is {FILE_FIELD}.", code="REQUEST_INVALID")
        if self._name == FILE_FIELD:
            self._directory.mkdir(parents=True)
            self.form.video = self._directory / file_name(options[b"filename"])
            self._file = self.form.video.open("xb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self.count(end - start)
            self._text += data[start:end]
            return
        self._left -= end - start
        if self._left < 0:
            raise too_large(self._limit_bytes)
        with memoryview(data)[start:end] as piece:
            self._digest.update(piece)
            self._file.write(piece)

    def count(self, field_bytes: int) -> None:
        """Counts what is not the file's. Errors: ServiceError REQUEST_TOO_LARGE."""
        self._fields_left -= field_bytes
        if self._fields_left < 0:
            raise ServiceError(f"The form's fields have more than {FIELDS_BYTES} bytes.", code="REQUEST_TOO_LARGE")

    def _finish(self) -> None:
        if self._file is None:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace")
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self.form.digest = self._digest.hexdigest()
        self._close_file()

    def _end(self) -> None:
        self.ended = True


def too_large(limit_bytes: int) -> ServiceError:
    return ServiceError(
        f"The upload has more than {limit_bytes} bytes.", code="UPLOAD_TOO_LARGE", limit_bytes=limit_bytes
    )


def file_name(given: bytes) -> str:
    """Returns a name for the file that is the client's own as far as a file here may have it."""
    name = given.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    clean = "".join(character for character in name if unicodedata.category(character) not in ("Cc", "Cs"))
    short = clean.encode()[:NAME_BYTES].decode("utf-8", "ignore").strip()
    return short if short not in ("", ".", "..") else "video"
