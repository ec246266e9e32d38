"""The JSON result of a workflow read back: cues, facts of the video and area, for writing them in other formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from yivideo_ray.errors import InputError
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome
from yivideo_ray.subtitles.languages import Track, split_by_script
from yivideo_ray.subtitles.result import SCHEMA_VERSION
from yivideo_ray.types import (
    Band,
    BandEvidence,
    Cue,
    EngineFacts,
    RejectedRegion,
    RejectionReason,
    ReviewReason,
    Stage,
    SubtitleArea,
    VideoInfo,
)

__all__ = ["Result", "parse_result", "read_result"]

REMEDY = "Run the workflow again."


@dataclass(frozen=True, slots=True)
class Result:
    """What a result document says. area: None if the workflow looked for none; sampled are the pts of the frames in
    which it was looked for. finalized: the workflow made cues, or could have. languages: what stands for each script
    where the subtitles were split, else empty.

    info.mtime_ns is 0: a document doesn't hold it.
    """

    info: VideoInfo
    cues: tuple[Cue, ...]
    area: SubtitleArea | None
    sampled: tuple[int, ...]
    finalized: bool
    languages: Mapping[str, str]
    engine: EngineFacts | None
    partial: bool
    decoded_s: float | None
    expected_s: float | None

    def complete(self, bare: Outcome) -> Outcome:
        """Returns an outcome with what the document knows besides."""
        return replace(
            bare,
            info=self.info,
            area=self.area,
            cues=self.cues,
            engine=self.engine,
            partial=self.partial,
            decoded_s=self.decoded_s,
            expected_s=self.expected_s,
        )

    def tracks(self, languages: Mapping[str, str], merge_gap_s: float) -> tuple[Track, ...]:
        """Returns the cues as a track for each language; languages gives those of scripts that the document has no
        track for."""
        return split_by_script(self.cues, {**languages, **self.languages}, int(merge_gap_s / self.info.time_base))


def read_result(path: Path) -> Result:
    """Returns what the document at path says. Errors: InputError INPUT_NOT_FOUND, INPUT_UNREADABLE, and those of
    parse_result."""
    try:
        return parse_result(path.read_bytes(), name=str(path))
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}.", code="INPUT_NOT_FOUND", remedy=REMEDY) from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error


def parse_result(data: bytes, *, name: str = "the document") -> Result:
    """Returns what a result document says. Errors: InputError INPUT_UNRECOGNIZED if it is none of ours, or of a
    workflow that failed before the video was probed."""
    try:
        document = json.loads(data)
        if document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {document['schema_version']} is unknown")
        stages = {Stage(stage["stage"]): stage for stage in document["stages"]}
        return Result(
            info=_info(document["video"]),
            cues=tuple(_cue(cue) for cue in document["cues"]),
            area=None if document["subtitle_area"] is None else _area(document["subtitle_area"]),
            sampled=tuple(stages.get(Stage.EXTRACT_KEYFRAMES, {}).get("output", {}).get("pts", ())),
            finalized=Stage.POSTPROCESS_AND_FINALIZE in stages,
            engine=_engine(document),
            partial=document["partial"],
            decoded_s=document["decoded_s"],
            expected_s=document["expected_s"],
            languages={script: track["language"] for track in document["tracks"] for script in track["scripts"]},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} is no result of a workflow: {error!r}.", remedy=REMEDY) from error


def _engine(document: Mapping[str, Any]) -> EngineFacts | None:
    if document["engine"] is None:
        return None
    models = document["models"]
    return EngineFacts(
        document["engine"], document["device"], document["provider"], models["detection"], models["recognition"]
    )


def _info(video: Mapping[str, Any]) -> VideoInfo:
    rate = video["frame_rate"]
    return VideoInfo(
        path=video["path"],
        size_bytes=video["size_bytes"],
        mtime_ns=0,
        container=video["container"],
        codec=video["codec"],
        pixel_format=video["pixel_format"],
        stream_index=video["stream_index"],
        coded_width=video["coded_width"],
        coded_height=video["coded_height"],
        width=video["width"],
        height=video["height"],
        rotation_deg=video["rotation_deg"],
        sample_aspect_ratio=Fraction(video["sample_aspect_ratio"]),
        time_base=Fraction(video["time_base"]),
        start_pts=video["start_pts"],
        duration_s=video["duration_s"],
        frame_rate=None if rate is None else Fraction(rate),
        interlaced=video["interlaced"],
        warnings=tuple(video["warnings"]),
    )


def _cue(cue: Mapping[str, Any]) -> Cue:
    return Cue(
        start_pts=cue["start_pts"],
        end_pts=cue["end_pts"],
        lines=tuple(cue["lines"]),
        confidence=cue["confidence"],
        box=_box(cue["box"]),
        band=cue["band"],
        frames=cue["frames"],
        crops=cue["crops"],
        needs_review=tuple(ReviewReason(reason) for reason in cue["needs_review"]),
    )


def _area(area: Mapping[str, Any]) -> SubtitleArea:
    return SubtitleArea(
        tuple(
            Band(band["name"], _box(band["box"]), band["line_height_px"], BandEvidence(**band["evidence"]))
            for band in area["bands"]
        ),
        tuple(
            RejectedRegion(_box(region["box"]), RejectionReason(region["reason"]), region["samples_with_text"])
            for region in area["rejected"]
        ),
    )


def _box(corners: Sequence[int]) -> Box:
    return Box(*corners)
