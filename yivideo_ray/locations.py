"""Addresses of videos: which strings are some, which of them are sound, and which ones the settings allow. Pure.

Nothing is opened here, and nothing but location_named looks at a file system. Whoever opens an address lets
require_allowed judge it first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote

__all__ = [
    "PACKAGES",
    "Url",
    "VideoLocation",
    "is_address",
    "location_named",
    "location_of",
    "require_allowed",
    "require_prefix",
]

PACKAGES = {
    "abfs": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
    "memory": "fsspec",
    "oss": "ossfs",
    "s3": "s3fs",
    "s3a": "s3fs",
}
"""The protocols that can be allowed, each with the package that fsspec needs for it. They read one object under its own
name; what fsspec has besides reads local files, or opens what some other file names (archives, caches, references)."""

# Several protocols may stand before "://", as in simplecache::s3://bucket/film.mp4; such an address is none for us.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_HTTP = frozenset({"http", "https"})
# No IPv6 address: fsspec splits at "::" wherever it stands.
_AUTHORITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?::[0-9]{1,5})?")
_MAY_BE_SECRET = re.compile(r"[?#]|::")
_ESCAPES = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Url:
    """An address as somebody wrote it, sound or not. name and stem are for files that are to be called after it.

    str leaves out what may be secret: credentials, and what stands behind "?", "#" or "::". A sound address has none.
    """

    text: str

    def __str__(self) -> str:
        protocol, separator, rest = self.text.partition("://")
        authority, slash, path = _MAY_BE_SECRET.split(rest)[0].partition("/")
        return f"{protocol}{separator}{authority.rpartition('@')[2]}{slash}{path}"

    @property
    def protocol(self) -> str:
        return self.text.partition("://")[0]

    @property
    def name(self) -> str:
        return self.text.partition("://")[2].rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


VideoLocation: TypeAlias = Path | Url
"""Where a video is."""


def is_address(text: str) -> bool:
    """Returns whether this begins as an address does. An absolute path never does."""
    return _ADDRESS.match(text) is not None


def location_of(text: str) -> VideoLocation:
    """Returns what a string names, by its looks alone."""
    return Url(text) if is_address(text) else Path(text)


def location_named(text: str) -> VideoLocation:
    """Returns what a person's string names: a file where there is one of that name, however it looks."""
    return Path(text) if os.path.exists(text) else location_of(text)  # noqa: PTH110 - no Path of an address


def require_allowed(url: Url, prefixes: Iterable[str]) -> None:
    """Raises ValueError, with the reason as the end of a sentence, unless the address is sound and begins with one of
    the prefixes: the same protocol, the same host or bucket to the letter, and the same first segments."""
    protocol, authority, segments = _parts(url.text)
    if not segments:
        raise ValueError("names no object")
    for prefix in prefixes:
        wanted = require_prefix(prefix)
        if (protocol, authority) == wanted[:2] and segments[: len(wanted[2])] == wanted[2]:
            return
    raise ValueError("begins with none of storage.allowed_urls")


def require_prefix(text: str) -> tuple[str, str, tuple[str, ...]]:
    """Returns a prefix as protocol, authority and segments; a "/" at its end changes nothing. Raises ValueError, with
    the reason as the end of a sentence, if no sound address begins so."""
    return _parts(text.removesuffix("/") if not text.endswith("://") else text)


def _parts(text: str) -> tuple[str, str, tuple[str, ...]]:
    if not text.isprintable() or "\\" in text:
        raise ValueError("holds characters that no address has")
    protocol, separator, rest = text.partition("://")
    if not separator:
        raise ValueError("is no address")
    if "::" in text:
        raise ValueError("chains protocols")
    if protocol not in PACKAGES:
        raise ValueError(f"has a protocol other than {', '.join(PACKAGES)}")
    if "?" in rest or "#" in rest:
        raise ValueError("has a query or a fragment, which may hold secrets")
    authority, *segments = rest.split("/")
    if "@" in authority:
        raise ValueError("holds credentials; they belong into the environment of the nodes")
    if not _AUTHORITY.fullmatch(authority):
        raise ValueError("names no host or bucket")
    for segment in segments:
        _check(segment, escaped=protocol in _HTTP)
    return protocol, authority, tuple(segments)


def _check(segment: str, *, escaped: bool) -> None:
    """Raises ValueError for a segment that some server or library could take for a step to elsewhere."""
    if escaped and not _ESCAPES.fullmatch(segment):
        raise ValueError("holds a % that escapes nothing")
    plain = segment
    # However often it is taken out of its escapes on the way.
    while True:
        if plain in ("", ".", ".."):
            raise ValueError("has segments that are empty or dots")
        if not plain.isprintable() or "/" in plain or "\\" in plain:
            raise ValueError("holds escapes that no name needs")
        further = unquote(plain)
        if further == plain:
            return
        plain = further
