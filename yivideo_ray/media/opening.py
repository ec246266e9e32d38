"""Opens a video file, and nothing else: checks the path first, refuses playlists, and names what is wrong.

FFmpeg is only ever given "file:" and an absolute path, with a whitelist of formats and of protocols. So no name is
taken for a URL, an option or a pattern, and no file makes it open another one.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from yivideo_ray.config import DecoderSettings
from yivideo_ray.errors import InputError
from yivideo_ray.types import VideoInfo

__all__ = ["check_path", "check_unchanged", "open_container"]

# Containers of video, and of sound, so that sound is refused as "no video" and not as "unknown".
_FORMATS = (
    "mov,matroska,avi,asf,flv,mpegts,mpeg,ogg,mxf,mxf_opatom,nut,rm,dv,gif,apng,ivf,yuv4mpegpipe,wtv,gxf,nsv,amv,"
    "h264,hevc,vvc,mpegvideo,m4v,obu,av1,vc1,mjpeg,"
    "mp3,flac,wav,w64,aac,aiff,ac3,eac3,dts,ape,amr,caf,tta,wv,mpc,mpc8,au,ac4,truehd"
)
_OPEN_TIMEOUT_S = 8.0
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
    if _PLAYLIST.match(_head(absolute).removeprefix(b"\xef\xbb\xbf").lstrip()):
        raise InputError(f"{text!r} is a playlist, which names other files.", code="INPUT_FORMAT_FORBIDDEN")
    return absolute, facts


def check_unchanged(info: VideoInfo) -> None:
    """Errors: InputError INPUT_CHANGED if the file's size or time of change is not what probing found."""
    _, facts = check_path(info.path)
    if (facts.st_size, facts.st_mtime_ns) != (info.size_bytes, info.mtime_ns):
        raise InputError(f"{info.path!r} has changed since it was first read.", code="INPUT_CHANGED")


def open_container(path: Path, settings: DecoderSettings, hwaccel: HWAccel | None = None) -> InputContainer:
    """Returns the opened container of a path that check_path passed; the caller closes it. hwaccel: what decodes it.

    Errors: InputError INPUT_CORRUPT, INPUT_UNRECOGNIZED, INPUT_UNREADABLE.
    """
    options = {
        "format_whitelist": _FORMATS,
        "protocol_whitelist": "file",
        # Some decoders run while the streams are explored, before anyone can look at the picture's size.
        "max_pixels": str(max_pixels(settings)),
    }
    try:
        return av.open(
            f"file:{path}",
            "r",
            options=options,
            metadata_errors="replace",
            timeout=(_OPEN_TIMEOUT_S, None),
            hwaccel=hwaccel,
        )
    except PermissionError as error:
        raise InputError(f"{str(path)!r} may not be read.", code="INPUT_UNREADABLE") from error
    except (av.FFmpegError, EOFError, ValueError) as error:
        if any(magic.match(_head(path)) for magic in _CONTAINER_MAGIC):
            raise InputError(
                f"{str(path)!r} is damaged or incomplete: its headers can't be read.", code="INPUT_CORRUPT"
            ) from error
        raise InputError(f"{str(path)!r} is not a video file.", code="INPUT_UNRECOGNIZED") from error


def max_pixels(settings: DecoderSettings) -> int:
    """Returns how many pixels a decoder may allocate for one picture."""
    # Coded pictures are padded to whole blocks of up to 128 pixels.
    return (settings.max_dimension_px + 128) ** 2


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SNIFF_BYTES)
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error
