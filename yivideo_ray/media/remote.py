"""Reads videos from addresses, through fsspec, in pieces that FFmpeg may ask for in any order; each comes in time or
fails.

What fails is remembered: FFmpeg takes a read that raises for damage, and one that an interruption ends for a reason to
ask for ever; so a read never raises, and whoever uses the container asks RemoteFile.check. An address is opened as it
is; whether it may be is for media/opening.py to say. fsspec is imported when the first one is read.
"""

from __future__ import annotations

import hashlib
import io
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from yivideo_ray.errors import InputError, YivideoError
from yivideo_ray.locations import PACKAGES, Url
from yivideo_ray.retries import RetryPolicy, retry

__all__ = ["RemoteFacts", "RemoteFile", "look"]

Result = TypeVar("Result")

_HTTP = frozenset({"http", "https"})
BLOCK_BYTES = 256 * 1024
# Whoever seeks needs little; whoever reads on is given twice as much each time, up to so many blocks.
_LONGEST_RUN = 16
# Containers keep what belongs together apart: an index, sound and picture of one time.
_BLOCKS_KEPT = 2 * _LONGEST_RUN
# How often the same is asked for. Each attempt has a limit of its own.
ATTEMPTS = RetryPolicy(attempts=3, total_s=None, first_wait_s=0.5, longest_wait_s=2.0, jitter_s=0.5)
# How filesystems call what tells one version of an object from the next.
_VERSION_KEYS = (
    *("ETag", "etag", "e_tag", "Content-MD5", "content_md5", "Digest", "md5Hash", "crc32c", "checksum", "blob_id"),
    *("generation", "VersionId", "version_id", "Last-Modified", "LastModified", "last_modified", "last_commit"),
    *("updated", "mtime", "modified", "created"),
)


class RemoteFacts(NamedTuple):
    """version: a digest of what the server tells of the object besides its size; "" if that is nothing."""

    size_bytes: int
    version: str


class _Redirected(Exception):  # noqa: N818 - becomes an InputError before anyone sees it
    """The server named another address."""


class _Whole(Exception):  # noqa: N818 - the same
    """The server was asked for a piece, and sends something else."""


def look(url: Url, timeout_s: float) -> RemoteFacts:
    """Returns what the server tells of an object.

    Errors: InputError INPUT_NOT_FOUND, INPUT_NOT_REGULAR_FILE, INPUT_EMPTY, INPUT_UNREADABLE, INPUT_SCHEME_FORBIDDEN
    (a redirect), DEPENDENCY_MISSING, and INPUT_UNREACHABLE, which may be cured by asking again later.
    """
    filesystem, path = _filesystem(url, timeout_s)

    def ask() -> Any:
        filesystem.invalidate_cache(path)
        return filesystem.info(path)

    facts = _asked(url, timeout_s, ask)
    if facts.get("type") == "directory":
        raise InputError(f"'{url}' is a directory.", code="INPUT_NOT_REGULAR_FILE")
    size = facts.get("size")
    if not isinstance(size, int) or facts.get("partial") is False:
        raise _without_ranges(url)
    if size == 0:
        raise InputError(f"'{url}' is empty.", code="INPUT_EMPTY")
    told = [f"{key}={facts[key]}" for key in _VERSION_KEYS if facts.get(key)]
    return RemoteFacts(size, hashlib.sha256("\n".join(told).encode()).hexdigest()[:32] if told else "")


