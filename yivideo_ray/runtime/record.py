"""The record of a workflow on disk: what its stages put out, without pixels. Enough to go on from, and to look at.

A directory per workflow under storage.work_dir/records: record.json (the video's facts, the area, the stages) and
readings.json (the crops' times and everything the OCR read). Both are written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from yivideo_ray.jobs import StageRecord
from yivideo_ray.runtime.plan import Artifact
from yivideo_ray.subtitles.document import text
from yivideo_ray.subtitles.files import write_atomically
from yivideo_ray.types import CropMeta, CropText, EngineFacts, Stage, SubtitleArea, VideoInfo

__all__ = ["Record", "workflow_id"]

_INFO = TypeAdapter(VideoInfo)
_AREA = TypeAdapter(SubtitleArea | None)
_ENGINE = TypeAdapter(EngineFacts | None)
_STAGES = TypeAdapter(dict[Stage, StageRecord])
_CROPS = TypeAdapter(tuple[CropMeta, ...] | None)
_TEXTS = TypeAdapter(tuple[CropText, ...] | None)


def workflow_id(info: VideoInfo) -> str:
    """Returns the name of the work on this very file: other content, size or place is other work."""
    facts = f"{Path(info.path).resolve()}\0{info.size_bytes}\0{info.mtime_ns}"
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Record:
    """One workflow's record. Reading an absent or damaged one gives an empty one.

    Errors of save and save_readings: OutputError STORAGE_FULL or OUTPUT_NOT_WRITABLE; what was there before stays.
    """

    def __init__(self, work_dir: Path, info: VideoInfo) -> None:
        self.directory = work_dir.expanduser() / "records" / workflow_id(info)
        self.info = info
        self.area: SubtitleArea | None = None
        self.crops: tuple[CropMeta, ...] | None = None
        self.texts: tuple[CropText, ...] | None = None
        self.engine: EngineFacts | None = None
        self.decoded_s: float | None = None
        self.partial = False
        self.stages: dict[Stage, StageRecord] = {}

    def read(self) -> set[Artifact]:
        """Takes in what is on disk and returns which artifacts that gave."""
        try:
            page = json.loads((self.directory / "record.json").read_bytes())
            self.area = _AREA.validate_python(page["area"])
            self.engine = _ENGINE.validate_python(page["engine"])
            self.decoded_s, self.partial = page["decoded_s"], page["partial"]
            self.stages = _STAGES.validate_python(page["stages"])
            page = json.loads((self.directory / "readings.json").read_bytes())
            self.crops = _CROPS.validate_python(page["crops"])
            self.texts = _TEXTS.validate_python(page["texts"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            pass
        held = {Artifact.AREA: self.area, Artifact.CROPS: self.crops, Artifact.TEXTS: self.texts}
        return {artifact for artifact, value in held.items() if value is not None}

    def forget(self, artifacts: Iterable[Artifact]) -> None:
        """Drops, in memory, what a new run is about to make."""
        for artifact in artifacts:
            match artifact:
                case Artifact.AREA:
                    self.area = None
                case Artifact.CROPS:
                    self.crops, self.decoded_s, self.partial = None, None, False
                case Artifact.TEXTS:
                    self.texts = None

    def save(self) -> None:
        self._write(
            "record.json",
            {
                "info": _INFO.dump_python(replace(self.info, path=text(self.info.path)), mode="json"),
                "area": _AREA.dump_python(self.area, mode="json"),
                "engine": _ENGINE.dump_python(self.engine, mode="json"),
                "decoded_s": self.decoded_s,
                "partial": self.partial,
                "stages": _STAGES.dump_python(self.stages, mode="json"),
            },
        )

    def save_readings(self) -> None:
        self._write(
            "readings.json",
            {
                "crops": _CROPS.dump_python(self.crops, mode="json"),
                "texts": _TEXTS.dump_python(self.texts, mode="json"),
            },
        )

    def _write(self, name: str, page: dict[str, Any]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / name, json.dumps(page, ensure_ascii=False).encode())
