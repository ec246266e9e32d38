"""The record of a workflow on disk: what its stages put out, without pixels. Enough to go on from, and to look at.

A directory per workflow under storage.work_dir/records: record.json (the video's facts, the area, the stages) and
readings.json (the crops' times, everything the OCR read, and the area that it was cut by). Both are written whole or
not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from yivideo_ray.codec import text
from yivideo_ray.errors import OutputError
from yivideo_ray.files import write_atomically
from yivideo_ray.jobs import StageRecord
from yivideo_ray.locations import is_address
from yivideo_ray.runtime.workflow.plan import Artifact
from yivideo_ray.types import CropMeta, CropText, EngineFacts, Stage, SubtitleArea, VideoInfo

__all__ = ["Record", "record_directory", "workflow_id"]


@dataclass(slots=True)
class _RecordPage:
    """record.json. info is for people to read."""

    area: SubtitleArea | None
    engine: EngineFacts | None
    decoded_s: float | None
    partial: bool
    stages: dict[Stage, StageRecord]
    info: VideoInfo | None = None


@dataclass(slots=True)
class _ReadingsPage:
    """readings.json."""

    crops: tuple[CropMeta, ...] | None
    texts: tuple[CropText, ...] | None
    area: SubtitleArea | None = None


# An hour's readings hold 100,000 values: they go from bytes to dataclasses in one step, without dictionaries between.
_RECORD = TypeAdapter(_RecordPage)
_READINGS = TypeAdapter(_ReadingsPage)
_AREA = TypeAdapter(SubtitleArea | None)
_CROPS = TypeAdapter(tuple[CropMeta, ...])
_TEXTS = TypeAdapter(tuple[CropText, ...])
# So many crops or texts are written at a time.
_PART = 256

_T = TypeVar("_T")


def workflow_id(info: VideoInfo) -> str:
    """Returns the name of the work on this very file: other content, size or place is other work."""
    size_bytes, changed = info.identity
    facts = f"{info.path if is_address(info.path) else Path(info.path).resolve()}\0{size_bytes}\0{changed}"
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def record_directory(work_dir: Path, name: str) -> Path:
    """Returns where the record of a workflow is."""
    return work_dir.expanduser() / "records" / name


@dataclass(slots=True)
class Record:
    """One workflow's record. Reading an absent or damaged one gives an empty one.

    area is the one found last, crops_area the one that the crops were cut by. texts belong to crops. name is the
    workflow's id ("": that of the file), and the directory's name.
    Errors of save and save_readings: OutputError STORAGE_FULL or OUTPUT_NOT_WRITABLE; what was there before stays.
    """

    work_dir: Path
    info: VideoInfo
    area: SubtitleArea | None = None
    crops_area: SubtitleArea | None = None
    crops: tuple[CropMeta, ...] | None = None
    texts: tuple[CropText, ...] | None = None
    engine: EngineFacts | None = None
    decoded_s: float | None = None
    partial: bool = False
    stages: dict[Stage, StageRecord] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or workflow_id(self.info)

    @property
    def directory(self) -> Path:
        return record_directory(self.work_dir, self.name)

    def read(self) -> set[Artifact]:
        """Takes in what is on disk and returns which artifacts that gave."""
        try:
            page = _RECORD.validate_json((self.directory / "record.json").read_bytes())
            self.area, self.engine, self.stages = page.area, page.engine, page.stages
            self.decoded_s, self.partial = page.decoded_s, page.partial
            readings = _READINGS.validate_json((self.directory / "readings.json").read_bytes())
            self.crops, self.texts, self.crops_area = readings.crops, readings.texts, readings.area or page.area
        except (OSError, ValidationError):
            pass
        held = {Artifact.AREA: self.area, Artifact.CROPS: self.crops, Artifact.TEXTS: self.texts}
        return {artifact for artifact, value in held.items() if value is not None}

    def forget(self, artifacts: Iterable[Artifact]) -> None:
        """Drops, in memory, what a new run is about to make, and what is of no use without it."""
        for artifact in artifacts:
            match artifact:
                case Artifact.AREA:
                    self.area = None
                case Artifact.CROPS:
                    self.crops = self.texts = self.crops_area = None
                    self.decoded_s, self.partial = None, False
                case Artifact.TEXTS:
                    self.texts = None

    def save(self) -> None:
        info = replace(self.info, path=text(self.info.path))
        page = _RecordPage(self.area, self.engine, self.decoded_s, self.partial, self.stages, info)
        self._write("record.json", _RECORD.dump_json(page))

    def save_readings(self) -> None:
        self._write("readings.json", self._readings_page())

    def hand_over(self) -> tuple[SubtitleArea, tuple[CropMeta, ...], tuple[CropText, ...]]:
        """Returns the area of the crops, the crops and the texts, and keeps none of the last two in memory: those of an
        hour take 40 MB, and whoever makes cues of them may have a copy."""
        assert self.crops_area is not None, "the plan provides the area of the crops"
        assert self.crops is not None, "the plan provides crops"
        assert self.texts is not None, "the plan provides texts"
        crops, texts, self.crops, self.texts = self.crops, self.texts, None, None
        return self.crops_area, crops, texts

    def _readings_page(self) -> Iterator[bytes]:
        """Yields readings.json in parts: as a whole, that of an hour would take 27 MB more while it is made."""
        yield b'{"area":' + _AREA.dump_json(self.crops_area)
        yield b',"crops":'
        yield from _listed(_CROPS, self.crops)
        yield b',"texts":'
        yield from _listed(_TEXTS, self.texts)
        yield b"}"

    def _write(self, name: str, data: bytes | Iterable[bytes]) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.directory} can't be made: {error.strerror}.",
                remedy="Set storage.work_dir to another directory.",
            ) from error
        write_atomically(self.directory / name, data)


def _listed(adapter: TypeAdapter[tuple[_T, ...]], values: tuple[_T, ...] | None) -> Iterator[bytes]:
    """Yields the JSON of many values in parts."""
    if values is None:
        yield b"null"
        return
    yield b"["
    for start in range(0, len(values), _PART):
        yield (b"," if start else b"") + adapter.dump_json(values[start : start + _PART])[1:-1]
    yield b"]"
