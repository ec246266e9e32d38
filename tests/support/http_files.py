"""A web server at loopback that gives files, in parts if asked to, and makes the trouble that a test wants."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.locations import Url
from yivideo_ray.media import probe
from yivideo_ray.types import VideoInfo

__all__ = ["BLOCK", "FILM", "FRAMES", "SETTINGS", "Asked", "HttpFiles", "at", "http_files", "late", "refusal"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. start and end are those of the part that is asked for, end not included; None: for all of it."""

    method: str
    path: str
    start: int | None
    end: int | None
    headers: dict[str, str]


@dataclass(slots=True)
class HttpFiles:
    """files: bytes by path. trouble is given every request, and names what goes wrong with it:

    "drop" sends half and closes, "stall" sends half and no more, "whole" gives all instead of a part, "short" gives
    half as if no more had been asked for, "unsized" tells no size; a number is sent as status, with a page; anything
    else is where a redirect leads.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: Callable[[Asked], str | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)
    tells_version: bool = True
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def parts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.start is not None]


@contextlib.contextmanager
def http_files() -> Iterator[HttpFiles]:
    """Yields a server; all that it told to stall ends with it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    found = HttpFiles(f"http://127.0.0.1:{server.server_address[1]}")
    server.found = found  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@lru_cache(maxsize=16)
def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A body that waits for its headers to be acknowledged takes 40 ms.
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        found: HttpFiles = self.server.found  # type: ignore[attr-defined]
        if found.over.is_set():
            # A connection that was kept outlives its server.
            self.close_connection = True
            return
        given = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, end = (int(given[1]), int(given[2]) + 1) if given else (None, None)
        asked = Asked(self.command, self.path, start, end, dict(self.headers))
        found.asked.append(asked)
        trouble = found.trouble(asked)
        data = found.files.get(self.path)
        if trouble is not None and trouble.isdigit():
            self._send(int(trouble), b"a page")
        elif trouble is not None and "://" in trouble:
            self._send(302, b"a page", Location=trouble)
        elif data is None:
            self._send(404, b"a page")
        else:
            self._give(found, data, asked, trouble)

    def _give(self, found: HttpFiles, data: bytes, asked: Asked, trouble: str | None) -> None:
        headers = {"Accept-Ranges": "bytes"}
        if found.tells_version:
            headers["ETag"] = f'"{_version(data)}"'
        if asked.start is None or trouble == "whole":
            self._send(200, data, trouble, **headers)
        elif asked.start >= len(data):
            self._send(416, b"", **headers)
        else:
            part = data[asked.start : asked.end]
            part = part[: len(part) // 2] if trouble == "short" else part
            where = f"bytes {asked.start}-{asked.start + len(part) - 1}/{len(data)}"
            self._send(206, part, trouble, **headers, **{"Content-Range": where})

    def _send(self, status: int, body: bytes, trouble: str | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if trouble == "unsized":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if trouble == "unsized":
            self.close_connection = True
        if self.command == "HEAD":
            return
        with contextlib.suppress(ConnectionError):
            if trouble in ("drop", "stall"):
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                if trouble == "stall":
                    self.server.found.over.wait(60)  # type: ignore[attr-defined]
                self.close_connection = True
            else:
                self.wfile.write(body)


SETTINGS = DecoderSettings(url_timeout_s=20)
BLOCK = 4096
FILM = "/films/film.mp4"
FRAMES = 150


def at(server: HttpFiles, path: str = FILM, settings: DecoderSettings = SETTINGS) -> VideoInfo:
    return probe(Url(server.url + path), settings, [f"{server.url}/films"])


def refusal(server: HttpFiles, path: str = FILM, settings: DecoderSettings = SETTINGS) -> InputError:
    with pytest.raises(InputError) as caught:
        at(server, path, settings)
    assert caught.value.message.endswith(".")
    return caught.value


def late(asked: Asked) -> bool:
    """Returns whether a request is for a part behind the first blocks."""
    return asked.start is not None and asked.start >= 2 * BLOCK