class RemoteFile(io.RawIOBase):
    """An object of a known size as a file for PyAV. After a failure it is at its end for good. Not thread-safe.

    name is the last part of the address: FFmpeg judges by its suffix where bytes don't tell.
    """

    def __init__(self, url: Url, size_bytes: int, timeout_s: float) -> None:
        super().__init__()
        self.name = url.name
        self._url = url
        self._size_bytes = size_bytes
        self._timeout_s = timeout_s
        self._filesystem, self._path = _filesystem(url, timeout_s)
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        # The number of blocks in the last request, and the block behind them.
        self._run, self._next = 0, 0
        self._failure: BaseException | None = None

    def check(self) -> None:
        """Raises what kept bytes from coming: the errors of look, INPUT_CHANGED, or an interruption."""
        if self._failure is not None:
            raise self._failure

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Returns the next bytes, of one block at most. None at the end, and where they can't be had: ask check."""
        if self._failure is not None or self._position >= self._size_bytes:
            return b""
        try:
            block = self._block(self._position // BLOCK_BYTES)
        except BaseException as error:
            self._failure = error
            return b""
        start = self._position % BLOCK_BYTES
        part = block[start:] if count < 0 else block[start : start + count]
        self._position += len(part)
        return part

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._run = min(max(1, 2 * self._run), _LONGEST_RUN) if number == self._next else 1
            self._next = number + self._run
            data = self._fetched(number * BLOCK_BYTES, min(self._next * BLOCK_BYTES, self._size_bytes))
            for offset in range(0, len(data), BLOCK_BYTES):
                fetched = number + offset // BLOCK_BYTES
                self._blocks[fetched] = data[offset : offset + BLOCK_BYTES]
                self._blocks.move_to_end(fetched)
            while len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetched(self, start: int, end: int) -> bytes:
        data: bytes = _asked(
            self._url, self._timeout_s, lambda: self._filesystem.cat_file(self._path, start=start, end=end)
        )
        if len(data) != end - start:
            raise InputError(f"'{self._url}' has another size than before.", code="INPUT_CHANGED")
        return data


def _filesystem(url: Url, timeout_s: float) -> tuple[Any, str]:
    """Returns fsspec's filesystem for an address, and the name that the object has there."""
    try:
        from fsspec.core import url_to_fs

        options = _http_options(url.protocol, timeout_s) if url.protocol in _HTTP else {}
        found: tuple[Any, str] = url_to_fs(url.text, **options)
        return found
    except ImportError as error:
        package = PACKAGES[url.protocol]
        raise InputError(
            f"'{url}' can't be read without the Python package {package}.",
            code="DEPENDENCY_MISSING",
            remedy=f"Install it on every node: pip install {package}.",
            package=package,
        ) from error
    except Exception as error:
        # Some connect, or look for credentials, as soon as they are made.
        raise _named(url, error) from error


def _http_options(protocol: str, timeout_s: float) -> dict[str, Any]:
    """Returns what requests are made with, besides what the node's own configuration of fsspec says."""
    import aiohttp
    from fsspec.config import conf

    own = conf.get(protocol, {})
    return {
        "allow_redirects": False,
        "timeout": aiohttp.ClientTimeout(total=timeout_s),
        # A compressed piece is none of the file.
        "headers": {**own.get("headers", {}), "Accept-Encoding": "identity"},
        "client_kwargs": {**own.get("client_kwargs", {}), "raise_for_status": _require_what_was_asked},
    }


async def _require_what_was_asked(response: Any) -> None:
    """Refuses what fsspec would take for the video's bytes: the page that a redirect comes with, and a whole file in
    place of a piece."""
    if 300 <= response.status < 400:
        raise _Redirected
    if response.status == 200 and "Range" in response.request_info.headers:
        raise _Whole


def _asked(url: Url, timeout_s: float, ask: Callable[[], Result]) -> Result:
    """Returns the answer, if need be after further attempts. Errors: those of look."""

    def attempt() -> Result:
        try:
            return _within(timeout_s, ask)
        except Exception as error:
            raise _named(url, error) from error

    return retry(attempt, ATTEMPTS)


def _within(limit_s: float, ask: Callable[[], Result]) -> Result:
    """Returns what ask returns, or raises TimeoutError; then it may go on in a thread that nobody waits for, since
    filesystems have limits of their own, or none."""
    answers: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=work, name="remote read", daemon=True).start()
    try:
        answer, error = answers.get(timeout=limit_s)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


def _named(url: Url, error: Exception) -> YivideoError:  # noqa: PLR0911 - a table, one entry per failure
    """Returns a foreign error as one of ours. What it says is left out: it may hold signed addresses."""
    if url.protocol in _HTTP and isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        # fsspec says so of whatever went wrong.
        return _named(url, error.__cause__)
    status = getattr(error, "status", None)
    if isinstance(error, _Redirected):
        return InputError(
            f"'{url}' leads to another address, and redirects are not followed.",
            code="INPUT_SCHEME_FORBIDDEN",
            remedy="Pass the address that it leads to, and have storage.allowed_urls allow that one.",
        )
    if isinstance(error, _Whole):
        return _without_ranges(url)
    if status == 416:
        return InputError(f"'{url}' is shorter than before.", code="INPUT_CHANGED")
    if isinstance(error, YivideoError):
        return error
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return InputError(f"There is nothing at '{url}'.", code="INPUT_NOT_FOUND", remedy="Check the address.")
    if isinstance(error, PermissionError) or "Credential" in type(error).__name__ or status in (401, 403, 407):
        return InputError(
            f"'{url}' may not be read.",
            code="INPUT_UNREADABLE",
            remedy="Give every node credentials for it, as the package that reads it looks for them.",
        )
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 425, 429):
        return InputError(f"'{url}' can't be read: HTTP status {status}.", code="INPUT_UNREADABLE")
    if isinstance(error, TimeoutError):
        why = "no answer in time"
    else:
        why = f"HTTP status {status}" if isinstance(status, int) else type(error).__name__
    return InputError(f"'{url}' can't be read now: {why}.", code="INPUT_UNREACHABLE")


def _without_ranges(url: Url) -> InputError:
    return InputError(
        f"The server of '{url}' doesn't tell how large it is, or gives no parts of it.",
        code="INPUT_UNREADABLE",
        remedy="Download the video and pass the path of the file.",
    )
