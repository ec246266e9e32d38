"""Opens a video, and nothing else: checks its place first, refuses playlists, and names what is wrong.

FFmpeg is only ever given "file:" and an absolute path, or bytes that come from elsewhere, with a whitelist of formats
and of protocols. So no name is taken for a URL, an option or a pattern, and no file makes it open another one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.locations import Url, is_address, require_allowed
from yivideo_ray.media.remote import RemoteFile, look
from yivideo_ray.types import VideoInfo

__all__ = ["Found", "Opened", "check_path", "check_unchanged", "find", "open_container"]

# Containers of video, and of sound, so that sound is refused as "no video" and not as "unknown".
_FORMATS = (
    "mov,matroska,avi,asf,flv,mpegts,mpeg,ogg,mxf,mxf_opatom,nut,rm,dv,gif,apng,ivf,yuv4mpegpipe,wtv,gxf,nsv,amv,"
    "h264,hevc,vvc,mpegvideo,m4v,obu,av1,vc1,mjpeg,"
    "mp3,flac,wav,w64,aac,aiff,ac3,eac3,dts,ape,amr,caf,tta,wv,mpc,mpc8,au,ac4,truehd"
)
_OPEN_TIMEOUT_S = 8.0
# Each piece comes in time or not at all (decoder.url_timeout_s); this is for a file that has FFmpeg ask for ever.
_REMOTE_OPEN_TIMEOUT_S = 300.0
_SNIFF_BYTES = 4096

_SCHEME = re.compile(
    r"(?:[a-z][a-z0-9+.-]+:/|"
    r"(?:async|cache|concat|concatf|crypto|data|dash|fd|file|ftp|gopher|hls|http|https|httpproxy|icecast|ipfs|md5|mmsh"
    r"|mmst|pipe|prompeg|rist|rtmp|rtmps|rtp|rtsp|sap|sctp|sftp|smb|srt|srtp|subfile|tcp|tee|tls|udp|unix|zmq):)",
    re.IGNORECASE,
)
_PLAYLIST = re.compile(
    rb"#EXTM3U|ffconcat\s+version|v=0\s*[\r\n]+o=|\[playlist\]|\[reference\]|<asx\b|<smil\b"
    rb"|<\?xml.*?<(?:\w+:)?(?:mpd|smil|asx|smoothstreamingmedia|compositionplaylist)\b|<mpd\b|<smoothstreamingmedia\b",
    re.IGNORECASE | re.DOTALL,
)
_CONTAINER_MAGIC = (
    re.compile(rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot)", re.DOTALL),
    re.compile(rb"\x1a\x45\xdf\xa3"),
    re.compile(rb"RIFF.{4}(?:AVI |AMV )", re.DOTALL),
    re.compile(rb"FLV[\x01-\x04]"),
    re.compile(rb"\x00\x00\x01[\xba\xb3]"),
    re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    re.compile(rb"OggS"),
    re.compile(rb"\x47.{187}\x47", re.DOTALL),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A video as it is now. path is absolute, or an address; the rest is as in VideoInfo."""

    path: str
    size_bytes: int
    mtime_ns: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened container, to be closed. FFmpeg takes bytes that can't be had for the end of the file or for damage:
    check, asked whenever something is wrong or has ended, raises the InputError (or the interruption) behind it."""

    container: InputContainer
    remote: RemoteFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    def check(self) -> None:
        if self.remote is not None:
            self.remote.check()


def find(video: str | Path | Url, settings: DecoderSettings, allowed_urls: Sequence[str] = ()) -> Found:
    """Returns a video that may be opened, as it is now. A string names a file where such a file exists.

    Errors: those of check_path for files, those of remote.look for addresses, and InputError INPUT_SCHEME_FORBIDDEN
    for one that is unsound or begins with none of allowed_urls.
    """
    if isinstance(video, str) and is_address(video) and not os.path.exists(video):  # noqa: PTH110 - no Path of it
        video = Url(video)
    if isinstance(video, Url):
        return _found(admitted(video, allowed_urls), settings)
    absolute, facts = check_path(video)
    return Found(str(absolute), facts.st_size, facts.st_mtime_ns)


def admitted(url: Url, allowed_urls: Sequence[str]) -> Url:
    """Returns the address. Errors: InputError INPUT_SCHEME_FORBIDDEN if it may not be read."""
    try:
        require_allowed(url, allowed_urls)
    except ValueError as error:
        raise InputError(f"The address {str(url)!r} {error}.", code="INPUT_SCHEME_FORBIDDEN") from error
    return url


def _found(url: Url, settings: DecoderSettings) -> Found:
    facts = look(url, settings.url_timeout_s)
    return Found(url.text, facts.size_bytes, version=facts.version)


def check_path(path: str | Path) -> tuple[Path, os.stat_result]:
    """Returns the absolute path of a regular, non-empty, readable file that is no playlist, and its stat.

    Errors: InputError INPUT_NOT_FOUND, INPUT_SCHEME_FORBIDDEN, INPUT_NOT_REGULAR_FILE, INPUT_UNREADABLE, INPUT_EMPTY,
    INPUT_FORMAT_FORBIDDEN. A name that looks like a URL is taken as a file's where such a file exists.
    """
    text = os.fspath(path)
    absolute = Path(os.path.abspath(text))  # noqa: PTH100 - Path.absolute() keeps "..", and resolve() follows links
    try:
        facts = absolute.stat()
    except PermissionError as error:
        raise InputError(f"{text!r} may not be read.", code="INPUT_UNREADABLE") from error
    except (OSError, ValueError) as error:
        if _SCHEME.match(text):
            raise InputError(f"{text!r} is an address, not a file.", code="INPUT_SCHEME_FORBIDDEN") from error
        raise InputError(f"There is no file {text!r}.", code="INPUT_NOT_FOUND") from error
    if not stat.S_ISREG(facts.st_mode):
        kind = "a directory" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
        raise InputError(f"{text!r} is {kind}.", code="INPUT_NOT_REGULAR_FILE")
    if facts.st_size == 0:
        raise InputError(f"{text!r} is empty.", code="INPUT_EMPTY")
    _refuse_playlist(_head(absolute), text)
    return absolute, facts


def check_unchanged(info: VideoInfo, settings: DecoderSettings) -> None:
    """Errors: InputError INPUT_CHANGED if the video's size, time of change or version is not what probing found, and
    those of find, but for what probing has allowed."""
    now = _found(Url(info.path), settings) if is_address(info.path) else find(Path(info.path), settings)
    if (now.size_bytes, now.mtime_ns, now.version) != (info.size_bytes, info.mtime_ns, info.version):
        raise InputError(f"{info.path!r} has changed since it was first read.", code="INPUT_CHANGED")


def open_container(path: str, size_bytes: int, settings: DecoderSettings, hwaccel: HWAccel | None = None) -> Opened:
    """Returns the opened container of what find found; the caller closes it. hwaccel: what decodes it.

    Errors: InputError INPUT_CORRUPT, INPUT_UNRECOGNIZED, INPUT_UNREADABLE; for an address INPUT_FORMAT_FORBIDDEN and
    those of RemoteFile.check.
    """
    options = {
        "format_whitelist": _FORMATS,
        "protocol_whitelist": "file",
        # Some decoders run while the streams are explored, before anyone can look at the picture's size.
        "max_pixels": str(max_pixels(settings)),
    }
    remote = _remote(path, size_bytes, settings) if is_address(path) else None
    if remote is not None:
        options["protocol_whitelist"] = "none"
    try:
        container = av.open(
            f"file:{path}" if remote is None else remote,
            "r",
            options=options,
            metadata_errors="replace",
            timeout=(_OPEN_TIMEOUT_S if remote is None else _REMOTE_OPEN_TIMEOUT_S, None),
            hwaccel=hwaccel,
        )
    except PermissionError as error:
        raise InputError(f"{path!r} may not be read.", code="INPUT_UNREADABLE") from error
    except (av.FFmpegError, EOFError, ValueError) as error:
        if remote is not None:
            remote.check()
            if isinstance(error, av.error.ExitError):
                raise InputError(f"{path!r} could not be opened in time.", code="INPUT_UNREACHABLE") from error
        head = _head(Path(path)) if remote is None else _remote_head(remote)
        if any(magic.match(head) for magic in _CONTAINER_MAGIC):
            raise InputError(
                f"{path!r} is damaged or incomplete: its headers can't be read.", code="INPUT_CORRUPT"
            ) from error
        raise InputError(f"{path!r} is not a video file.", code="INPUT_UNRECOGNIZED") from error
    opened = Opened(container, remote)
    try:
        opened.check()
    except BaseException:
        container.close()
        raise
    return opened


def max_pixels(settings: DecoderSettings) -> int:
    """Returns how many pixels a decoder may allocate for one picture."""
    # Coded pictures are padded to whole blocks of up to 128 pixels.
    side = settings.max_dimension_px + 128
    return min(side**2, settings.max_pixels + 2 * 128 * side)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SNIFF_BYTES)
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error


def _refuse_playlist(head: bytes, name: str) -> None:
    if _PLAYLIST.match(head.removeprefix(b"\xef\xbb\xbf").lstrip()):
        raise InputError(f"{name!r} is a playlist, which names other files.", code="INPUT_FORMAT_FORBIDDEN")


def _remote(path: str, size_bytes: int, settings: DecoderSettings) -> RemoteFile:
    remote = RemoteFile(Url(path), size_bytes, settings.url_timeout_s)
    _refuse_playlist(_remote_head(remote), path)
    remote.seek(0)
    return remote


def _remote_head(remote: RemoteFile) -> bytes:
    remote.seek(0)
    head = remote.read(_SNIFF_BYTES)
    remote.check()
    return head
