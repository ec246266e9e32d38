"""The JSON result of a workflow read back into the values that it was made of, for writing them in other formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from yivideo_ray import types
from yivideo_ray.codec import parsed
from yivideo_ray.errors import ConfigError, InputError, warning_of
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome, StageRecord
from yivideo_ray.subtitles import result as documents
from yivideo_ray.subtitles.formats import WRITERS
from yivideo_ray.subtitles.languages import Track, split_by_script
from yivideo_ray.types import EngineFacts, ReviewReason, Stage, SubtitleArea, VideoInfo

__all__ = ["ResultValues", "parse_result", "parsed_result", "read_result", "subtitles_of", "values_of"]

REMEDY = "Run the workflow again."
# What an earlier version rejected for another reason counts for nothing any more.
_REASONS = {reason.value for reason in types.RejectionReason}


@dataclass(frozen=True, slots=True)
class ResultValues:
    """What a result says, as values. area: None if the workflow looked for none; sampled are the pts of the frames in
    which it was looked for. finalized: the workflow made cues, or could have. languages: what stands for each script
    where the subtitles were split, else empty.

    info.mtime_ns is 0: a document doesn't hold it.
    """

    info: VideoInfo
    layers: tuple[types.Layer, ...]
    cues: tuple[types.Cue, ...]
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
            layers=self.layers,
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


def read_result(path: Path) -> ResultValues:
    """Returns what the document at path says. Errors: InputError INPUT_NOT_FOUND, INPUT_UNREADABLE, and those of
    parse_result."""
    try:
        return parse_result(path.read_bytes(), name=str(path))
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}.", code="INPUT_NOT_FOUND", remedy=REMEDY) from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", code="INPUT_UNREADABLE") from error


def parse_result(data: bytes, *, name: str = "the document") -> ResultValues:
    """Returns what a result document says. Errors: InputError INPUT_UNRECOGNIZED if it is none of ours, or of a
    workflow that failed before the video was probed."""
    try:
        return values_of(parsed_result(data))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{name} is no result of a workflow: {first}.", remedy=REMEDY) from error


def parsed_result(data: bytes) -> documents.Result:
    """Returns a result document as its dataclasses, one of an earlier version as this version has them. Errors:
    ValueError if it is none of ours."""
    result = parsed(documents.Result, data)
    if result.schema_version not in documents.READABLE_VERSIONS:
        raise ValueError(f"schema_version {result.schema_version} is unknown")
    return replace(result, schema_version=documents.SCHEMA_VERSION)


def subtitles_of(result: documents.Result, subtitle_format: str) -> str:
    """Returns the cues of a result as a subtitle file has them. Errors: ConfigError CONFIG_INVALID for what is no
    format of subtitles, and for the result of a video that could not be read."""
    if subtitle_format not in WRITERS:
        raise ConfigError(
            f"{subtitle_format!r} is no format of subtitles.", remedy=f"The formats are {', '.join(WRITERS)}."
        )
    if isinstance(result.video, documents.UnreadVideo):
        raise ConfigError(
            f"{result.video.path} was not read, so there are no subtitles of it.", remedy="Look at the result's error."
        )
    values = values_of(result)
    return WRITERS[subtitle_format](values.cues, values.info)


def values_of(result: documents.Result) -> ResultValues:
    """Returns the values of a result. Errors: ValueError where the video was not read, or a fraction is none."""
    video = result.video
    if isinstance(video, documents.UnreadVideo):
        raise ValueError("the video was not read")
    stages: dict[Stage, StageRecord] = {record.stage: record for record in result.stages}
    sampled = stages[Stage.EXTRACT_KEYFRAMES].output.get("pts", ()) if Stage.EXTRACT_KEYFRAMES in stages else ()
    info = _info(video)
    return ResultValues(
        info=info,
        layers=tuple(_layer(layer, result.unreadable, info) for layer in result.layers),
        cues=tuple(_cue(cue) for cue in result.cues),
        area=None if result.subtitle_area is None else _area(result.subtitle_area),
        sampled=tuple(sampled),
        finalized=Stage.POSTPROCESS_AND_FINALIZE in stages,
        engine=_engine(result),
        partial=result.partial,
        decoded_s=result.decoded_s,
        expected_s=result.expected_s,
        languages={script: track.language for track in result.tracks for script in track.scripts},
    )


def _engine(result: documents.Result) -> EngineFacts | None:
    if result.engine is None:
        return None
    models = result.models
    return EngineFacts(
        result.engine, result.device or "", result.provider or "", models.detection or "", models.recognition or ""
    )


def _info(video: documents.Video) -> VideoInfo:
    time_base = Fraction(video.time_base)
    return VideoInfo(
        path=video.path,
        size_bytes=video.size_bytes,
        mtime_ns=0,
        container=video.container,
        codec=video.codec,
        pixel_format=video.pixel_format,
        stream_index=video.stream_index,
        coded_width=video.coded_width,
        coded_height=video.coded_height,
        width=video.width,
        height=video.height,
        rotation_deg=video.rotation_deg,
        sample_aspect_ratio=Fraction(video.sample_aspect_ratio),
        time_base=time_base,
        first_pts=video.start_pts,
        origin_s=video.start_pts * time_base if video.origin_s is None else Fraction(video.origin_s),
        duration_s=video.duration_s,
        frame_rate=None if video.frame_rate is None else Fraction(video.frame_rate),
        interlaced=video.interlaced,
        warnings=tuple(warning_of(told) for told in video.warnings),
    )


def _cue(cue: documents.Cue) -> types.Cue:
    return types.Cue(
        start_pts=cue.start_pts,
        end_pts=cue.end_pts,
        lines=cue.lines,
        confidence=cue.confidence,
        box=Box(*cue.box),
        band=cue.band,
        layer=cue.layer,
        frames=cue.frames,
        crops=cue.crops,
        needs_review=tuple(ReviewReason(reason) for reason in cue.needs_review),
    )


def _layer(layer: documents.Layer, unreadable: Iterable[documents.Unreadable], info: VideoInfo) -> types.Layer:
    return types.Layer(
        number=layer.number,
        probability=layer.probability,
        taken=layer.taken,
        reasons=tuple(types.LayerReason(reason.feature, reason.weight, reason.words) for reason in layer.reasons),
        box=Box(*layer.box),
        line_height_px=layer.line_height_px,
        # Which layer a cue is of is said by cues_of.
        cues=tuple(replace(_cue(cue), layer=None) for cue in layer.cues),
        unreadable=tuple(
            types.UnreadableText(shown.script, Box(*shown.box), info.pts_at(shown.start_s), info.pts_at(shown.end_s))
            for shown in unreadable
            if shown.layer == layer.number
        ),
    )


def _area(area: documents.Area) -> SubtitleArea:
    """Returns the area without the regions that were rejected for what is no reason any more."""
    return SubtitleArea(
        tuple(
            types.Band(
                band.name,
                Box(*band.box),
                band.line_height_px,
                types.BandEvidence(
                    band.evidence.samples,
                    band.evidence.samples_with_text,
                    band.evidence.distinct_texts,
                    band.evidence.mean_score,
                    band.evidence.reason,
                ),
            )
            for band in area.bands
        ),
        tuple(
            types.RejectedRegion(Box(*region.box), types.RejectionReason(region.reason), region.samples_with_text)
            for region in area.rejected
            if region.reason in _REASONS
        ),
    )
