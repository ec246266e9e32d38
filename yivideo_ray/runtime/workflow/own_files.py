"""Which files are ours: those whose bytes are the ones that a run of the same video wrote there. No other file is
written over or removed.

What runs wrote is kept in the database, for each video and each directory (OwnFiles, a part of checkpoint.Book); how it
is asked is here, and who asks, and when, in publishing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from yivideo_ray.codec import text
from yivideo_ray.errors import OutputError
from yivideo_ray.locations import Url, VideoLocation

__all__ = ["Digest", "OwnFiles", "digest_at", "record_name", "require_replaceable", "require_same_or_none"]


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells one file's bytes from others; sha256 is in hexadecimal digits."""

    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Digest:
        return cls(len(data), hashlib.sha256(data).hexdigest())


def digest_at(path: Path, sizes: Collection[int]) -> Digest | None:
    """Returns the digest of a regular file of one of these sizes; None: there is none at the path itself, or it can't
    be read. A larger foreign file is not read."""
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size not in sizes:
            return None
        with path.open("rb") as file:
            return Digest(facts.st_size, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """What runs of one video wrote into one directory, by the files' names.

    files: all that counts as ours. A file has two digests while another takes its place, so that a run that is killed
    then leaves nothing that the next one doesn't know. outputs: what the last run to come to its end wrote, in order;
    basis: the fingerprint of what decided that ("": nobody can tell).
    """

    files: Mapping[str, tuple[Digest, ...]] = field(default_factory=dict)
    outputs: Mapping[str, Digest] = field(default_factory=dict)
    basis: str = ""

    def holds(self, path: Path) -> bool:
        """Returns whether the file at a path is as we wrote it, and nobody has protected it."""
        return _is(path, self.files.get(_key(path.name), ())) and not _is_read_only(path)

    def unchanged_outputs(self, directory: Path, basis: str) -> tuple[Path, ...]:
        """Returns the outputs of the last run that came to its end; none if something else decided them, or one of
        them is not there as it was written."""
        found = {directory / _name(key): digest for key, digest in self.outputs.items()}
        intact = all(_is(path, (digest,)) for path, digest in found.items())
        return tuple(found) if basis and basis == self.basis and intact else ()

    def others(self, directory: Path, paths: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Returns the files that earlier runs wrote besides these: those that are as they were, and those that were
        changed since. What is gone is neither."""
        names = {path.name for path in paths}
        there = [path for key in self.files if (path := directory / _name(key)).name not in names and _is_there(path)]
        kept = tuple(path for path in there if self.holds(path))
        return kept, tuple(path for path in there if path not in kept)

    def replacing(self, new: Mapping[Path, Digest]) -> OwnFiles:
        """Returns what is ours while new files take the places of those that are there."""
        files = dict(self.files)
        for path, digest in new.items():
            there = [old for old in files.get(_key(path.name), ()) if _is(path, (old,))]
            files[_key(path.name)] = (*there, digest)
        return replace(self, files=files)

    def replaced(self, new: Mapping[Path, Digest], basis: str, kept: Collection[Path]) -> OwnFiles:
        """Returns what is ours when new files are the outputs. kept: files of earlier runs that are ours still."""
        before = {_key(path.name): self.files[_key(path.name)] for path in kept}
        outputs = {_key(path.name): digest for path, digest in new.items()}
        return OwnFiles({**before, **{name: (digest,) for name, digest in outputs.items()}}, outputs, basis)


def require_replaceable(paths: Iterable[Path], own: OwnFiles, *, overwrite: bool) -> None:
    """Errors: OutputError OUTPUT_EXISTS for a file that is not ours, or that was made read-only, unless it is to be
    overwritten; OUTPUT_NOT_WRITABLE for a directory."""
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - false, and no error, where a link leads to what may not be looked at
            raise OutputError(f"{path} can't be written: {os.strerror(errno.EISDIR)}.", path=text(str(path)))
        why = None if overwrite or not _is_there(path) else _why_not_ours(path, own)
        if why is not None:
            raise OutputError(f"{path} {why}", code="OUTPUT_EXISTS", path=text(str(path)))


def require_same_or_none(files: Mapping[Path, bytes]) -> None:
    """Errors: OutputError OUTPUT_EXISTS where a file is there and has other bytes than these, OUTPUT_NOT_WRITABLE for a
    directory. For those who keep no record of what they wrote."""
    differing = [path for path, data in files.items() if not _is(path, (Digest.of(data),))]
    require_replaceable(differing, OwnFiles(), overwrite=False)


def _why_not_ours(path: Path, own: OwnFiles) -> str | None:
    """Returns why a file that is there is not to be replaced, as the end of a sentence."""
    if _key(path.name) not in own.files:
        return "is there, and no run on this video is known to have written it."
    if own.holds(path):
        return None
    return "was made read-only since it was written." if _is_read_only(path) else "was changed since it was written."


def _is_read_only(path: Path) -> bool:
    # A rename would replace it all the same, but whoever protects a file wants it to stay.
    return not path.lstat().st_mode & stat.S_IWUSR


def record_name(video: VideoLocation, directory: Path) -> str:
    """Returns the name under which what runs of a video wrote into a directory is kept. It is the same for a video that
    was changed or replaced, and another for a link to it, whose outputs have other names."""
    where = video.text if isinstance(video, Url) else video.parent.resolve() / video.name
    facts = f"{where}\0{directory.resolve()}".encode("utf-8", "surrogateescape")
    return f"own-{hashlib.sha256(facts).hexdigest()[:32]}"


def _is(path: Path, digests: Collection[Digest]) -> bool:
    return digest_at(path, [digest.size_bytes for digest in digests]) in digests


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _key(name: str) -> str:
    """Returns a file's name as JSON can hold it, whatever its bytes are."""
    return quote_from_bytes(os.fsencode(name), safe=" ")


def _name(key: str) -> str:
    return os.fsdecode(unquote_to_bytes(key))
